package bandit

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// rails are three guard rails, the one of the reward among them.
func guardRails() []GuardRail {
	return []GuardRail{
		{Metric: "latency_ms", Worse: HigherIsWorse, Max: 1000, Margin: "10%", Alpha: 0.01},
		{Metric: RewardMetric, Margin: "0.05"},
		{Metric: "hits", Worse: LowerIsWorse, Min: 10, Max: 20, Margin: "5%"},
	}
}

func guardedConfig(policy string, arms int) Config {
	c := config(policy, arms)
	c.Baseline, c.GuardRails = "a0", guardRails()
	return c
}

// guarded returns a bandit whose arm a1 is guarded, and a function that learns an event of an arm.
func guarded(t testing.TB) (*Model, func(arm int, reward float64, metrics map[string]float64)) {
	t.Helper()
	m, e := newModel(t, guardedConfig(Thompson, 2)), event.Event{Weight: 1, Labelled: true, Prob: 0.5}
	return m, func(arm int, reward float64, metrics map[string]float64) {
		t.Helper()
		e.Arm, e.Label, e.Time, e.Metrics = arm, reward, e.Time+1000, e.Metrics[:0]
		for name, v := range metrics {
			e.Metrics = append(e.Metrics, event.Metric{Name: event.MetricName(name), Value: v})
		}
		if step := m.Learn(&e); step.Reject != nil {
			t.Fatal(step.Reject)
		}
	}
}

// An arm goes as soon as the metric of one rail is proven to be worse, whatever the others say, and is told apart by it.
func TestHarmfulArmsAreTakenOut(t *testing.T) {
	for metric, harm := range map[string]func(i int) (reward float64, metrics map[string]float64){
		RewardMetric: func(i int) (float64, map[string]float64) {
			return float64(i % 2), map[string]float64{"latency_ms": 100, "hits": 15}
		},
		"latency_ms": func(i int) (float64, map[string]float64) {
			return float64(min(1, i%10)), map[string]float64{"latency_ms": 180 + float64(i%7), "hits": 15}
		},
		"hits": func(i int) (float64, map[string]float64) {
			return float64(min(1, i%10)), map[string]float64{"latency_ms": 100, "hits": 12}
		},
	} {
		m, learn := guarded(t)
		for i := range 600 {
			learn(0, float64(min(1, i%10)), map[string]float64{"latency_ms": 100 + float64(i%7), "hits": 15})
			if arm, why := m.Harm(); arm != "" {
				t.Fatalf("%s: %s", arm, why)
			}
			learn(1, first(harm(i)), second(harm(i)))
			arm, why := m.Harm()
			if arm == "" {
				continue
			}
			if i < 10 || arm != "a1" || !strings.Contains(why, `"a1" does harm: mean `+metric) {
				t.Fatalf("%s, after %d events %s: %s", metric, i, arm, why)
			}
			if a := m.Table()[1]; a.Status != ArmDraining || a.Out != metric {
				t.Fatalf("arm %+v, taken out for %s", a, metric)
			}
			if p := m.Distribution(&event.Event{}, nil, nil); p[0] != 1 || p[1] != 0 {
				t.Fatalf("probabilities %v", p)
			}
			for _, r := range m.Judge() {
				if harmed := r.Arm == "a1" && r.Metric == metric; (r.Verdict == event.Harmful) != harmed || harmed && !(r.Harm > 100) {
					t.Errorf("%s is harmful, report %+v", metric, r)
				}
			}
			learn(1, 1, nil) // late rewards are learned
			if arm, _ := m.Harm(); arm != "" {
				t.Error("an arm was taken out twice")
			}
			// What people decide stands: an arm that they add again is tested anew.
			if err := m.ChangeArm(event.ArmChange{Kind: event.ArmAdd, Arm: "a1"}); err != nil {
				t.Fatal(err)
			}
			learn(1, 0, nil)
			if a := m.Table()[1]; !a.open() || a.Events != 1 || a.Out != "" || a.Rails[1].N != 1 || a.Rails[0] != (Watched{Absent: 1}) {
				t.Errorf("added again: %+v", a)
			}
			break
		}
		if m.Table()[1].Events > 1 {
			t.Errorf("%s: the arm was not taken out: %+v", metric, m.Table())
		}
	}
}

