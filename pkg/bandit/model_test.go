package bandit

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

func config(policy string, arms int) Config {
	c := Default()
	c.Policy = policy
	for i := range arms {
		c.Arms = append(c.Arms, "a"+strconv.Itoa(i))
	}
	return c
}

func newModel(t testing.TB, c Config) *Model {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fill makes an event with some of 8 numeric and 8 sparse features.
func fill(r *rand.Rand, e *event.Event) {
	for i := range uint64(8) {
		if r.IntN(4) > 0 {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: 1 + i*0x123456789abcdef1, Value: 100 * r.NormFloat64()})
		}
	}
	for range r.IntN(4) {
		e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(r.IntN(8)) << 60, Value: 1})
	}
	e.Arm, e.Prob, e.Labelled = r.IntN(4), .25, true
	e.Label = float64(r.IntN(2))
	e.Weight = []float64{1, 1, 2, .5}[r.IntN(4)]
}

func wild(r *rand.Rand, e *event.Event) {
	fill(r, e)
	number := func() float64 { return r.NormFloat64() * math.Pow(10, float64(r.IntN(620)-310)) }
	for i := range e.X.Dense {
		e.X.Dense[i].Value = number()
	}
	for i := range e.X.Sparse {
		e.X.Sparse[i].Value = number()
	}
	e.Label, e.Weight = number(), math.Abs(number())
	if r.IntN(2) == 0 {
		e.Label = r.Float64()
	}
}

func TestConformance(t *testing.T) {
	set := func(name string, reason event.Reason, fn func(*event.Event)) conform.Refused {
		return conform.Refused{Name: name, Reason: reason, Spoil: fn}
	}
	refused := []conform.Refused{
		set("no reward", event.LabelMissing, func(e *event.Event) { e.Labelled = false }),
		set("negative arm", event.ArmUnknown, func(e *event.Event) { e.Arm = -1 }),
		set("arm beyond the last", event.ArmUnknown, func(e *event.Event) { e.Arm = 4 }),
		set("propensity 0", event.PropensityInvalid, func(e *event.Event) { e.Prob = 0 }),
		set("propensity above 1", event.PropensityInvalid, func(e *event.Event) { e.Prob = 1.01 }),
		set("propensity NaN", event.PropensityInvalid, func(e *event.Event) { e.Prob = math.NaN() }),
		set("negative weight", event.WeightInvalid, func(e *event.Event) { e.Weight = -1 }),
		set("infinite weight", event.WeightInvalid, func(e *event.Event) { e.Weight = math.Inf(1) }),
		set("reward NaN", event.RewardInvalid, func(e *event.Event) { e.Label = math.NaN() }),
		set("reward infinite", event.RewardInvalid, func(e *event.Event) { e.Label = math.Inf(-1) }),
		set("feature NaN", event.NonFinite, func(e *event.Event) {
			e.X.Dense = append(e.X.Dense, event.Feature{Hash: 5, Value: math.NaN()})
		}),
		set("sparse feature infinite", event.NonFinite, func(e *event.Event) {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 5, Value: math.Inf(1)})
		}),
	}
	byPolicy := map[string][]conform.Refused{
		Thompson: {
			set("reward above 1", event.RewardInvalid, func(e *event.Event) { e.Label = 1.5 }),
			set("negative reward", event.RewardInvalid, func(e *event.Event) { e.Label = -.1 }),
		},
		LinUCB: {
			set("extreme field", event.Extreme, func(e *event.Event) {
				e.X.Dense = append(e.X.Dense[:0], event.Feature{Hash: 1, Value: 1e12})
			}),
			set("extreme sparse feature", event.Extreme, func(e *event.Event) {
				e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 1 << 60, Value: 1e12})
			}),
			set("too many features", event.TooManyFeatures, func(e *event.Event) {
				for i := range uint64(20) {
					e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: 1000 + i, Value: 1})
				}
			}),
			set("unstable", event.Unstable, func(e *event.Event) { e.Label, e.Weight = 1e100, 1e300 }),
		},
	}
	for policy, more := range byPolicy {
		t.Run(policy, func(t *testing.T) {
			c := config(policy, 4)
			c.MaxFeatures = 20
			conform.Model(t, conform.Models{
				New:     func(t testing.TB) learner.Model { return newModel(t, c) },
				Fill:    fill,
				Wild:    wild,
				Refused: append(append([]conform.Refused(nil), refused...), more...),
			})
		})
	}
}

