package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// opeLog is a log of decisions that is read once or more.
type opeLog struct {
	in     *opeInput
	stdin  io.Reader
	w      io.Writer // for progress
	first  []*dataset.File
	format offpolicy.Format
	fields offpolicy.Fields
	arms   *offpolicy.Arms
	// numbers is the interval of the actions, where they are numbers; arms is empty then
	numbers *offpolicy.Interval
	hidden  []string // fields that are no context
	join    *opeJoin // nil where every record is a decision with its reward
}

// run evaluates the candidates and reports.
func (in *opeInput) run(cmd *cobra.Command) error {
	if err := in.check(); err != nil {
		return usageError(err)
	}
	m, err := in.logModel()
	if err != nil {
		return usageError(err)
	}
	specs, err := in.candidates(cmd.Context())
	if err != nil {
		return err
	}
	l := &opeLog{in: in, stdin: cmd.InOrStdin(), w: cmd.ErrOrStderr()}
	if err := l.findNumbers(&m, specs); err != nil {
		return usageError(err)
	}
	if err := l.open(); err != nil {
		return usageError(err)
	}
	defer func() { closeAll(l.first) }()
	report, err := l.evaluate(m, specs)
	if err != nil {
		return err
	}
	if err := report.draw(in.plot); err != nil {
		return err
	}
	if in.asJSON {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		err = report.print(cmd.OutOrStdout())
	}
	switch {
	case err != nil:
		return err
	case report.Rows == 0:
		return errors.New("the log has no rows")
	case report.Used == 0:
		return fmt.Errorf("all %d rows were refused; the first because %s (%s)", report.Rows, report.Refused[0].Reason, report.Refused[0].Example)
	}
	return nil
}

// open opens the files to learn what they are.
func (l *opeLog) open() (err error) {
	if l.first, err = openAll(l.in.files, l.stdin, l.in.options); err != nil {
		return err
	}
	if err := alike(l.first); err != nil {
		closeAll(l.first)
		return err
	}
	f := l.first[0]
	if f.Format != dataset.CSV && f.Format != dataset.JSON {
		closeAll(l.first)
		return fmt.Errorf("%s: is %s; a log of decisions must be csv, json or parquet", f.Name, f.Format)
	}
	l.format = offpolicy.Format{Name: f.Format, Columns: f.Columns, Comma: f.Comma}
	return nil
}

// once reports whether the log can be read only once.
func (l *opeLog) once() bool { return slices.Contains(l.in.files, "-") }

// pass reads the whole log; rows count from 1.
func (l *opeLog) pass(row func(number uint64, place func() string, raw []byte) error) error {
	files := l.first
	if !l.once() {
		var err error
		if files, err = openAll(l.in.files, l.stdin, l.in.options); err != nil {
			return err
		}
		defer closeAll(files)
	}
	if l.join != nil {
		return l.join.pass(files, l.w, row)
	}
	records := newRecordReader(files, l.w)
	defer records.close()
	for number := uint64(1); ; number++ {
		raw, err := records.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = row(number, records.place, raw)
		}
		if err != nil {
			return err
		}
	}
}

