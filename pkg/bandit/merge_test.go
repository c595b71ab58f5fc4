package bandit

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// mergeable are the configurations whose state is a sum over events.
func mergeable() map[string]Config {
	out := map[string]Config{}
	for name, c := range configurations() {
		c.Standardize, c.Extreme = "off", 0 // fields are scaled by hand below
		switch {
		case c.contextual() && (!c.full() || c.Policy == Logistic || c.Policy == Reinforce || c.Policy == Cover || c.Policy == Bag || c.Policy == Cats):
		case c.Policy == Gradient, c.Policy == EXP3IX: // Exp3-IX's exploration follows the number of events
		default:
			out[name] = c
		}
	}
	return out
}

// Eight learners, each of an eighth of the events in another order, merge to the learner of all.
func TestMergeIsOneLearner(t *testing.T) {
	const parts, n = 8, 400
	for name, c := range mergeable() {
		r := rand.New(rand.NewPCG(31, 32))
		events := make([]event.Event, n)
		for i := range events {
			events[i].Reset()
			if c.Features == Disjoint {
				fill(r, &events[i])
			} else {
				fillActions(r, &events[i])
			}
			for k := range events[i].X.Dense {
				events[i].X.Dense[k].Value /= 100
			}
		}
		// The newest event last: of a window, what came too late would be refused.
		newest := 0
		for i := range events {
			if events[i].Time > events[newest].Time {
				newest = i
			}
		}
		events[newest], events[n-1] = events[n-1], events[newest]
		one, learners := newModel(t, c), make([]*Model, parts)
		for i := range learners {
			learners[i] = newModel(t, c)
		}
		learn := func(m *Model, e *event.Event) {
			if s := m.Learn(e); s.Reject != nil {
				t.Fatalf("%s: %v", name, s.Reject)
			}
		}
		for i := range events {
			learn(one, &events[i])
		}
		for i := range events {
			learn(learners[(n-1-i)%parts], &events[n-1-i])
		}
		before, err := learners[1].AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := learners[0].Merge(learners[1:]...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if after, _ := learners[1].AppendBinary(nil); string(after) != string(before) {
			t.Errorf("%s: merging changed what was merged", name)
		}
		sameStatistics(t, name, learners[0], one)
		for i := range 50 {
			e := &events[i]
			got, want := learners[0].Predict(e).Prediction, one.Predict(e).Prediction
			if math.Abs(got-want) > 1e-9 {
				t.Errorf("%s: prediction %v, one learner %v", name, got, want)
			}
			if c.Policy == LinTS || c.Policy == Normal {
				continue // a draw may change hands by rounding
			}
			near(t, name+" pmf", learners[0].Distribution(e, nil, nil), one.Distribution(e, nil, nil), 1e-6)
		}
	}
	if len(mergeable()) < 12 {
		t.Errorf("%d configurations", len(mergeable()))
	}
}

// sameStatistics compares the sums of two models, whatever the order of their features.
func sameStatistics(t *testing.T, name string, got, want *Model) {
	t.Helper()
	if g, ok := got.live.(*counts); ok {
		w := want.live.(*counts)
		for a := range g.sums {
			x, y := g.sums[a], w.sums[a]
			near(t, name+" sums", []float64{x.n, x.s, x.q, x.w}, []float64{y.n, y.s, y.q, y.w}, 1e-9*(1+y.w))
		}
		return
	}
	g, w := got.live.(*linear), want.live.(*linear)
	to := make([]int, g.features.len())
	for i, h := range g.features.index.hashes {
		if to[i] = w.features.index.lookup(h); to[i] < 0 {
			t.Fatalf("%s: feature %x was not learned by the one learner", name, h)
		}
	}
	for i := range w.full {
		var mine, theirs sums
		g.full[i].expand(&theirs, g.cfg.Lambda)
		mine.add(&theirs, to)
		var all sums
		w.full[i].expand(&all, w.cfg.Lambda)
		mine.grow(len(all.b))
		near(t, name+" A", mine.a, all.a, 1e-9)
		near(t, name+" b", mine.b, all.b, 1e-9)
	}
}

func TestMergeRefuses(t *testing.T) {
	for _, name := range []string{Logistic, "linucb diagonal", Cover, Cats, Gradient, Reinforce} {
		a, b := newModel(t, configurations()[name]), newModel(t, configurations()[name])
		if err := a.Merge(b); !errors.Is(err, ErrNotMergeable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := config(LinUCB, 4)
	other.Lambda = 3
	if err := newModel(t, config(LinUCB, 4)).Merge(newModel(t, other)); err == nil || !strings.Contains(err.Error(), "learner.bandit.lambda") {
		t.Errorf("another configuration: %v", err)
	}
}

// What a half-life leaves is the sum by its definition, and a window forgets.
func TestAging(t *testing.T) {
	for _, policy := range []string{Thompson, LinUCB} {
		for _, full := range []string{"full", "diagonal"} {
			c := config(policy, 2)
			c.HalfLife, c.Standardize, c.Matrix = 32*time.Hour, "off", full
			m := newModel(t, c)
			hours := []int64{5, 6, 40, 30, 100, 99, 101} // out of order too
			want := 0.
			for _, h := range hours {
				want += math.Exp2(-float64(101-h) / 32)
				var e event.Event
				e.Reset()
				e.Time, e.Prob, e.Label, e.Labelled = h*3_600_000, 1, 1, true
				if s := m.Learn(&e); s.Reject != nil {
					t.Fatal(s.Reject)
				}
			}
			var got float64
			switch s := m.live.(type) {
			case *counts:
				got = s.sums[0].n
			case *linear:
				if full == "full" {
					got = product(&s.full[0])[0][0] - m.cfg.Lambda
				} else {
					got = s.diagonal[0].q[0] - m.cfg.Lambda
				}
			}
			if math.Abs(got-want) > 1e-9 {
				t.Errorf("%s %s: %v is left, want %v", policy, full, got, want)
			}
		}
		c := config(policy, 2)
		c.Window = 8 * time.Hour
		m := newModel(t, c)
		for h := range int64(30) {
			var e event.Event
			e.Reset()
			e.Time, e.Prob, e.Label, e.Labelled = (1+h)*3_600_000, 1, 1, true
			m.Learn(&e)
		}
		got := 0.
		switch s := m.live.(type) {
		case *counts:
			got = s.sums[0].n
		case *linear:
			got = product(&s.full[0])[0][0] - m.cfg.Lambda
		}
		if math.Abs(got-8) > 1e-9 {
			t.Errorf("%s: %v events in a window of 8", policy, got)
		}
	}
}