// play lets the model decide n rounds and learn from them. It returns the mean
// regret per round over the last half, and the mean excess of the squared error
// over that of the true rates in the last half.
func play(t *testing.T, m *Model, s *sim.ClicksStream, n int) (regret, excess float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var e event.Event
	var p []float64
	for i := range n {
		s.Context(&e)
		p = m.Distribution(&e, p[:0])
		e.Arm = Choose(p, r.Float64())
		e.Prob, e.Label, e.Labelled = p[e.Arm], s.Reward(e.Arm), true
		step := m.Learn(&e)
		if step.Reject != nil {
			t.Fatal(step.Reject)
		}
		if i >= n/2 {
			best := 0.
			for _, v := range s.Rates() {
				best = max(best, v)
			}
			truth := s.Rates()[e.Arm]
			regret += (best - truth) / float64(n-n/2)
			excess += (step.Prediction - truth) * (step.Prediction - truth) / float64(n-n/2)
		}
	}
	return regret, excess
}

// uniform is the regret of choosing at random.
func uniform(s *sim.ClicksStream, n int) float64 {
	var e event.Event
	regret := 0.
	for range n {
		s.Context(&e)
		best, mean := 0., 0.
		for _, v := range s.Rates() {
			best = max(best, v)
			mean += v / float64(len(s.Rates()))
		}
		regret += (best - mean) / float64(n)
	}
	return regret
}

// Some seeds have two arms that are hard to tell apart, so the seeds are pooled.
func TestPoliciesFindTheBestArm(t *testing.T) {
	const seeds, share = 3, .2 // share of the regret of choosing at random
	for _, c := range []struct {
		policy    string
		fields, n int
		error     float64 // squared error of the predictions against the true rates
	}{
		{Thompson, 0, 2000, 1e-3},
		{LinUCB, 0, 4000, 1e-3},
		{LinUCB, 3, 8000, 2e-3},
	} {
		var regret, random, excess float64
		for seed := range uint64(seeds) {
			r, e := play(t, newModel(t, config(c.policy, 4)), sim.Clicks(seed, 4, c.fields), c.n)
			regret += r / seeds
			excess += e / seeds
			random += uniform(sim.Clicks(seed, 4, c.fields), c.n) / seeds
		}
		if regret > share*random {
			t.Errorf("%s, %d fields: regret %.4f, choosing at random has %.4f", c.policy, c.fields, regret, random)
		}
		if excess > c.error {
			t.Errorf("%s, %d fields: squared error of the predictions %.5f", c.policy, c.fields, excess)
		}
	}
}

func TestDistribution(t *testing.T) {
	for _, policy := range []string{Thompson, LinUCB} {
		m := newModel(t, config(policy, 4))
		r := rand.New(rand.NewPCG(3, 4))
		var e event.Event
		for i := range 300 {
			e.Reset()
			fill(r, &e)
			p := m.Distribution(&e, []float64{7})
			if p[0] != 7 || len(p) != 5 {
				t.Fatalf("%s: %v was not appended to", policy, p)
			}
			sum := 0.
			for _, v := range p[1:] {
				if v < .05/4 {
					t.Fatalf("%s: %v is below the floor", policy, p)
				}
				sum += v
				if i == 0 && math.Abs(v-.25) > 1e-9 {
					t.Fatalf("%s: %v, nothing is known yet", policy, p)
				}
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Fatalf("%s: %v adds up to %v", policy, p[1:], sum)
			}
			m.Learn(&e)
		}
	}
}