// evaluate makes candidates and rewards and reads the log.
func (l *opeLog) evaluate(m configs.Model, specs []candidateSpec) (*opeReport, error) {
	if err := l.takeDecisions(&m); err != nil {
		return nil, usageError(err)
	}
	l.nameFields(&m, specs)
	if err := l.takeJoin(&m); err != nil {
		return nil, usageError(err)
	}
	modelled := l.numbers == nil && slices.ContainsFunc(specs, func(c candidateSpec) bool { return c.complete() }) || l.in.rewards != ""
	estimators, err := l.in.chosenEstimators(modelled)
	if err != nil {
		return nil, usageError(err)
	}
	modelled = l.numbers == nil && slices.ContainsFunc(estimators, ope.Estimator.NeedsModel)
	needed := modelled || slices.ContainsFunc(specs, func(c candidateSpec) bool { return c.needsArms() })
	if l.numbers != nil {
		l.arms = offpolicy.NewArms(nil)
	} else if err := l.findArms(&m, specs, needed); err != nil {
		return nil, err
	}
	c := offpolicy.Config{Format: l.format, Fields: l.fields, Arms: l.arms, Numbers: l.numbers, Ope: l.in.weights}
	c.Ope.RewardMin, c.Ope.RewardMax = m.Learner.Bandit.RewardMin, m.Learner.Bandit.RewardMax
	if l.in.bounds != nil {
		c.Ope.RewardMin, c.Ope.RewardMax = l.in.bounds[0], l.in.bounds[1]
	}
	if err := c.Ope.Validate(); err != nil {
		return nil, usageError(err)
	}
	report := &opeReport{
		Files: l.in.files, Format: l.format.Name, Alpha: l.in.alpha, RewardMin: c.Ope.RewardMin, RewardMax: c.Ope.RewardMax,
		estimators: estimators,
	}
	var rewards offpolicy.Rewards
	if modelled {
		if rewards, report.RewardModel, err = l.rewards(&m, &c.Ope); err != nil {
			return nil, usageError(err)
		}
	}
	var candidates []offpolicy.Candidate
	for i := range specs {
		p, err := specs[i].asPolicy(l)
		if err != nil {
			return nil, usageError(fmt.Errorf("--policy %s: %w", specs[i].name, err))
		}
		candidates = append(candidates, offpolicy.Candidate{Name: specs[i].name, Policy: p})
	}
	v, err := offpolicy.New(c, candidates, rewards)
	if err != nil {
		return nil, usageError(fmt.Errorf("--%w", err))
	}
	if g, ok := rewards.(*offpolicy.Regression); ok && g.CrossFitted() {
		if err := l.pass(func(number uint64, place func() string, raw []byte) error {
			v.Teach(number, place, raw)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if err := l.pass(func(number uint64, place func() string, raw []byte) error {
		report.Rows++
		v.Add(number, place, raw)
		return nil
	}); err != nil {
		return nil, err
	}
	report.fill(v, l.join, candidates, rewards)
	return report, nil
}

// takeDecisions makes the fields those of a log of decisions of another program, which names them all.
func (l *opeLog) takeDecisions(m *configs.Model) error {
	f := l.first[0]
	if f.Decisions == "" {
		return nil
	}
	takeDecisions(m, f)
	if l.in.fields.Dropped == "" && f.Decisions == dataset.DSJSON {
		l.in.fields.Dropped = dataset.DecisionDropped
	}
	if l.in.file != "" || len(l.in.arms) > 0 {
		return nil
	}
	return banditFor(m, l.first, l.in.options, nil)
}

// nameFields takes the fields of the decision from flags, from the configuration, or from a published candidate.
func (l *opeLog) nameFields(m *configs.Model, specs []candidateSpec) {
	if i := slices.IndexFunc(specs, func(c candidateSpec) bool { return c.published != nil }); l.in.file == "" && i >= 0 {
		takeSchema(m, &specs[i].schema)
	}
	s := m.Schema()
	l.fields = l.in.fields
	for _, f := range []struct {
		flag       string
		to         *string
		configured string
	}{{"reward", &l.fields.Reward, s.Label}, {"action", &l.fields.Action, s.Arm}, {"propensity", &l.fields.Propensity, s.Probability}, {"eligible", &l.fields.Eligible, s.Eligible}} {
		if !l.in.changed(f.flag) {
			*f.to = f.configured
		} else if f.configured != "" && f.configured != *f.to {
			l.hidden = append(l.hidden, f.configured) // known only after the decision, or by it
		}
	}
	for _, c := range specs {
		if c.kind == "column" {
			l.hidden = append(l.hidden, c.arg)
		}
	}
	if name, ok := strings.CutPrefix(l.in.rewards, "column:"); ok {
		l.hidden = append(l.hidden, name)
	}
}

// takeSchema makes the fields of a model those of a published one.
func takeSchema(m *configs.Model, s *event.Schema) {
	m.Source.Label, m.Source.Arm, m.Source.Probability = s.Label, s.Arm, s.Probability
	m.Source.Eligible, m.Source.Actions, m.Source.Context = s.Eligible, s.Actions, s.Context
	m.Source.Weight, m.Source.Time, m.Source.Key, m.Source.ID = s.Weight, s.Time, s.Key, s.ID
	f := &m.Features
	f.Include, f.Exclude, f.Numeric, f.Categorical = s.Include, s.Exclude, s.Numeric, s.Categorical
	f.Text, f.Log1p, f.Cyclic, f.Missing, f.Cross = s.Text, s.Log1p, s.Cyclic, s.Missing, s.Cross
	f.Ngrams, f.MaxFeatures = cmp.Or(s.Ngrams, f.Ngrams), cmp.Or(s.MaxFeatures, f.MaxFeatures)
}

// findArms finds the names of all actions: those given, or configured, or in the log, and those of the candidates.
func (l *opeLog) findArms(m *configs.Model, specs []candidateSpec, needed bool) error {
	names := slices.Clone(l.in.arms)
	if len(names) == 0 {
		names = slices.Clone(m.Learner.Bandit.Arms)
	}
	if len(names) == 0 && l.fields.Action == "" && needed {
		return usageError(errors.New("--action: must name the field of the action that was taken"))
	}
	if len(names) == 0 && l.fields.Action != "" {
		if l.once() {
			return usageError(errors.New("--arms: name the actions, since standard input can be read only once"))
		}
		d, err := offpolicy.NewDiscovery(l.format, l.fields.Action)
		if err != nil {
			return usageError(fmt.Errorf("--action: %w", err))
		}
		if err := l.pass(func(_ uint64, _ func() string, raw []byte) error { return d.Look(raw) }); err != nil {
			return err
		}
		names = d.Arms()
	}
	for i := range specs {
		names = append(names, specs[i].arms()...)
	}
	l.arms = offpolicy.NewArms(names)
	return nil
}

// layout is how a candidate with the schema s reads the context of this log.
func (l *opeLog) layout(s event.Schema) event.Layout {
	if l.in.id != "" {
		s.ID = l.in.id
	}
	if l.in.time != "" {
		s.Time = l.in.time
	}
	return offpolicy.Layout(l.format, l.fields, l.arms, s, l.hidden...)
}

// rewards makes the model of rewards, and says in words what it is.
func (l *opeLog) rewards(m *configs.Model, bounds *ope.Config) (offpolicy.Rewards, string, error) {
	kind, arg, _ := strings.Cut(l.in.rewards, ":")
	settings := *m
	what := "ridge regression"
	switch kind {
	case "column":
		c, err := offpolicy.NewColumnRewards(l.format, l.arms, arg)
		if err != nil {
			return nil, "", fmt.Errorf("--reward-model: %w", err)
		}
		return c, "field " + arg, nil
	case "config":
		path, model, _ := strings.Cut(arg, "#")
		other, err := banditOf(path, model)
		if err != nil {
			return nil, "", fmt.Errorf("--reward-model: %w", err)
		}
		settings, what = other, other.Learner.Bandit.Policy+" of "+path
	case "mean":
		what = "mean of every action"
	case "", "ridge":
		settings.Learner.Bandit.Policy = bandit.LinUCB
	default:
		return nil, "", fmt.Errorf("--reward-model %s: must be ridge, mean, column:FIELD or config:PATH[#MODEL]", l.in.rewards)
	}
	b := &settings.Learner.Bandit
	b.Arms, b.RewardMin, b.RewardMax = l.arms.Names(), bounds.RewardMin, bounds.RewardMax
	if len(b.Arms) < 2 {
		return nil, "", fmt.Errorf("the log has the actions %v: a model of rewards needs two at least; name all with --arms", b.Arms)
	}
	takeFormat(&settings, l.first[0])
	settings.Source.Label, settings.Source.Arm, settings.Source.Probability = l.fields.Reward, l.fields.Action, l.fields.Propensity
	settings, err := settings.With(l.in.set)
	if err != nil {
		return nil, "", err
	}
	layout := l.layout(settings.Schema())
	if kind == "mean" {
		none := "\xff" // no field: a name is valid UTF-8
		if layout.Context != "" {
			none = layout.Context + "." + none
		}
		layout.Include = []string{none}
	}
	folds := l.in.folds
	if l.once() {
		if l.in.changed("folds") && folds > 1 {
			return nil, "", errors.New("--folds: standard input can be read only once; use --folds 1")
		}
		folds = 1
	}
	fit := fmt.Sprintf(", cross-fitted in %d folds", folds)
	if folds == 1 {
		fit = ", each row predicted by those before"
	}
	g, err := offpolicy.NewRegression(settings.Learner.Bandit, folds, layout)
	return g, what + fit, err
}
