package sgd

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// plain takes features, labels and weights as they are.
func plain(c *Config) { c.Standardize, c.ScaleLabel, c.Bits = "off", "off", 8 }

// one is an event with a single feature x beside the intercept.
func one(x, y float64) event.Event {
	return event.Event{X: event.Vector{Sparse: []event.Feature{{Hash: 1, Value: x}}}, Weight: 1, Label: y, Labelled: true}
}

// After every event the weights are those that solve the normal equations of
// ridge regression; gonum solves them here.
func TestRLSIsExact(t *testing.T) {
	m := newModel(t, func(c *Config) { plain(c); c.Loss, c.Optimizer, c.L2 = "squared", "rls", 0.5 })
	r := rand.New(rand.NewPCG(1, 2))
	const d = 6 // the intercept is the last
	gram, target := mat.NewSymDense(d, nil), mat.NewVecDense(d, nil)
	for i := range d {
		gram.SetSym(i, i, 0.5)
	}
	for n := range 300 {
		e := event.Event{Weight: 0.5 + r.Float64(), Label: r.NormFloat64(), Labelled: true}
		x := make([]float64, d)
		x[d-1] = 1
		for j := range d - 1 {
			if r.IntN(3) > 0 {
				x[j] = r.NormFloat64() + float64(j)
				e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(j), Value: x[j]})
			}
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
		v := mat.NewVecDense(d, x)
		gram.SymRankOne(gram, e.Weight, v)
		target.AddScaledVec(target, e.Weight*e.Label, v)
		if n%50 != 49 {
			continue
		}
		var want mat.VecDense
		if err := want.SolveVec(gram, target); err != nil {
			t.Fatal(err)
		}
		for j := range d - 1 {
			near(t, "weight", m.slots[j].W, want.AtVec(j))
		}
		near(t, "intercept", m.slots[m.home].W, want.AtVec(d-1))
	}
}

func TestRLSRefusesManyFeatures(t *testing.T) {
	m := newModel(t, func(c *Config) { plain(c); c.Loss, c.Optimizer, c.Bits = "squared", "rls", 12 })
	learn := func(from, to int) *event.Rejection {
		e := event.Event{Weight: 1, Label: 1, Labelled: true}
		for j := from; j < to; j++ {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(j), Value: 1})
		}
		return m.Learn(&e).Reject
	}
	if rej := learn(0, 190); rej != nil {
		t.Fatal(rej)
	}
	if rej := learn(180, 201); rej == nil || rej.Reason != event.TooManyFeatures {
		t.Fatalf("201 features: %v", rej)
	}
	if rej := learn(100, 200); rej != nil {
		t.Fatalf("200 features, after a refusal: %v", rej)
	}
}

// With l1 a weight whose gradients stay small is exactly 0, and the strong one is not.
func TestFTRLIsSparse(t *testing.T) {
	m := newModel(t, func(c *Config) { plain(c); c.Optimizer, c.L1 = "ftrl", 20 })
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		e := event.Event{Weight: 1, Labelled: true}
		for j := range 20 {
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(j), Value: r.NormFloat64()})
		}
		if e.X.Sparse[0].Value > 0 {
			e.Label = 1
		}
		m.Learn(&e)
	}
	zeros := 0
	for j := 1; j < 20; j++ {
		if m.slots[j].W == 0 {
			zeros++
		}
	}
	if zeros < 15 || !(m.slots[0].W > 0.5) {
		t.Errorf("%d of 19 idle weights are 0, the strong one is %v", zeros, m.slots[0].W)
	}
}

// A weight is penalised for all events since its feature was last learned, by
// the proximal step of the elastic net.
func TestPenaltyIsLazy(t *testing.T) {
	const l1, l2, rate = 0.01, 0.02, 0.1
	m := newModel(t, func(c *Config) {
		plain(c)
		c.Loss, c.Optimizer, c.Rate, c.L1, c.L2 = "squared", "sgd", rate, l1, l2
	})
	e := one(1, 3)
	m.Learn(&e)
	want := (2*rate*3 - rate*l1) / (1 + rate*l2)
	near(t, "weight after its first event", m.slots[m.position(1)].W, want)
	for range 9 {
		e := event.Event{Weight: 2, Label: m.Score(&event.Event{}), Labelled: true} // no gradient
		m.Learn(&e)
	}
	near(t, "weight while its feature is away", m.slots[m.position(1)].W, want)
	e = one(1, m.slots[m.position(1)].W+m.slots[m.home].W)
	m.Learn(&e)
	const n = 19
	near(t, "weight when it is back", m.slots[m.position(1)].W, (want-rate*n*l1)/(1+rate*n*l2))
}

// With l1 the weights of idle features are exactly 0, and the strong one is not.
func TestL1IsSparse(t *testing.T) {
	for _, o := range []string{"nag", "sgd", "adagrad"} {
		m := newModel(t, func(c *Config) { plain(c); c.Optimizer, c.L1 = o, 0.1 })
		r := rand.New(rand.NewPCG(3, 4))
		for range 3000 {
			e := event.Event{Weight: 1, Labelled: true}
			for j := range 20 {
				e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(j), Value: r.NormFloat64()})
			}
			if e.X.Sparse[0].Value > 0 {
				e.Label = 1
			}
			m.Learn(&e)
		}
		zeros := 0
		for j := 1; j < 20; j++ {
			if m.slots[m.position(uint64(j))].W == 0 {
				zeros++
			}
		}
		if zeros < 10 || !(m.slots[m.position(0)].W > 0.5) {
			t.Errorf("%s: %d of 19 idle weights are 0, the strong one is %v", o, zeros, m.slots[m.position(0)].W)
		}
	}
}

