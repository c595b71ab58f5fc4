package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// loopRecord is a record of any kind.
type loopRecord struct {
	Kind, ID, Arm string
	TS            int64
	P, Reward     float64
	PMF           []float64
	Shown         *bool
}

// loopDecision is a decision with all that was said about it.
type loopDecision struct {
	loopRecord
	arm      int
	seen     bool
	rewarded bool
}

// loopBooks are what a log comes to, by the rules of docs/join.md and nothing of pkg/join.
type loopBooks struct {
	decisions map[string]*loopDecision
	order     []*loopDecision
	newest    int64
	duplicate bool
	late      bool
}

func readLoop(t *testing.T, log []*kgo.Record) *loopBooks {
	t.Helper()
	b := &loopBooks{decisions: map[string]*loopDecision{}}
	records := make([]loopRecord, len(log))
	for i, r := range log {
		if err := json.Unmarshal(r.Value, &records[i]); err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
		d := records[i]
		b.newest = max(b.newest, d.TS)
		if d.Kind != "decision" {
			continue
		}
		if b.decisions[d.ID] != nil {
			b.duplicate = true
			continue
		}
		arm, err := strconv.Atoi(strings.TrimPrefix(d.Arm, "a"))
		if err != nil || arm >= len(d.PMF) || d.P != d.PMF[arm] {
			t.Fatalf("%s: the propensity is not that of the arm", r.Value)
		}
		x := &loopDecision{loopRecord: d, arm: arm, seen: d.Shown == nil || *d.Shown}
		b.decisions[d.ID], b.order = x, append(b.order, x)
	}
	for _, r := range records {
		d := b.decisions[r.ID]
		switch {
		case d == nil:
			t.Fatalf("a %s of %s, which was not decided", r.Kind, r.ID)
		case r.Kind == "shown":
			d.seen = true
		case r.Kind == "reward" && r.TS <= d.TS+loopWindow:
			d.rewarded, d.Reward = true, r.Reward
		case r.Kind == "reward":
			b.late = true
		}
	}
	return b
}

// testPropensities tests at any time whether arms were drawn by the logged probabilities. Where the draws fall
// in them is uniform, whatever they are, so ten tenths have equal shares.
func (b *loopBooks) testPropensities(t *testing.T) {
	t.Helper()
	p := func(pmf func(d *loopDecision) []float64) float64 {
		shares, counts := make([]float64, 10), make([]float64, 10)
		for i := range shares {
			shares[i] = 0.1
		}
		test, err := ope.NewSampleRatio(shares, 1000)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		for _, d := range b.order {
			clear(counts)
			counts[min(9, int(10*randomised(pmf(d), d.arm, r)))] = 1
			if _, err := test.Add(counts); err != nil {
				t.Fatal(err)
			}
		}
		return test.P()
	}
	if got := p(func(d *loopDecision) []float64 { return d.PMF }); got < 1e-4 {
		t.Errorf("arms were not chosen as often as their propensities say: always-valid p-value %.2g", got)
	}
	// The same test finds the usual mistake: probabilities from before exploration was added.
	if got := p(func(d *loopDecision) []float64 {
		out := make([]float64, len(d.PMF))
		for i, v := range d.PMF {
			out[i] = max(0, (v-loopFloor/loopArms)/(1-loopFloor))
		}
		return out
	}); got > 1e-4 {
		t.Errorf("propensities without their floor have a p-value of %.2g: the test finds nothing", got)
	}
}

// testCounts compares what was learned with the books and with a learner that nothing has disturbed.
func (b *loopBooks) testCounts(t *testing.T, store *redis.Store, key state.Key, undisturbed *learner.Learner) {
	t.Helper()
	d, m, j := learned(t, store, key)
	want, err := learner.Describe(undisturbed.Snapshot().Head)
	if err != nil {
		t.Fatal(err)
	}
	if d.Live != want.Live || d.Join != want.Join || d.Learned != want.Learned || d.Rejected != want.Rejected {
		t.Errorf("%d events learned into %s with open decisions %s; undisturbed %d into %s with %s", d.Learned, d.Live, d.Join, want.Learned, want.Live, want.Join)
	}
	if !b.duplicate || !b.late {
		t.Errorf("repeated decisions: %t, rewards after the window: %t; both should be in the log", b.duplicate, b.late)
	}
	var rewarded, unrewarded, unseen, open uint64
	var events [loopArms]uint64
	var rewards [loopArms]float64
	for _, x := range b.order {
		switch {
		case x.TS+loopWindow > b.newest-loopLateness:
			open++
			continue
		case !x.seen:
			unseen++
			continue
		case x.rewarded:
			rewarded++
			rewards[x.arm] += x.Reward
		default:
			unrewarded++
		}
		events[x.arm]++
	}
	if j.Rewarded != rewarded || j.Unrewarded != unrewarded || j.NeverShown != unseen || uint64(j.Open) != open || j.Unmatched != 0 || j.Overflows != 0 {
		t.Errorf("the join counts %+v; in the log %d decisions have a reward in time, %d none, %d were never shown, %d are open", *j, rewarded, unrewarded, unseen, open)
	}
	if d.Learned != rewarded+unrewarded {
		t.Errorf("%d events were learned of %d decisions", d.Learned, rewarded+unrewarded)
	}
	for i, a := range m.Table() {
		if a.Events != events[i] || a.Reward != rewards[i] {
			t.Errorf("arm %s: %d events with rewards of %v; the log has %d with %v", a.Name, a.Events, a.Reward, events[i], rewards[i])
		}
	}
	if e := m.Evidence(); e > 1e4 {
		t.Errorf("the learner's own evidence against the propensities is %.3g", e)
	}
	t.Logf("%d decisions, of which %d were learned with rewards and %d without, %d were never shown and %d are open: 0 lost, 0 learned twice", len(b.order), rewarded, unrewarded, unseen, open)
}

// randomised is the probability integral transform of a decision: uniform in [0, 1) when its arm was drawn by pmf.
func randomised(pmf []float64, arm int, r *rand.Rand) (u float64) {
	for _, p := range pmf[:arm] {
		u += p
	}
	return u + r.Float64()*pmf[arm]
}

// learned reads what the owner of a partition has stored: its counts, its model and its join.
func learned(t *testing.T, store *redis.Store, key state.Key) (*learner.Description, *bandit.Model, *learner.JoinStats) {
	t.Helper()
	snap, _, err := store.State(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	d, err := learner.Describe(snap.Head)
	if err != nil {
		t.Fatal(err)
	}
	blob := func(sum state.Sum) []byte {
		b, err := store.Blob(t.Context(), key, sum)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	m, err := bandit.Open(blob(d.Live))
	if err != nil {
		t.Fatal(err)
	}
	parts, _, _, err := state.Parameters(t.Context(), store, key, d.Join, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !d.JoinChange.IsZero() {
		parts = append(parts, blob(d.JoinChange))
	}
	j, err := learner.DescribeJoin(parts[0], parts[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return d, m, j
}