func TestLinUCBDistributionDoesNotAllocate(t *testing.T) {
	m := newModel(t, config(LinUCB, 4))
	r := rand.New(rand.NewPCG(5, 6))
	var e event.Event
	for range 50 {
		e.Reset()
		fill(r, &e)
		m.Learn(&e)
	}
	p := make([]float64, 0, 4)
	if n := testing.AllocsPerRun(100, func() { p = m.Distribution(&e, p[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Readers share one model; the race detector watches.
func TestDistributionIsConcurrent(t *testing.T) {
	for _, policy := range []string{Thompson, LinUCB} {
		m := newModel(t, config(policy, 4))
		r := rand.New(rand.NewPCG(11, 12))
		var e event.Event
		for range 100 {
			e.Reset()
			fill(r, &e)
			m.Learn(&e)
		}
		want := m.Distribution(&e, nil)
		results := make(chan []float64, 8)
		for range cap(results) {
			go func() { results <- m.Distribution(&e, nil) }()
		}
		for range cap(results) {
			if got := <-results; !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", policy, got, want)
			}
		}
	}
}

// The gradient in a step and in a reading is that of the loss at the frozen parameters.
func TestReadingIsTheGradient(t *testing.T) {
	for _, policy := range []string{Thompson, LinUCB} {
		m := newModel(t, config(policy, 4))
		r := rand.New(rand.NewPCG(7, 8))
		var e event.Event
		for range 200 {
			e.Reset()
			fill(r, &e)
			m.Learn(&e)
		}
		m.SetReference(0)
		s := m.Predict(&e)
		ref := s.Ref[0]
		if ref.Loss != s.Loss || ref.Grad != s.Grad {
			t.Errorf("%s: reading %+v of a reference that equals the model, step %+v", policy, ref, s)
		}
		if want := (s.Prediction - e.Label) * (s.Prediction - e.Label); s.Loss != want || s.Grad != 2*(s.Prediction-e.Label) {
			t.Errorf("%s: loss %v, gradient %v for prediction %v of %v", policy, s.Loss, s.Grad, s.Prediction, e.Label)
		}
		var sketch float64 // no two of the event's weights share a coordinate with opposite signs here
		for i, j := range ref.J {
			if j >= pooled {
				sketch += ref.X[i] * ref.X[i]
			}
		}
		if norm := math.Abs(ref.Grad) * math.Sqrt(sketch); math.Abs(norm-s.GradNorm) > 1e-9*norm {
			t.Errorf("%s: the sketch has a gradient of norm %v, the step %v", policy, norm, s.GradNorm)
		}
		other := e
		other.Arm = (e.Arm + 1) % 4
		before := append([]uint16(nil), ref.J...)
		again := m.Predict(&other).Ref[0]
		if again.J[0] != 0 || again.J[len(again.J)-1] == before[len(before)-1] {
			t.Errorf("%s: two arms share the coordinates %v and %v", policy, before, again.J)
		}
	}
}

func TestOpen(t *testing.T) {
	for _, policy := range []string{Thompson, LinUCB} {
		m := newModel(t, config(policy, 4))
		r := rand.New(rand.NewPCG(9, 10))
		var e event.Event
		for range 200 {
			e.Reset()
			fill(r, &e)
			m.Learn(&e)
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := Open(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := opened.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: the opened model encodes differently (%v)", policy, err)
		}
		p, q := m.Distribution(&e, nil), opened.Distribution(&e, nil)
		for i := range p {
			if p[i] != q[i] {
				t.Errorf("%s: probabilities %v, opened %v", policy, p, q)
				break
			}
		}
	}
}

func TestForeignConfigurationsAreRefused(t *testing.T) {
	for key, change := range map[string]func(c *Config){
		"arms":         func(c *Config) { c.Arms[2] = "other" },
		"policy":       func(c *Config) { c.Policy = Thompson },
		"floor":        func(c *Config) { c.Floor = .1 },
		"prior_alpha":  func(c *Config) { c.PriorAlpha = 2 },
		"prior_beta":   func(c *Config) { c.PriorBeta = 2 },
		"alpha":        func(c *Config) { c.Alpha = 1 },
		"lambda":       func(c *Config) { c.Lambda = 2 },
		"max_features": func(c *Config) { c.MaxFeatures = 65 },
		"intercept":    func(c *Config) { c.Intercept = false },
		"standardize":  func(c *Config) { c.Standardize = "off" },
		"clip":         func(c *Config) { c.Clip = 4 },
		"extreme":      func(c *Config) { c.Extreme = 10 },
	} {
		c := config(LinUCB, 4)
		change(&c)
		b, err := newModel(t, c).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		m := newModel(t, config(LinUCB, 4))
		if err := m.UnmarshalBinary(b); err == nil || !strings.Contains(err.Error(), "learner.bandit."+key+": ") {
			t.Errorf("another %s: %v", key, err)
		}
	}
	newer := wire.Seal(wire.Begin(nil, wire.KindBandit, formatVersion+1), 0)
	if _, err := Open(newer); err == nil || !strings.Contains(err.Error(), "format version 2") {
		t.Errorf("a newer format: %v", err)
	}
}

func TestValidate(t *testing.T) {
	c := config(LinUCB, 3)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		key    string
		change func(c *Config)
	}{
		{"policy: \"ucb\"", func(c *Config) { c.Policy = "ucb" }},
		{"arms: 1 arms", func(c *Config) { c.Arms = c.Arms[:1] }},
		{"arms: \"a0\"", func(c *Config) { c.Arms[1] = "a0" }},
		{"arms: [", func(c *Config) { c.Arms[1] = "" }},
		{"floor: 0:", func(c *Config) { c.Floor = 0 }},
		{"floor: 1.5:", func(c *Config) { c.Floor = 1.5 }},
		{"prior_alpha: 0:", func(c *Config) { c.PriorAlpha = 0 }},
		{"prior_beta: NaN:", func(c *Config) { c.PriorBeta = math.NaN() }},
		{"alpha: -1:", func(c *Config) { c.Alpha = -1 }},
		{"lambda: 0:", func(c *Config) { c.Lambda = 0 }},
		{"max_features: 257:", func(c *Config) { c.MaxFeatures = 257 }},
		{"standardize: \"yes\":", func(c *Config) { c.Standardize = "yes" }},
		{"clip: -1:", func(c *Config) { c.Clip = -1 }},
		{"extreme: +Inf:", func(c *Config) { c.Extreme = math.Inf(1) }},
	} {
		c := config(LinUCB, 3)
		bad.change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "learner.bandit."+bad.key) {
			t.Errorf("%s: %v", bad.key, err)
		}
		if _, err := New(c); err == nil {
			t.Errorf("%s: New accepts it", bad.key)
		}
	}
}

// Whatever the bytes under a valid checksum, Open returns a usable model or an error.
func FuzzOpen(f *testing.F) {
	for _, policy := range []string{Thompson, LinUCB} {
		m := newModel(f, config(policy, 3))
		r := rand.New(rand.NewPCG(1, 1))
		var e event.Event
		for range 20 {
			e.Reset()
			fill(r, &e)
			e.Arm %= 3
			m.Learn(&e)
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:len(b)-8])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Open(wire.Seal(append([]byte(nil), body...), 0))
		if err != nil {
			return
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Open(b); err != nil {
			t.Fatalf("the bytes of an opened model are refused: %v (%v)", err, again)
		}
		var e event.Event
		e.Reset()
		e.Prob, e.Labelled, e.Label = 1, true, 1
		if s := m.Learn(&e); s.Reject != nil && s.Reject.Reason != event.Unstable {
			t.Fatal(s.Reject)
		}
	})
}

func TestOpenRefusesOtherThings(t *testing.T) {
	if _, err := Open([]byte("nothing")); !errors.Is(err, wire.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkLearn(b *testing.B) {
	for _, c := range []struct {
		policy string
		fields int
	}{{Thompson, 8}, {LinUCB, 8}, {LinUCB, 63}} {
		b.Run(c.policy+"/"+strconv.Itoa(c.fields), func(b *testing.B) {
			m := newModel(b, config(c.policy, 10))
			s := sim.Clicks(1, 10, c.fields)
			events := make([]event.Event, 256)
			for i := range events {
				s.Context(&events[i])
				events[i].Arm, events[i].Prob, events[i].Labelled = i%10, .1, true
				events[i].Label = s.Reward(i % 10)
			}
			b.ReportAllocs()
			for i := range b.N {
				m.Learn(&events[i&255])
			}
		})
	}
}
