package bandit

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Whatever people do to the arms between events, in whatever order: the bandit goes on, what it stores it
// takes back, and its probabilities stay probabilities.
func TestAnyLife(t *testing.T) {
	all := configurations()
	var names []string
	for _, name := range []string{LinUCB, "lints diagonal", "shared", "hybrid", Logistic, Bag, Cover, "cover diagonal", Reinforce,
		Normal, UCB1, EXP3, EXP3IX, Gradient, "linucb window", "linucb half-life", "thompson window"} {
		if _, ok := all[name]; !ok {
			t.Fatalf("there is no configuration %q", name)
		}
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := all[rapid.SampledFrom(names).Draw(t, "policy")]
		c.Drain, c.NewEvents, c.NewPrior = time.Hour, 3, rapid.Float64Range(0, 1).Draw(t, "prior")
		m, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rand.NewPCG(seed, 1))
		var old []byte
		var e event.Event
		next := func() {
			e.Reset()
			fill(r, &e)
			e.Time, e.Actions = 1e12+int64(r.IntN(4e6)), nil
			e.Arm = r.IntN(len(m.Table()) + 1)
		}
		name := func(label string) string { return "a" + strconv.Itoa(rapid.IntRange(0, 7).Draw(t, label)) }
		t.Repeat(map[string]func(*rapid.T){
			"learn": func(*rapid.T) {
				for range 10 {
					next()
					before := encoded(t, m)
					if s := m.Learn(&e); s.Reject != nil && !bytes.Equal(before, encoded(t, m)) {
						t.Fatalf("%v changed something", s.Reject)
					}
				}
			},
			"change": func(t *rapid.T) {
				before := encoded(t, m)
				err := m.ChangeArm(event.ArmChange{
					Kind: rapid.SampledFrom(event.ArmChanges()).Draw(t, "kind"), Arm: name("arm"),
					Like: rapid.SampledFrom([]string{"", "", "a1", "a6"}).Draw(t, "like"),
					Cap:  rapid.SampledFrom([]float64{0, .3, .05, 2}).Draw(t, "cap"), Price: rapid.SampledFrom([]float64{0, 1, 3}).Draw(t, "price"),
				})
				if err != nil && !bytes.Equal(before, encoded(t, m)) {
					t.Fatalf("refused (%v), and changed something", err)
				}
			},
			"reference": func(*rapid.T) { m.SetReference(0) },
			"keep":      func(*rapid.T) { old = encoded(t, m) },
			"go back": func(t *rapid.T) {
				if old == nil {
					return
				}
				table := m.AppendArms(nil)
				if err := m.UnmarshalUnder(old, table); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				b := encoded(t, m)
				again, err := Open(b)
				if err != nil || !bytes.Equal(b, encoded(t, again)) {
					t.Fatalf("stored and read again: %v", err)
				}
				next()
				sum, p := 0.0, m.Distribution(&e, nil, nil)
				for i, v := range p {
					if !(v >= 0) || v > 0 && !m.Table()[i].open() {
						t.Fatalf("arm %+v has probability %v", m.Table()[i], v)
					}
					sum += v
				}
				if len(p) != len(m.Table()) || math.Abs(sum-1) > 1e-9 {
					t.Fatalf("probabilities %v of %d arms", p, len(m.Table()))
				}
			},
		})
	})
}
