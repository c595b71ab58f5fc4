package sgd

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// update is what an optimizer needs to know of the event besides m.act. Scores
// and gradients are on the scale of the weights: for scaled labels, standard
// deviations of the label.
type update struct {
	label, h float64 // label as the loss sees it, weight
	y        float64 // label on the scale of the weights
	z        float64 // what the gradient was taken at: the prediction, or for losses with a link function the margin
	grad     float64 // dl/dz
	unit     float64 // the label's unit on the scale of the weights: 1 over the standard deviation of scaled labels
	score    float64 // linear score, not clipped
	rate     float64 // of the event
	norm2    float64 // squared Euclidean norm of the event
	t        float64 // logistic loss: exp(-|z|)
	right    bool    // logistic loss: z has the sign of the label
}

// newUpdate returns the update for an event with the linear score z, the
// squared norm norm2, the label y and the weight h, before it has been aimed.
func newUpdate(z, norm2, y, h float64) update {
	return update{score: z, norm2: norm2, label: y, h: h, y: y, unit: 1}
}

// aim evaluates the score of u in the frame before the event, fills the step,
// and makes u aim at the label in the frame after it.
func (p *plan) aim(u *update, s *event.Step, before, after *frame) {
	u.t = p.evaluate(s, u.score, u.label, before)
	u.z, u.grad = s.Prediction, s.Grad
	switch {
	case p.link():
		u.z = s.Margin
		u.right = s.Margin >= 0 == (u.label == 1)
	case !p.scaleLabel:
	case after.SD == 0: // all labels were equal: there is nothing but the mean to learn
		u.y, u.z, u.grad = 0, 0, 0
	default:
		u.y, u.z, u.unit = (u.label-after.Mean)/after.SD, (u.z-after.Mean)/after.SD, 1/after.SD
		_, u.grad = p.distance(u.z-u.y, u.unit)
	}
}

// learnFrom writes the slots and returns the Euclidean norm of the change of the
// weights. When anything becomes non-finite, it puts all back and refuses.
func (m *Model) learnFrom(u *update, loss float64, before, after *frame) (float64, *event.Rejection) {
	if u.rate = m.p.rate; m.varying {
		u.rate = m.rateOfEvent(u.h)
	}
	if c := m.p.clipGradient; c > 0 {
		u.clip(c)
	}
	if m.penalised {
		m.saveCompanions()
	}
	var t tally
	switch m.p.optimizer {
	case optAuto:
		t = m.compete(u, loss, before, after)
	case optNAG:
		t = m.nag(u)
	case optSGD:
		t = m.constant(u)
	case optAdaGrad:
		t = m.adagrad(u)
	case optAdam:
		t = m.adam(u)
	case optFTRL:
		t = m.ftrl(u)
	case optCoin:
		t = m.coin(u)
	case optAROW:
		t = m.arow(u)
	case optSCW:
		t = m.scw(u)
	case optRLS:
		return m.recursive(u)
	}
	if !t.ok() {
		m.undo()
		return 0, unstableUpdate(u)
	}
	return math.Sqrt(t.change), nil
}

// clip bounds the Euclidean norm of the gradient, the event's weight included.
func (u *update) clip(bound float64) {
	if norm := float64(float64(u.h*math.Abs(u.grad)) * math.Sqrt(u.norm2)); norm > bound {
		u.grad *= bound / norm
	}
}

// coordinateLimit bounds the magnitude of a coordinate of the gradient.
func (p *plan) coordinateLimit() float64 {
	if p.clipEach > 0 {
		return p.clipEach
	}
	return math.Inf(1)
}

// bound returns x within limit of 0; NaN stays what it is.
func bound(x, limit float64) float64 {
	if x > limit {
		return limit
	}
	if x < -limit {
		return -limit
	}
	return x
}

func unstableUpdate(u *update) *event.Rejection {
	return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("learning it with gradient %v and weight %v would make a weight non-finite or larger than %v; lower learner.rate", u.grad, u.h, float64(maxWeight))}
}

// tally is what an optimizer found while it wrote the slots.
type tally struct {
	change float64 // squared norm of the change of the weights
	mass   float64 // sum of the magnitudes of the weights written
	sums   float64 // sum of the non-negative statistics written
}

// ok reports whether all that was written is finite and within bounds: a sum
// of magnitudes is finite only if all of them are.
func (t *tally) ok() bool {
	return t.mass <= maxWeight && finite(t.sums) && finite(t.change)
}

// save remembers the slot of a before it is written.
func (a *active) save(s *slot) { a.w, a.g, a.n = s.W, s.G, s.N }

// undo restores the slots, the last written first: features may share one.
func (m *Model) undo() {
	for i := len(m.act) - 1; i >= 0; i-- {
		a := &m.act[i]
		s := &m.slots[a.idx]
		s.W, s.G, s.N = a.w, a.g, a.n
		if m.lanes == 2 {
			m.slots[a.idx+1] = m.companions[i]
		}
	}
}