// The first step of Adam is the rate, whatever the gradient, by the definition of its bias correction.
func TestAdamFirstStep(t *testing.T) {
	for _, x := range []float64{1e-3, 1, 1e3} {
		m := newModel(t, func(c *Config) { plain(c); c.Optimizer, c.Rate = "adam", 0.25 })
		e := one(x, 1)
		m.Learn(&e)
		if w := m.slots[1].W; math.Abs(w-0.25) > 1e-4 {
			t.Errorf("x = %v: the weight moves by %v", x, w)
		}
	}
}

// AROW's first update by hand: v = 1 + x^2, beta = 1/(v+r), alpha = beta.
func TestAROWFirstStep(t *testing.T) {
	m := newModel(t, func(c *Config) { plain(c); c.Loss, c.Optimizer, c.Rate = "hinge", "arow", 0.5 })
	e := one(2, 0)
	m.Learn(&e)
	near(t, "weight", m.slots[1].W, -2.0/7)
	near(t, "variance", m.slots[1].variance(), 1-4.0/7)
	near(t, "variance of the intercept", m.slots[m.home].variance(), 1-1.0/7)
}

// An unbounded SCW update meets its constraint: the margin is phi standard
// deviations of what it was before the update (Wang, Zhao, Hoi 2012, proposition 1).
// The covariance after it is that of the full matrix along x.
func TestSCWMeetsItsConstraint(t *testing.T) {
	m := newModel(t, func(c *Config) { plain(c); c.Loss, c.Optimizer, c.Rate = "hinge", "scw", 1e6 })
	e := event.Event{Weight: 1, Label: 1, Labelled: true}
	m.Learn(&e) // the intercept alone, so that diagonal and full covariance are one
	w, v := m.slots[m.home].W, m.slots[m.home].variance()
	near(t, "margin in standard deviations", w/math.Sqrt(v), scwPhi)
}

// A clipped gradient moves the weights by the rate times the bound.
func TestClipGradient(t *testing.T) {
	m := newModel(t, func(c *Config) { plain(c); c.Loss, c.Optimizer, c.Rate, c.ClipGradient = "squared", "sgd", 0.1, 2 })
	e := one(30, 100)
	near(t, "norm of the update", m.Learn(&e).UpdateNorm, 0.2)
	e = one(0.1, m.Predict(&e).Prediction) // near its label: not clipped
	if s := m.Learn(&e); !(s.UpdateNorm > 0) || math.Abs(s.UpdateNorm-0.1*min(2, s.GradNorm)) > 1e-12 {
		t.Errorf("step %+v", s)
	}
}

// With decay the rate of nag stays, so that it follows a concept that turns
// round after a long time sooner than without.
func TestDecayFollows(t *testing.T) {
	errors := func(edit func(*Config)) float64 {
		m := newModel(t, func(c *Config) { c.Bits = 8; edit(c) })
		r := rand.New(rand.NewPCG(5, 6))
		wrong := 0.0
		for i := range 12000 {
			e := one(r.NormFloat64(), 0)
			if e.X.Sparse[0].Value > 0 == (i < 10000) == (r.IntN(5) > 0) { // one label in five is noise
				e.Label = 1
			}
			if s := m.Learn(&e); i >= 10000 {
				wrong += math.Abs(s.Prediction - s.Label)
			}
		}
		return wrong / 2000
	}
	for _, o := range []string{"nag", "adagrad"} {
		plain := errors(func(c *Config) { c.Optimizer = o })
		tracking := errors(func(c *Config) { c.Optimizer, c.Decay = o, 0.99 })
		if !(tracking < plain-0.05) {
			t.Errorf("%s: mean error %v with decay, %v without", o, tracking, plain)
		}
	}
}

// The race serves the member with the lowest recent loss, and keeps it while
// another is less than 0.5% better.
func TestLeader(t *testing.T) {
	for _, c := range []struct {
		served int
		losses [members]float64
		want   int
	}{
		{0, [members]float64{}, 0},
		{0, [members]float64{100, 99.6, 99.7}, 0},
		{0, [members]float64{100, 99.4, 99.2}, 2},
		{2, [members]float64{98, 97, 100}, 1},
		{1, [members]float64{100, 100, 100}, 1},
	} {
		r := race{served: c.served}
		if got := r.leader(&c.losses); got != c.want {
			t.Errorf("served %d, losses %v: leader %d, want %d", c.served, c.losses, got, c.want)
		}
	}
	want := math.Exp2(-1.0 / 1000)
	near(t, "discount", raceRetain, want)
}

// Member 0 of the race learns as nag with its rate does.
func TestRaceMemberIsNAG(t *testing.T) {
	auto := newModel(t, func(c *Config) { c.Optimizer = "auto" })
	nag := newModel(t, func(c *Config) { c.Optimizer, c.Rate = "nag", raceRate0 })
	ada := newModel(t, func(c *Config) { c.Optimizer, c.Rate = "adagrad", raceRate2 })
	for _, e := range phishing(t) {
		auto.Learn(&e)
		nag.Learn(&e)
		ada.Learn(&e)
	}
	auto.touched().each(func(i int) {
		near(t, "weight of member 0", auto.slots[2*i].W, nag.slots[i].W)
		near(t, "weight of member 2", auto.slots[2*i+1].member(2), ada.slots[i].W)
	})
}
