package offpolicy

import (
	"fmt"

	"github.com/valyala/fastjson"

	"github.com/streamlearner/streamlearner/internal/ope"
)

// Fields names what a logged decision is made of: columns of CSV, paths of JSON.
type Fields struct {
	Action     string // the arm; empty when no candidate needs it
	Reward     string
	Propensity string // the logging policy's probability of the action
	Dropped    string // probability that such a decision was left out of the log; empty for 0
	Eligible   string // the arms that could be taken, an array of names or indices; empty for all
}

// Config says what is evaluated.
type Config struct {
	Format Format
	Fields Fields
	Arms   *Arms
	// Numbers is the interval of the actions, where they are numbers and no arms; Propensity is then the field of the density.
	Numbers *Interval
	Ope     ope.Config
}

// Candidate is a policy with the name that results have.
type Candidate struct {
	Name   string
	Policy Policy
}

// Result is the evaluation of one candidate.
type Result struct {
	Name string
	*ope.Evaluation
	// Modelled is true when the estimators that need predicted rewards can be trusted: there is a model, and the
	// candidate's probabilities of all arms are known.
	Modelled bool
}

// row is a logged decision.
type row struct {
	record   record
	number   uint64 // counted from 1
	place    func() string
	action   int     // index of the arm; -1 without a field of it, and where numbers are chosen
	value    float64 // the number, where numbers are chosen
	eligible []bool  // of every arm; nil when all could be taken
	decision ope.Decision
}

// Evaluator adds decisions to the sums of all candidates.
type Evaluator struct {
	config     Config
	action     field
	reward     field
	propensity field
	dropped    field
	eligible   field
	mask       []bool // memory of row.eligible

	candidates []Candidate
	results    []Result
	decisions  []ope.Decision // of the row at hand, for every candidate
	rewards    Rewards        // nil for none
	row        row

	Refusals Refusals
}

// New returns an evaluator that has seen nothing. rewards may be nil. Errors begin with the field at fault: reward,
// propensity, action, drop-prob or eligible.
func New(c Config, candidates []Candidate, rewards Rewards) (*Evaluator, error) {
	v := &Evaluator{config: c, candidates: candidates, rewards: rewards, decisions: make([]ope.Decision, len(candidates))}
	v.row.record.format = &v.config.Format
	for _, f := range []struct {
		to         *field
		name, what string
		needed     bool
	}{
		{&v.reward, c.Fields.Reward, "reward", true}, {&v.propensity, c.Fields.Propensity, "propensity", true},
		{&v.action, c.Fields.Action, "action", c.Numbers != nil}, {&v.dropped, c.Fields.Dropped, "drop-prob", false},
		{&v.eligible, c.Fields.Eligible, "eligible", false},
	} {
		if f.name == "" && !f.needed {
			continue
		}
		if f.name == "" {
			return nil, fmt.Errorf("%s: must name the field of the log that holds it", f.what)
		}
		var err error
		if *f.to, err = c.Format.field(f.name); err != nil {
			return nil, fmt.Errorf("%s: %w", f.what, err)
		}
	}
	for _, k := range candidates {
		e, err := ope.New(c.Ope)
		if err != nil {
			return nil, err
		}
		v.results = append(v.results, Result{Name: k.Name, Evaluation: e, Modelled: rewards != nil})
	}
	return v, nil
}

// Results returns the evaluations so far, in the order of the candidates.
func (v *Evaluator) Results() []Result { return v.results }

// Teach fits cross-fitted rewards to a record, before any is added.
func (v *Evaluator) Teach(number uint64, place func() string, raw []byte) {
	if v.rewards != nil && v.read(number, place, raw) == nil {
		v.rewards.teach(&v.row)
	}
}

// Add evaluates a record, or counts why it cannot. place says where the record is.
func (v *Evaluator) Add(number uint64, place func() string, raw []byte) {
	if err := v.add(number, place, raw); err != nil {
		v.Refusals.add(number, place, asRefusal(err))
	}
}