func first(v float64, _ map[string]float64) float64             { return v }
func second(_ float64, m map[string]float64) map[string]float64 { return m }

// What is absent or no number is counted, what is out of range is cut, and neither changes what the bandit learns.
func TestMetricsThatAreNotThere(t *testing.T) {
	m, learn := guarded(t)
	plain, learnPlain := guarded(t)
	for i := range 50 {
		learn(i%2, 1, []map[string]float64{nil, {"latency_ms": math.NaN()}, {"latency_ms": math.Inf(1)}, {"latency_ms": 5000}, {"latency_ms": -3}}[i%5])
		learnPlain(i%2, 1, map[string]float64{"latency_ms": 100})
	}
	for arm, a := range m.Table() {
		if w := a.Rails[0]; w.Absent != 15 || w.Clipped != 10 || w.N != 10 || w.Sum != 5 {
			t.Errorf("arm %d: %+v", arm, w)
		}
	}
	if got, want := m.live.append(nil), plain.live.append(nil); !reflect.DeepEqual(got, want) {
		t.Error("metrics have changed what was learned of rewards")
	}
}

// The verdicts, and the sides of the interval, are those of the metric in its own unit.
func TestJudge(t *testing.T) {
	m, learn := guarded(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		learn(0, float64(r.IntN(2)), map[string]float64{"latency_ms": 200 + 50*r.Float64(), "hits": 14 + r.Float64()})
		learn(1, float64(r.IntN(2)), map[string]float64{"latency_ms": 150 + 50*r.Float64(), "hits": 14 + r.Float64()})
	}
	want := map[string]string{"latency_ms": event.Better, RewardMetric: event.Undecided, "hits": event.NotWorse}
	difference := map[string]float64{"latency_ms": -50, RewardMetric: 0, "hits": 0}
	seen := 0
	for _, r := range m.Judge() {
		if r.Arm == "a0" {
			if r.Verdict != "" || r.Difference != nil || r.Mean == nil {
				t.Errorf("the baseline: %+v", r)
			}
			continue
		}
		seen++
		d := r.Difference
		if r.Verdict != want[r.Metric] || r.Values != 4000 || !(d.Low < d.Value && d.Value < d.High) {
			t.Errorf("%+v (%+v), want %s", r, d, want[r.Metric])
		}
		if !(d.Low < difference[r.Metric] && difference[r.Metric] < d.High) || d.High-d.Low > map[string]float64{"latency_ms": 20, RewardMetric: 0.2, "hits": 0.5}[r.Metric] {
			t.Errorf("%s: interval %+v, want a narrow one around %v", r.Metric, d, difference[r.Metric])
		}
	}
	if seen != 3 {
		t.Errorf("%d reports of a1", seen)
	}
}

