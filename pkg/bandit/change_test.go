package bandit

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
)

func containsText(err error, want string) bool { return strings.Contains(err.Error(), want) }

func change(t testing.TB, m *Model, c event.ArmChange) {
	t.Helper()
	if err := m.ChangeArm(c); err != nil {
		t.Fatal(err)
	}
}

// teach lets m learn n events of arms 0 to 3.
func teach(t testing.TB, m *Model, seed uint64, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	var e event.Event
	for range n {
		e.Reset()
		fill(r, &e)
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
}

func encoded(t interface {
	Helper()
	Fatal(args ...any)
}, m *Model) []byte {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The life of an arm, with every policy: it is added, learned, removed, drains, goes, and comes
// back; at every point a copy that was stored and loaded goes on alike.
func TestLifeOfAnArm(t *testing.T) {
	for name, c := range configurations() {
		if c.Features != Disjoint || c.Continuous() { // bins do not change
			continue
		}
		t.Run(name, func(t *testing.T) {
			c.Drain, c.NewEvents, c.HalfLife, c.Window = time.Hour, 10, 24*c.HalfLife, 24*c.Window
			m, other := newModel(t, c), newModel(t, c)
			both := func(do func(m *Model)) {
				t.Helper()
				do(m)
				if err := other.UnmarshalBinary(encoded(t, other)); err != nil {
					t.Fatal(err)
				}
				do(other)
				if !bytes.Equal(encoded(t, m), encoded(t, other)) {
					t.Fatal("the stored and loaded bandit is another one")
				}
			}
			learn := func(m *Model, arm int, time int64) *event.Rejection {
				r := rand.New(rand.NewPCG(7, 7))
				var e event.Event
				fill(r, &e)
				e.Arm, e.Time = arm, time
				return m.Learn(&e).Reject
			}
			both(func(m *Model) {
				teach(t, m, 1, 200)
				m.SetReference(0)
				change(t, m, event.ArmChange{Kind: event.ArmAdd, Arm: "late", Price: 0.9})
			})
			k := len(c.Arms)
			var e event.Event
			fill(rand.New(rand.NewPCG(3, 3)), &e)
			if p := m.Distribution(&e, nil, nil); len(p) != k+1 || p[k] < c.NewShare {
				t.Errorf("the new arm has too little of %v", p)
			}
			both(func(m *Model) {
				for i := range int64(10) {
					if m.Table()[k].Status != ArmNew {
						t.Fatalf("the arm is %v after %d events", m.Table()[k].Status, i)
					}
					if rej := learn(m, k, 1e12+1e7+i); rej != nil {
						t.Fatal(rej)
					}
				}
			})
			if a := m.Table()[k]; a.Status != ArmActive || a.Events != 10 {
				t.Errorf("after its events the arm is %+v", a)
			}
			both(func(m *Model) { change(t, m, event.ArmChange{Kind: event.ArmRemove, Arm: "late"}) })
			if p := m.Distribution(&e, nil, nil); p[k] != 0 {
				t.Errorf("the removed arm has probability %v", p[k])
			}
			hour := time.Hour.Milliseconds()
			both(func(m *Model) {
				if rej := learn(m, k, 1e12+1e7+hour/2); rej != nil {
					t.Fatalf("a late reward of the removed arm: %v", rej)
				}
				if rej := learn(m, 0, 1e12+1e7+2*hour); rej != nil {
					t.Fatal(rej)
				}
				if rej := learn(m, k, 1e12+1e7+2*hour); rej == nil || rej.Reason != event.ArmUnknown {
					t.Fatalf("a reward of an arm that is gone: %v", rej)
				}
			})
			if a := m.Table()[k]; a.Status != ArmRemoved {
				t.Errorf("after the time to drain the arm is %v", a.Status)
			}
			both(func(m *Model) {
				change(t, m, event.ArmChange{Kind: event.ArmAdd, Arm: "late", Price: 0.9, Like: c.Arms[1]})
			})
			if a := m.Table()[k]; len(m.Table()) != k+1 || a.Status != ArmNew || a.Events != 0 {
				t.Errorf("the arm came back as %+v", a)
			}
		})
	}
}

// An arm that is said to be like another has its mean and a variance of few events.
func TestWarmPrior(t *testing.T) {
	c := config(LinUCB, 4)
	c.NewPrior, c.Intercept, c.Standardize = .1, true, "off"
	m := newModel(t, c)
	var e event.Event
	for i := range 400 {
		e.Reset()
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: 5, Value: float64(i%7) - 3})
		e.Arm, e.Prob, e.Labelled = i%4, .25, true
		e.Label = float64(e.Arm) / 4
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	change(t, m, event.ArmChange{Kind: event.ArmAdd, Arm: "twin", Like: "a3"})
	z, sd := make([]float64, 5), make([]float64, 5)
	m.live.(*linear).margins(&e, nil, 0, z, sd)
	// A of the twin is lambda I + 0.1 (A - lambda I): ten events in the place of a hundred.
	if math.Abs(z[4]-z[3]) > .08 || z[4] == 0 {
		t.Errorf("margin %v of the twin, %v of what it is like", z[4], z[3])
	}
	if ratio := sd[4] / sd[3]; ratio < 2.5 || ratio > math.Sqrt(10) {
		t.Errorf("deviation %v of the twin, %v of what it is like", sd[4], sd[3])
	}
}

func TestNearestInPrice(t *testing.T) {
	c := config(Thompson, 4)
	c.Limits = priced(4) // 10 to 13
	table := newArms(&c)
	table.add(Arm{Name: "between", Cap: 1, Price: 11.5})
	table.add(Arm{Name: "top", Cap: 1, Price: 20})
	table.add(Arm{Name: "free", Cap: 1})
	for arm, want := range map[string]string{"between": "a1 a2", "top": "a3", "free": "a0 a1 a2 a3 between top"} {
		i := table.find(arm)
		kept := *table
		if arm == "top" {
			kept.list = kept.list[:0:0]
			kept.list = append(kept.list, table.list...)
			kept.list[table.find("between")].Status = ArmRemoved
		}
		var got []string
		for _, j := range kept.nearest(i) {
			got = append(got, kept.list[j].Name)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("near %s are %q, want %q", arm, s, want)
		}
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	c := config(LinUCB, 3)
	c.Baseline, c.BaselineFloor = "a0", .3
	c.Limits = []Limit{{Arm: "a1", Cap: .5}}
	m := newModel(t, c)
	before := encoded(t, m)
	for want, change := range map[string]event.ArmChange{
		"is there already":                     {Kind: event.ArmAdd, Arm: "a1"},
		"every arm needs a name":               {Kind: event.ArmAdd},
		`there is no arm "b" to be like`:       {Kind: event.ArmAdd, Arm: "new", Like: "b"},
		`arm "b" is not there`:                 {Kind: event.ArmRemove, Arm: "b"},
		`arm "a0" is the baseline`:             {Kind: event.ArmRemove, Arm: "a0"},
		"is above the cap 0.2 of the baseline": {Kind: event.ArmCap, Arm: "a0", Cap: .2},
		"cap 2: must be":                       {Kind: event.ArmCap, Arm: "a1", Cap: 2},
		"price -1: must be":                    {Kind: event.ArmPrice, Arm: "a1", Price: -1},
		`unknown change "x"`:                   {Kind: "x", Arm: "a1"},
	} {
		if err := m.ChangeArm(change); err == nil || !containsText(err, want) {
			t.Errorf("%+v: want %q, got %v", change, want, err)
		}
	}
	if !bytes.Equal(before, encoded(t, m)) {
		t.Error("a refused change left a trace")
	}
	c.Baseline, c.BaselineFloor = "", 0
	m = newModel(t, c)
	change(t, m, event.ArmChange{Kind: event.ArmRemove, Arm: "a0"})
	if err := m.ChangeArm(event.ArmChange{Kind: event.ArmRemove, Arm: "a2"}); err == nil || !containsText(err, "caps of the arms that may be chosen add up to 0.5") {
		t.Errorf("removing the last arm without a cap: %v", err)
	}
}

// A change of the settings is applied to what is stored as a change at run time is, and what
// commands have changed since stays.
func TestSettingsChangeTheTable(t *testing.T) {
	c := config(LinUCB, 4)
	c.Limits, c.Baseline = []Limit{{Arm: "a1", Cap: .5}}, "a0"
	m := newModel(t, c)
	teach(t, m, 1, 100)
	change(t, m, event.ArmChange{Kind: event.ArmAdd, Arm: "added", Cap: .1})
	change(t, m, event.ArmChange{Kind: event.ArmRemove, Arm: "a3"})
	change(t, m, event.ArmChange{Kind: event.ArmCap, Arm: "a2", Cap: .7})
	stored := encoded(t, m)

	same := newModel(t, c)
	if err := same.UnmarshalBinary(stored); err != nil || !bytes.Equal(encoded(t, same), stored) {
		t.Fatalf("under the same settings: %v", err)
	}
	c.Arms = []string{"a0", "a1", "a3", "b"} // without a2
	c.Limits, c.Baseline, c.NewShare = []Limit{{Arm: "b", Price: 3}}, "a1", .2
	next := newModel(t, c)
	if err := next.UnmarshalBinary(stored); err != nil {
		t.Fatal(err)
	}
	got := map[string]Arm{}
	for _, a := range next.Table() {
		got[a.Name] = a
	}
	for name, want := range map[string]Arm{
		"a0": {Status: ArmActive, Cap: 1}, "a1": {Status: ArmActive, Cap: 1}, "a2": {Status: ArmDraining, Cap: .7},
		"a3": {Status: ArmDraining, Cap: 1}, "added": {Status: ArmNew, Cap: .1}, "b": {Status: ArmNew, Cap: 1, Price: 3},
	} {
		if a := got[name]; a.Status != want.Status || a.Cap != want.Cap || a.Price != want.Price {
			t.Errorf("%s is %+v, want %+v", name, a, want)
		}
	}
	if next.arms.baseline != 1 || next.rails.share != .2 {
		t.Errorf("baseline %d, share of new arms %v", next.arms.baseline, next.rails.share)
	}
	c.BaselineFloor, c.Baseline, c.Arms, c.Limits, c.NewShare = .93, "a0", c.Arms[:2], nil, .05
	if err := newModel(t, c).UnmarshalBinary(stored); err == nil || !containsText(err, "of 1 new arms add up to") {
		t.Errorf("settings that the arms of now do not bear: %v", err)
	}
}

// Older parameters take the table of now.
func TestUnmarshalUnder(t *testing.T) {
	m := newModel(t, config(LinTS, 4))
	teach(t, m, 1, 100)
	old := encoded(t, m)
	change(t, m, event.ArmChange{Kind: event.ArmRemove, Arm: "a1"})
	change(t, m, event.ArmChange{Kind: event.ArmAdd, Arm: "new"})
	table := m.AppendArms(nil)
	back := newModel(t, config(LinTS, 4))
	if err := back.UnmarshalUnder(old, table); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, back), encoded(t, m)) {
		t.Error("the older model with the table of now is not the model")
	}
	foreign := newModel(t, config(LinTS, 3))
	change(t, foreign, event.ArmChange{Kind: event.ArmAdd, Arm: "x"})
	for want, with := range map[string][2][]byte{
		"do not begin with": {old, foreign.AppendArms(nil)},
		"table of arms":     {old, table[:9]},
		"read model":        {old[:9], table},
	} {
		if err := back.UnmarshalUnder(with[0], with[1]); err == nil || !containsText(err, want) {
			t.Errorf("%v, want %q", err, want)
		}
		if !bytes.Equal(encoded(t, back), encoded(t, m)) {
			t.Errorf("%s: refused, and changed something", want)
		}
	}
}