func (v *Evaluator) add(number uint64, place func() string, raw []byte) error {
	if err := v.read(number, place, raw); err != nil {
		return err
	}
	var q []float64
	if v.rewards != nil {
		var err error
		if q, err = v.rewards.predict(&v.row); err != nil {
			return err
		}
	}
	for i := range v.candidates {
		if err := v.ask(i, q); err != nil {
			return asRefusal(err).of(v.candidates[i].Name)
		}
	}
	for i, d := range v.decisions {
		if problem := v.results[i].Add(d); problem != ope.None { // does not occur: checked by ask
			return refusal{problem.String(), ""}
		}
	}
	for i := range v.candidates {
		v.candidates[i].Policy.learn(&v.row)
	}
	if v.rewards != nil {
		v.rewards.learn(&v.row)
	}
	return nil
}

// read makes the row of a record, and refuses what no candidate could use.
func (v *Evaluator) read(number uint64, place func() string, raw []byte) (err error) {
	r := &v.row
	r.number, r.place, r.action, r.eligible, r.decision = number, place, -1, nil, ope.Decision{Density: v.config.Numbers != nil}
	if err := r.record.read(raw); err != nil {
		return err
	}
	if r.decision.Reward, err = r.record.number(&v.reward, "the reward"); err != nil {
		return err
	}
	if r.decision.Propensity, err = r.record.number(&v.propensity, "the propensity"); err != nil {
		return err
	}
	if v.dropped.name != "" {
		if r.decision.Dropped, err = r.record.number(&v.dropped, "the drop probability"); err != nil {
			return err
		}
	}
	switch {
	case v.config.Numbers != nil:
		if r.value, err = v.config.Numbers.read(&r.record, &v.action); err != nil {
			return err
		}
	case v.action.name != "":
		if err := v.readAction(); err != nil {
			return err
		}
	}
	return v.check(r.decision)
}

// readAction finds the action and what else could have been taken.
func (v *Evaluator) readAction() (err error) {
	r := &v.row
	text, _ := r.record.value(&v.action)
	if len(text) == 0 {
		return refusal{"the action is missing", v.action.name + " is empty"}
	}
	if r.action, err = v.config.Arms.find(text); err != nil || v.eligible.name == "" {
		return err
	}
	named := string(text)
	text, list := r.record.value(&v.eligible)
	if list == nil && len(text) == 0 {
		return nil // absent: all
	}
	if list == nil || list.Type() != fastjson.TypeArray {
		return refusal{"the eligible arms are no array", v.eligible.name + " must be an array of names or indices"}
	}
	v.mask = append(v.mask[:0], make([]bool, len(v.config.Arms.names))...)
	for _, x := range list.GetArray() {
		i, err := v.config.Arms.find(textOf(x))
		if err != nil {
			return refusal{"an eligible arm is none of the arms", fmt.Sprintf("%q", clip(textOf(x)))}
		}
		v.mask[i] = true
	}
	if r.eligible = v.mask; !r.eligible[r.action] {
		return refusal{"the action was not eligible", fmt.Sprintf("%q", named)}
	}
	return nil
}

// check refuses a decision that its evaluation would not take.
func (v *Evaluator) check(d ope.Decision) error {
	problem := v.config.Ope.Check(d)
	if problem == ope.None {
		return nil
	}
	found := fmt.Sprintf("propensity %v, reward %v", d.Propensity, d.Reward)
	if problem == ope.BadTarget || problem == ope.BadTargetDensity || problem == ope.LargeWeight {
		found += fmt.Sprintf(", target probability %v", d.Target)
	}
	return refusal{problem.String(), found}
}

// ask fills the decision of a candidate. q are the predicted rewards, nil without a model.
func (v *Evaluator) ask(i int, q []float64) error {
	var t target
	if err := v.candidates[i].Policy.target(&v.row, &t); err != nil {
		return err
	}
	d := v.row.decision
	d.Target = t.logged
	if t.all == nil || q == nil {
		v.results[i].Modelled = false
	} else {
		d.Logged = q[v.row.action]
		for a, p := range t.all {
			d.Expected += float64(p * q[a])
		}
	}
	v.decisions[i] = d
	return v.check(d)
}
