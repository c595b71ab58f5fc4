package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// stateReport is the document of snapshot show --json.
type stateReport struct {
	Key      string            `json:"partition"`
	Next     int64             `json:"next_offset"`
	Seq      uint64            `json:"save"`
	Claim    state.Claim       `json:"claim"`
	Mode     string            `json:"mode"`
	Held     bool              `json:"held"`         // frozen by an operator
	HeldAt   uint64            `json:"held_version"` // that readers are held at by an operator; 0 for none
	Fed      uint64            `json:"fed"`
	Learned  uint64            `json:"learned"`
	Rejected map[string]uint64 `json:"rejected"`
	Alarms   uint64            `json:"alarms"`
	Freezes  uint64            `json:"freezes"`
	Loss     float64           `json:"loss"`
	GradNorm float64           `json:"grad_norm"`
	Descent  descentReport     `json:"descent"`
	Join     *joinReport       `json:"join,omitempty"`
	Guard    guardReport       `json:"guard"`
	Live     string            `json:"params_sha256"` // of the model that learns
	Current  *versionReport    `json:"current"`       // what readers are served; null while nothing is proven
	Model    *modelReport      `json:"model"`         // its parameters
	Versions []versionReport   `json:"versions"`      // that are kept, oldest first
	Pending  []versionReport   `json:"in_quarantine"`
	Settings []string          `json:"settings"`

	Evaluations []learner.EvaluationStats `json:"evaluations,omitempty"` // candidate policies of a bandit

	Blobs int `json:"blobs"`
}

type guardReport struct {
	Armed       bool `json:"armed"`
	Calibrating bool `json:"calibrating"`
	Warning     bool `json:"warning"`
}

type versionReport struct {
	state.Version
	SHA256 string `json:"sha256"`
}

// modelReport is what published parameters say of themselves. That there is one
// means that they are stored undamaged.
type modelReport struct {
	Kind  string `json:"kind"`
	Bytes int    `json:"bytes"`
	occupancyReport
	// Base is the prediction for an event without features: what the intercept says.
	Base    *float64       `json:"base_prediction,omitempty"`
	Weights *weightsReport `json:"weights,omitempty"`
	Arms    []armState     `json:"arms,omitempty"` // of a bandit
}

func snapshotShowCommand() *cobra.Command {
	var t target
	var asJSON bool
	var top int
	cmd := &cobra.Command{
		Use:   "show MODEL/PARTITION",
		Short: "Show the state of one partition in full",
		Long: `Show the state of one partition: where it stands in the topic, who owns it, mode of
the learner and of its guard, what was learned and refused, the published version
that readers are served, the kept ones and those in quarantine, the settings, and of a
bandit what the candidates of evaluate.candidates would have earned, and its arms with
what the guard rails say of them.

--weights N shows the N weights of the published model that count most, with the
names of their features as far as the learner has noted them: by weight, or where
numeric fields are used as they are, by weight times the standard deviation of
the field. Features that share a weight have " | " between them; a feature
without a known name is # and the low bits of its hash.`,
		Example: `  streamlearner snapshot show fraud/3
  streamlearner snapshot show fraud/3 --redis redis-1:6379 --json
  streamlearner snapshot show fraud/3 --weights 20`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if top < 0 {
				return usageError(fmt.Errorf("--weights %d: must not be negative", top))
			}
			return t.readPartition(cmd.Context(), args[0], func(store *redis.Store, k state.Key) error {
				r, err := readState(cmd.Context(), store, k, top)
				if err != nil {
					return fmt.Errorf("%s: %w", k, err)
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), r)
				}
				return r.print(cmd.OutOrStdout())
			})
		},
	}
	t.redisFlags(cmd)
	cmd.Flags().IntVar(&top, "weights", 0, "show so many weights of the published model, those that count most first")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// readState reads what is stored. A blob may be replaced while it is looked
// for; then the newer state is read.
func readState(ctx context.Context, store *redis.Store, k state.Key, top int) (r *stateReport, err error) {
	for range 5 {
		if r, err = readOnce(ctx, store, k, top); !errors.Is(err, errReplaced) {
			break
		}
	}
	return r, err
}

var errReplaced = errors.New("the state is replaced faster than it can be read")