// The table of now is taken whatever the settings of now would have made of the older one: arms that commands and
// restarts have added in turn keep their places.
func TestUnmarshalUnderOtherSettings(t *testing.T) {
	c := config(Thompson, 4)
	m := newModel(t, c)
	teach(t, m, 1, 100)
	old := encoded(t, m)
	change(t, m, event.ArmChange{Kind: event.ArmAdd, Arm: "command"})
	for _, arms := range [][]string{{"a0", "a1", "a2", "a3", "setting"}, {"a0", "a1", "a2", "other"}} {
		c.Arms = arms
		next := newModel(t, c)
		if err := next.UnmarshalBinary(encoded(t, m)); err != nil {
			t.Fatal(err)
		}
		m = next
	}
	back := newModel(t, c)
	if err := back.UnmarshalUnder(old, m.AppendArms(nil)); err != nil {
		t.Fatal(err)
	}
	if got := back.ArmNames(); !slices.Equal(got, []string{"a0", "a1", "a2", "a3", "command", "setting", "other"}) {
		t.Errorf("arms %q", got)
	}
	if !bytes.Equal(back.AppendArms(nil), m.AppendArms(nil)) {
		t.Error("the table is another one")
	}
}

// An arm that the older parameters had forgotten and that is open now begins as one that is added again.
func TestUnmarshalUnderBringsArmsBack(t *testing.T) {
	m := newModel(t, config(LinTS, 4))
	teach(t, m, 1, 100)
	gone := m.arms.clone()
	gone.list[1].Status = ArmRemoved
	m.follow(gone)
	old := encoded(t, m)
	change(t, m, event.ArmChange{Kind: event.ArmAdd, Arm: "a1"})
	back := newModel(t, config(LinTS, 4))
	if err := back.UnmarshalUnder(old, m.AppendArms(nil)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, back), encoded(t, m)) {
		t.Error("the arm begins as another one than by the command")
	}
}
