package learner_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// decoded is a decoder that hands out events that were decoded before.
type decoded struct {
	events []event.Event
	next   int
}

func (d *decoded) Decode(_ []byte, e *event.Event) error {
	*e = d.events[d.next%len(d.events)]
	d.next++
	return nil
}

// benchEvents are labelled events, half of whose features are numeric.
func benchEvents(features int) []event.Event {
	events := make([]event.Event, 4096)
	drawEvents(events, features, rand.New(rand.NewPCG(1, 1)))
	return events
}

// drawEvents overwrites events by new ones of the same concept.
func drawEvents(events []event.Event, features int, r *rand.Rand) {
	hash := func(j int) uint64 { return rand.NewPCG(uint64(j), 7).Uint64() }
	for i := range events {
		e := &events[i]
		e.Reset()
		z := 0.
		for j := range features / 2 {
			x := r.NormFloat64()
			z += x
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: hash(j), Value: x*float64(j+1) + 3})
		}
		for j := range features - features/2 {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: hash(1000 + 1000*j + r.IntN(1000)), Value: 1})
		}
		if e.Labelled = true; z+r.NormFloat64() > 0 {
			e.Label = 1
		}
	}
}

// BenchmarkFeed is the cost of an event without decoding it. The events repeat,
// which makes the guard look at more of them: BenchmarkGuard has what it costs.
func BenchmarkFeed(b *testing.B) {
	for _, optimizer := range []string{"nag", "auto"} {
		for _, features := range []int{16, 20, 30} {
			for _, guarded := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/features=%d/guarded=%t", optimizer, features, guarded), func(b *testing.B) {
					l := benchLearner(b, optimizer, &decoded{events: benchEvents(features)}, guarded)
					for range 40_000 {
						feedOne(b, l)
					}
					if l.Armed() != guarded {
						b.Fatalf("armed: %t", l.Armed())
					}
					b.ReportAllocs()
					for b.Loop() {
						feedOne(b, l)
					}
				})
			}
		}
	}
}

// benchLearner is a learner that takes no checkpoints.
func benchLearner(b *testing.B, optimizer string, d event.Decoder, guarded bool) *learner.Learner {
	m := sgd.Default()
	m.Optimizer = optimizer
	guard := learner.DefaultGuard()
	guard.Enabled = guarded
	guard.FalseFreezeEvery = 1e9 // the events repeat
	l, err := learner.New(learner.Config{
		Model:    func() (learner.Model, error) { return sgd.New(m) },
		Decoder:  d,
		Guard:    guard,
		Snapshot: learner.SnapshotConfig{Every: 1 << 40, Quarantine: 1 << 40, Keep: 1},
		Arch:     "any",
	}, state.Position{})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func feedOne(b *testing.B, l *learner.Learner) {
	if o := l.Feed(learner.Record{Offset: l.Next().Offset}); o.Reject != nil || o.Alarm != nil {
		b.Fatalf("%+v", o)
	}
}

// While frozen two models predict an event and their losses are compared: without allocation.
func TestFrozenLearnersAllocateNothing(t *testing.T) {
	c := config(t)
	c.Decoder, c.Guard.Recovery, c.Guard.RecoveryMinEvents = &decoded{events: benchEvents(16)}, learner.RecoveryAuto, 1<<40
	c.Guard.QuietEvents, c.Guard.CooldownEvents = 1<<40, 1<<40
	c.Snapshot.Every, c.Snapshot.Quarantine = 1<<40, 1<<40
	l := newLearner(t, c)
	key := []byte("k")
	feed := func() { l.Feed(learner.Record{Offset: l.Next().Offset, Key: key}) }
	for range 3_000 {
		feed()
	}
	l.Apply(state.Command{ID: "1", Kind: learner.CommandFreeze})
	l.Apply(state.Command{ID: "2", Kind: learner.CommandUnfreeze, Args: state.Args{Challenger: true}})
	for _, mode := range []learner.Mode{learner.Recovering, learner.Frozen} {
		for range 20 {
			feed()
		}
		if l.Mode() != mode {
			t.Fatalf("the mode is %s, want %s", l.Mode(), mode)
		}
		if n := testing.AllocsPerRun(15, feed); n > 0 {
			t.Errorf("%v allocations of an event while %s", n, mode)
		}
		l.Apply(state.Command{ID: mode.String(), Kind: learner.CommandFreeze})
	}
}
