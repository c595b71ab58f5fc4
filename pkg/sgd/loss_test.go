package sgd

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// everyLoss has a configuration of each loss.
var everyLoss = map[string]func(*Config){
	"logistic": func(*Config) {},
	"squared":  func(c *Config) { c.Loss = "squared" },
	"hinge":    func(c *Config) { c.Loss = "hinge" },
	"quantile": func(c *Config) { c.Loss, c.Tau = "quantile", 0.8 },
	"huber":    func(c *Config) { c.Loss, c.Delta = "huber", 0.7 },
	"poisson":  func(c *Config) { c.Loss = "poisson" },
}

// eachLoss runs a property on the plan of each loss, with labels as they are.
// at evaluates a linear score.
func eachLoss(t *testing.T, property func(t *rapid.T, p *plan, y float64, at func(z float64) (update, event.Step))) {
	if len(everyLoss) != len(losses) {
		t.Errorf("%d losses are tested, there are %d", len(everyLoss), len(losses))
	}
	for name, edit := range everyLoss {
		t.Run(name, func(t *testing.T) {
			p := newModel(t, func(c *Config) { edit(c); c.ScaleLabel, c.Bits = "off", 1 }).p
			f := p.frame(&labels{})
			rapid.Check(t, func(t *rapid.T) {
				y := rapid.Float64Range(-5, 5).Draw(t, "label")
				switch {
				case p.binary():
					y = float64(rapid.IntRange(0, 1).Draw(t, "class"))
				case p.loss == lossPoisson:
					y = math.Round(math.Abs(y))
				}
				property(t, &p, y, func(z float64) (update, event.Step) {
					var s event.Step
					u := newUpdate(z, 1, y, 1)
					p.aim(&u, &s, &f, &f)
					return u, s
				})
			})
		})
	}
}

// The gradient is the derivative of the loss in the margin, and the loss is
// never negative.
func TestGradients(t *testing.T) {
	eachLoss(t, func(t *rapid.T, _ *plan, _ float64, at func(float64) (update, event.Step)) {
		z := rapid.Float64Range(-8, 8).Draw(t, "score")
		const h = 1e-6
		_, s := at(z)
		_, lo := at(z - h)
		_, hi := at(z + h)
		// A loss that is not smooth has its derivative between those of its sides.
		slack := 1e-3 * max(1, math.Abs(s.Grad))
		left, right := (s.Loss-lo.Loss)/h, (hi.Loss-s.Loss)/h
		if s.Loss < 0 || s.Grad < left-slack || s.Grad > right+slack {
			t.Fatalf("loss %v, derivative %v; differences %v and %v", s.Loss, s.Grad, left, right)
		}
	})
}

// The invariant step starts as a gradient step, is the same in one piece or in
// two, and never increases the loss.
func TestInvariantStep(t *testing.T) {
	eachLoss(t, func(t *rapid.T, p *plan, _ float64, at func(float64) (update, event.Step)) {
		z := rapid.Float64Range(-8, 8).Draw(t, "score")
		rate := math.Exp(rapid.Float64Range(-8, 8).Draw(t, "log rate"))
		ppu := math.Exp(rapid.Float64Range(-3, 3).Draw(t, "log norm"))
		u, s := at(z)
		whole := p.step(&u, rate, ppu)
		half := p.step(&u, rate/2, ppu)
		u2, _ := at(z + ppu*half)
		if rest := p.step(&u2, rate/2, ppu); !(math.Abs(half+rest-whole) <= 1e-6*max(1/ppu, math.Abs(whole))) {
			t.Fatalf("steps %v and %v, in one %v", half, rest, whole)
		}
		if _, after := at(z + ppu*whole); after.Loss > s.Loss+1e-9 {
			t.Fatalf("the loss rises from %v to %v", s.Loss, after.Loss)
		}
		const tiny = 1e-9
		if first := p.step(&u, tiny, ppu) / tiny; math.Abs(first+s.Grad) > 1e-4*max(1, math.Abs(s.Grad)) && s.Loss > 1e-6 {
			t.Fatalf("a tiny step goes by %v, the gradient is %v", first, s.Grad)
		}
	})
}

// The quantile loss finds the quantile, and the others their centre, of labels
// that depend on nothing.
func TestLossesFindTheirCentre(t *testing.T) {
	for name, c := range map[string]struct{ want, within float64 }{
		"quantile": {8, 0.3}, // of 0..10, each equally frequent, 80% are at most 8
		"huber":    {5, 0.3}, // the median by symmetry
		"poisson":  {5, 0.3}, // the mean
		"squared":  {5, 0.3}, // the mean
	} {
		m := newModel(t, func(c *Config) { everyLoss[name](c); c.Optimizer = "nag" })
		var last float64
		for i := range 22000 {
			e := event.Event{Weight: 1, Label: float64(i * 4 % 11), Labelled: true}
			last = m.Learn(&e).Prediction
		}
		if !(math.Abs(last-c.want) <= c.within) {
			t.Errorf("%s: predicts %v, want %v", name, last, c.want)
		}
	}
}