func readOnce(ctx context.Context, store *redis.Store, k state.Key, top int) (*stateReport, error) {
	s, claim, err := store.State(ctx, k)
	if err != nil {
		return nil, err
	}
	d, err := learner.Describe(s.Head)
	if err != nil {
		return nil, err
	}
	r := &stateReport{
		Key: k.String(), Next: s.Next.Offset, Seq: s.Seq, Claim: claim, Mode: d.Mode.String(), Held: d.Held,
		Fed: d.Fed, Learned: d.Learned, Rejected: map[string]uint64{}, Alarms: d.Alarms, Freezes: d.Freezes, Loss: d.Loss, GradNorm: d.GradNorm, Descent: descentOf(&d.Descent),
		Guard:    guardReport{d.Armed, d.Calibrating, d.Warning},
		Versions: []versionReport{}, Pending: []versionReport{}, Settings: strings.Split(strings.TrimSpace(d.Settings), "\n"), Blobs: len(s.Refs),
		Evaluations: d.Evaluations,
	}
	if d.Hold != nil {
		r.HeldAt = d.Hold.Number
	}
	for reason, n := range d.Rejected {
		if n > 0 {
			r.Rejected[event.Reason(reason).String()] = n
		}
	}
	for _, v := range d.Quarantine {
		r.Pending = append(r.Pending, versionReport{v, v.Sum.String()})
	}
	live, err := liveSum(ctx, store, k, d)
	if errors.Is(err, state.ErrNotFound) {
		err = errors.Join(errReplaced, err)
	}
	if err != nil {
		return nil, fmt.Errorf("live parameters: %w", err)
	}
	r.Live = live.String()
	if r.Join, err = readJoin(ctx, store, k, d); errors.Is(err, state.ErrNotFound) {
		err = errors.Join(errReplaced, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open decisions: %w", err)
	}
	return r, r.readVersions(ctx, store, k, top)
}

// readJoin describes the open decisions; nil without a join.
func readJoin(ctx context.Context, store *redis.Store, k state.Key, d *learner.Description) (*joinReport, error) {
	if d.Join.IsZero() {
		return nil, nil
	}
	parts, _, _, err := state.Parameters(ctx, store, k, d.Join, nil)
	if err != nil {
		return nil, err
	}
	if !d.JoinChange.IsZero() {
		log, err := store.Blob(ctx, k, d.JoinChange)
		if err != nil {
			return nil, err
		}
		parts = append(parts, log)
	}
	s, err := learner.DescribeJoin(parts[0], parts[1:]...)
	return joinOf(s), err
}

// liveSum returns the SHA-256 of the model that learns, encoded as a whole. A
// replay of the same events prints the same.
func liveSum(ctx context.Context, store *redis.Store, k state.Key, d *learner.Description) (state.Sum, error) {
	parts, _, _, err := state.Parameters(ctx, store, k, d.Live, nil)
	if err != nil {
		return state.Sum{}, err
	}
	if len(parts) == 1 && d.LiveChange.IsZero() {
		return d.Live, nil
	}
	if !d.LiveChange.IsZero() {
		change, err := store.Blob(ctx, k, d.LiveChange)
		if err != nil {
			return state.Sum{}, err
		}
		parts = append(parts, change)
	}
	m, _, err := catalog.Open(parts[0], parts[1:]...)
	if err != nil {
		return state.Sum{}, err
	}
	whole, err := m.AppendBinary(nil)
	return state.SumOf(whole), err
}

func (r *stateReport) readVersions(ctx context.Context, store *redis.Store, k state.Key, top int) error {
	current, err := store.Current(ctx, k)
	switch {
	case errors.Is(err, state.ErrNotFound):
	case err != nil:
		return err
	default:
		r.Current = &versionReport{current.Version, current.Sum.String()}
		if r.Model, err = readModel(ctx, store, k, current.Sum, top); err != nil {
			return fmt.Errorf("version %d: %w", current.Number, err)
		}
	}
	kept, err := store.Versions(ctx, k)
	if err != nil {
		return err
	}
	for _, v := range kept {
		r.Versions = append(r.Versions, versionReport{v, v.Sum.String()})
	}
	return nil
}

// readModel describes published parameters, with so many of their weights.
func readModel(ctx context.Context, store *redis.Store, k state.Key, sum state.Sum, top int) (*modelReport, error) {
	m, r, err := openModel(ctx, store, k, sum)
	if err != nil {
		return nil, err
	}
	if scorer, ok := m.(interface{ Score(*event.Event) float64 }); ok {
		base := scorer.Score(&event.Event{Weight: 1})
		r.Base = &base
	}
	if b, ok := m.(learner.Armed); ok {
		r.Arms = armStates(b.ArmReports(), b.Judge())
	}
	if top == 0 {
		return r, nil
	}
	list, ok := m.(weighted)
	if !ok {
		return nil, usageError(fmt.Errorf("--weights: a model of the kind %s has none", r.Kind))
	}
	known, err := storedNames(ctx, store, k)
	if err != nil {
		return nil, err
	}
	r.Weights = topWeights(list, known, top)
	return r, nil
}

// openModel reads and opens published parameters.
func openModel(ctx context.Context, store *redis.Store, k state.Key, sum state.Sum) (learner.Model, *modelReport, error) {
	parts, _, _, err := state.Parameters(ctx, store, k, sum, nil)
	if err != nil {
		return nil, nil, err
	}
	m, kind, err := catalog.Open(parts[0], parts[1:]...)
	if err != nil {
		return nil, nil, err
	}
	r := &modelReport{Kind: kind}
	for _, part := range parts {
		r.Bytes += len(part)
	}
	if full, ok := m.(interface{ Occupancy() event.Occupancy }); ok {
		r.occupancyReport = newOccupancyReport(full.Occupancy())
	}
	return m, r, nil
}

func (r *stateReport) print(w io.Writer) error {
	t := newTable("partition", r.Key)
	row := func(name, format string, args ...any) { t.AppendRow(table.Row{name, fmt.Sprintf(format, args...)}) }
	row("mode", "%s%s", r.Mode, map[bool]string{true: ", held by an operator"}[r.Held])
	row("next offset", "%d", r.Next)
	row("saved", "%d times", r.Seq)
	row("owner", "group %s, generation %d, claim %d", r.Claim.Group, r.Claim.Generation, r.Claim.Number)
	row("fed", "%d records", r.Fed)
	row("learned", "%d events", r.Learned)
	for reason := range event.Reasons {
		if n := r.Rejected[reason.String()]; n > 0 {
			row("rejected", "%d %s", n, reason)
		}
	}
	row("loss", "%.6g (half-life 1,000 events)", r.Loss)
	row("gradient norm", "%.6g (half-life 1,000 events)", r.GradNorm)
	r.Join.rows(row)
	r.Descent.rows(row)
	row("guard", "%s; %d alarms, %d freezes", r.Guard, r.Alarms, r.Freezes)
	row("parameters", "sha256 %s", r.Live)
	if r.Current == nil {
		row("served", "nothing yet")
	} else {
		row("served", "%s%s", r.Current, map[bool]string{true: ", held by an operator"}[r.HeldAt > 0])
		row("model", "%s, %d bytes", r.Model.Kind, r.Model.Bytes)
		r.Model.row(row)
		if r.Model.Base != nil {
			row("without features", "predicts %.6g", *r.Model.Base)
		}
	}
	for _, v := range r.Versions {
		row("kept", "%s", v)
	}
	for _, v := range r.Pending {
		row("in quarantine", "%s", v)
	}
	for _, s := range r.Settings {
		row("setting", "%s", s)
	}
	if _, err := fmt.Fprintln(w, t.Render()); err != nil {
		return err
	}
	if err := printCandidates(w, r.Evaluations, learner.StoredAlpha); err != nil || r.Model == nil {
		return err
	}
	if err := printArms(w, r.Model.Arms); err != nil || r.Model.Weights == nil {
		return err
	}
	return r.Model.Weights.print(w)
}

func (g guardReport) String() string {
	var parts []string
	if g.Armed {
		parts = append(parts, "armed")
	}
	if g.Calibrating {
		parts = append(parts, "calibrating")
	}
	if g.Warning {
		parts = append(parts, "warning")
	}
	if len(parts) == 0 {
		return "not armed"
	}
	return strings.Join(parts, ", ")
}

func (v versionReport) String() string {
	return fmt.Sprintf("version %d, %s old, %d events learned, next offset %d, sha256 %.12s",
		v.Number, seconds(age(&v.Version).Seconds()), v.Learned, v.Next.Offset, v.SHA256)
}