// A table keeps what is known of a metric when other rails come and go, and not when the meaning of its values changes.
func TestRailsFollowTheSettings(t *testing.T) {
	m, learn := guarded(t)
	for range 20 {
		learn(1, 1, map[string]float64{"latency_ms": 100, "hits": 15})
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := guardedConfig(Thompson, 2)
	c.GuardRails = []GuardRail{{Metric: "hits", Worse: LowerIsWorse, Min: 10, Max: 30}, {Metric: "errors", Worse: HigherIsWorse, Max: 1}, {Metric: "latency_ms", Worse: HigherIsWorse, Max: 1000, Margin: "20%"}}
	next := newModel(t, c)
	if err := next.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	was, now := m.Table()[1].Rails, next.Table()[1].Rails
	if now[0] != (Watched{}) || now[1] != (Watched{}) || now[2] != was[0] {
		t.Errorf("rails %+v, before %+v", now, was)
	}
	if err := next.UnmarshalUnder(b, m.AppendArms(nil)); err != nil {
		t.Fatal(err) // as many rails
	}
	c.GuardRails = c.GuardRails[:1]
	if err := newModel(t, c).UnmarshalUnder(b, m.AppendArms(nil)); err == nil {
		t.Error("a table with other rails is taken")
	}
}

// Forged numbers of a rail are refused.
func TestImpossibleRailsAreRefused(t *testing.T) {
	for _, total := range []ope.Total{{N: 3, Sum: 4}, {N: -1}, {N: 1.5}, {N: 3, Sum: -1}, {N: 3, Squares: 4}, {N: 3, Squares: -1}, {N: 1e17}} {
		w := Watched{Total: total}
		r := wire.NewReader(w.append(wire.AppendUvarint(nil, 1)))
		if readRails(r); r.Err() == nil {
			t.Errorf("%+v is read", total)
		}
	}
	r := wire.NewReader(wire.AppendUvarint(nil, 1<<40))
	if readRails(r); r.Err() == nil {
		t.Error("2^40 rails are read")
	}
}

func TestGuardRailsAreRefusedWhereTheyMeanNothing(t *testing.T) {
	for want, edit := range map[string]func(c *Config){
		"must be empty with policy linucb":          func(c *Config) { c.Policy = LinUCB },
		"baseline must name":                        func(c *Config) { c.Baseline = "" },
		"must have no cap":                          func(c *Config) { c.Limits = []Limit{{Arm: "a0", Cap: 0.9}} },
		"no arm can be worse by more":               func(c *Config) { c.GuardRails[1].Margin = "1" },
		"values are from 10 to 20":                  func(c *Config) { c.GuardRails[2].Margin = "100%" },
		"alpha 0.7":                                 func(c *Config) { c.GuardRails[0].Alpha = 0.7 },
		`margin "a lot": must be a number`:          func(c *Config) { c.GuardRails[0].Margin = "a lot" },
		`margin "%"`:                                func(c *Config) { c.GuardRails[0].Margin = "%" },
		`worse "": must be higher or lower`:         func(c *Config) { c.GuardRails[0].Worse = "" },
		"max 0: must be above min, which is 0":      func(c *Config) { c.GuardRails[0].Max = 0 },
		"leave both out for the reward":             func(c *Config) { c.GuardRails[1].Max = 1 },
		`"latency_ms" is guarded twice`:             func(c *Config) { c.GuardRails[2] = c.GuardRails[0] },
		"whose values may be below 0":               func(c *Config) { c.GuardRails[0].Min = -1 },
		"10 rails: at most 9":                       func(c *Config) { c.GuardRails = make([]GuardRail, 10) },
		`metric "": must be reward, or name`:        func(c *Config) { c.GuardRails[0].Metric = "" },
		`metric "a.*": must be reward, or name one`: func(c *Config) { c.GuardRails[0].Metric = "a.*" },
	} {
		c := guardedConfig(Thompson, 2)
		edit(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// Guard rails cost no memory an event, and little time.
func TestGuardRailsAllocateNothing(t *testing.T) {
	m := newModel(t, guardedConfig(Thompson, 2))
	learn := alike(t, m)
	if n := testing.AllocsPerRun(1000, learn); n > 0 || m.Table()[1].Out != "" {
		t.Errorf("%v allocations an event; taken out: %q", n, m.Table()[1].Out)
	}
}

func BenchmarkLearnGuarded(b *testing.B) {
	learn := alike(b, newModel(b, guardedConfig(Thompson, 2)))
	for b.Loop() {
		learn()
	}
}

// alike returns a function that learns an event; the arm a1 is worse by as much as is allowed, or less.
func alike(t testing.TB, m *Model) func() {
	metrics := []event.Metric{{Name: event.MetricName("latency_ms")}, {Name: event.MetricName("hits"), Value: 15}}
	e, i := event.Event{Weight: 1, Labelled: true, Prob: 0.5, Metrics: metrics}, 0
	return func() {
		i++
		e.Arm, e.Label, e.Time, metrics[0].Value = i%2, float64(i%3/2), e.Time+1, float64(100+i%2*10)
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
}
