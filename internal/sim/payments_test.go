package sim

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// paymentStreams makes the events of each world once, since calibrating a stream takes
// as long as many runs. They are not changed.
func paymentStreams() (out [firstJoin]func() [][]byte) {
	for i := range out {
		out[i] = sync.OnceValue(func() (events [][]byte) {
			n := 48
			if i == 0 {
				n = 900
			}
			s := Fraud(uint64(i) + 1)
			s.Malformed, s.Extreme = 0.02, 0.01
			s.Poison = []Episode{{From: 600, To: 750, Share: 1}}
			for range n {
				events = append(events, s.Next(nil))
			}
			return events
		})
	}
	return out
}

// shortGuard has everything happen within a few hundred records.
func shortGuard(c *learner.Config) {
	c.Guard.Block, c.Guard.Window = 10, 400
	c.Guard.FalseFreezeEvery = 2_000
	c.Guard.ReferenceAfter, c.Guard.ReferenceEvery = 20, 400
	c.Guard.QuietEvents, c.Guard.RecoveryMinEvents, c.Guard.CooldownEvents, c.Guard.ProbationEvents = 30, 40, 60, 20
}

// newWorld makes world i of its events. They are few enough to be run thousands of
// times a second: everything happens within a few dozen records, bad ones among them.
// World 0 is longer: its guard is armed, and poison freezes it.
func newWorld(tb testing.TB, i uint64, events [][]byte, rng *rand.Rand) *World {
	n, every, quarantine := len(events), 4, 8
	if i == 0 {
		every, quarantine = 30, 60
	}
	schema := event.Schema{Time: "ts"}
	if i%4 == 1 { // the time of an event is that of its record, by clocks that jump
		schema.Time = ""
	}
	c := fraudConfig(tb, 5+4*int(1-i%2), func(c *learner.Config) {
		c.Guard.Enabled = i%8 == 0 // too short to be armed in the others, but a part of the state in some
		shortGuard(c)
		c.Snapshot = learner.SnapshotConfig{Every: uint64(every), Quarantine: uint64(quarantine), Keep: keep}
		if i%2 == 0 { // stored as large models are, in a base and changes
			c.WholeBytes, c.Fanout = 1, 2
		}
	})
	c.Decoder = fraudDecoder(tb, schema)
	w := &World{Config: c}
	for k, value := range events {
		t := int64(k) * 1000
		if i%2 == 1 && k%7 == 3 {
			t = []int64{0, 1 << 45, -1 << 45, 1_700_000_000_000}[(int(i)/2+k)%4]
		}
		w.Records = append(w.Records, learner.Record{Offset: int64(k), Time: t, Value: value})
	}
	if i%5 == 2 {
		w.ChangeAt, w.Changed = int64(n/4), w.Config
		w.Config.Settings += "snapshot.every=4\n"
		w.Changed.Settings += "snapshot.every=3\n"
		w.Changed.Snapshot.Every = 3
	}
	if i%3 != 2 {
		w.giveOrders(rng, 4, 6, aboutMode()...)
	}
	return w
}

// newInputsWorld makes a world of payments whose sources have a share, one of which floods. Without events it makes a
// long one, whose gradients are bounded, and whose fields are watched.
func newInputsWorld(tb testing.TB, i uint64, events [][]byte, rng *rand.Rand) *World {
	tb.Helper()
	schema := event.Schema{Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id"}
	named, err := event.NewJSON(schema, false)
	if err != nil {
		tb.Fatal(err)
	}
	every := uint64(4)
	c := fraudConfig(tb, 5, func(c *learner.Config) {
		shortGuard(c)
		c.Guard.Enabled = false
		c.Guard.Source.Header = "producer"
		c.Guard.Inputs.Block, c.Guard.Inputs.MaxSourceShare = 100, 0.1
		c.Guard.Inputs.Rules = []inputs.Rule{{Field: "amount", Range: []float64{0, 1e6}}}
		c.Guard.Inputs.ClipQuantile = 0.9
		if events == nil {
			every = 80
			c.Guard.Inputs.Watch, c.Guard.Inputs.Window = true, 1_000
			s := Fraud(i)
			for range 1_450 {
				events = append(events, s.Next(nil))
			}
		}
		c.Snapshot = learner.SnapshotConfig{Every: every, Quarantine: 2 * every, Keep: keep}
		c.Inputs = inputs.Deps{Schema: schema, Name: inputs.Names(named)}
	})
	w := &World{Config: c}
	for k, value := range events {
		producer := fmt.Sprintf("p%d", k%13)
		if k%3 == 0 {
			producer = "flood"
		}
		w.Records = append(w.Records, learner.Record{Offset: int64(k), Value: value, Headers: []learner.Header{{Key: "producer", Value: []byte(producer)}}})
	}
	w.giveOrders(rng, 4, 4, aboutMode()...)
	return w
}

// newRecoveryWorld makes a long world whose learner freezes again and again and comes back by itself, by one of the ways, while
// an operator gives orders.
func newRecoveryWorld(tb testing.TB, i uint64, rng *rand.Rand) *World {
	tb.Helper()
	s := Fraud(1_000 + i)
	s.Poison = []Episode{{From: 500, To: 540, Share: 1}, {From: 600, To: 640, Share: 1}}
	s.Changes = []Change{{At: 700, Degrees: 180}}
	c := fraudConfig(tb, 5, func(c *learner.Config) {
		shortGuard(c)
		c.Guard.BackoffEvents, c.Guard.MaxFreezeEvents = 100, 60
		if i%2 == 1 {
			c.Guard.Recovery = learner.RecoveryCooldown
		}
		c.Snapshot = learner.SnapshotConfig{Every: 30, Quarantine: 60, Keep: keep}
	})
	w := &World{Config: c}
	for k := range int64(900) {
		w.Records = append(w.Records, learner.Record{Offset: k, Time: k * 1000, Value: s.Next(nil)})
	}
	w.giveOrders(rng, 500, 5, aboutMode()...)
	return w
}
