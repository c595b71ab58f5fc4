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
	y, h  float64 // label, weight
	z     float64 // squared loss: the prediction that the gradient was taken at
	grad  float64 // dl/dz
	t     float64 // logistic loss: exp(-|z|)
	right bool    // logistic loss: z has the sign of the label
}

// rescale moves label, score and gradient into the frame f of scaled labels.
func (u *update) rescale(prediction float64, f frame) {
	if f.sd == 0 { // all labels were equal: there is nothing but the mean to learn
		u.y, u.z, u.grad = 0, 0, 0
		return
	}
	u.y, u.z = (u.y-f.mean)/f.sd, (prediction-f.mean)/f.sd
	u.grad = 2 * (u.z - u.y)
}

// update writes the slots and returns the Euclidean norm of the change of the
// weights. When anything becomes non-finite, it puts all back and refuses.
func (m *Model) update(u *update) (float64, *event.Rejection) {
	var t tally
	switch m.p.optimizer {
	case optNAG:
		t = m.nag(u)
	case optSGD:
		t = m.constant(u)
	case optAdaGrad:
		t = m.adagrad(u)
	}
	if !t.ok() {
		m.undo()
		return 0, &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("learning it with gradient %v and weight %v would make a weight non-finite or larger than %v; lower learner.rate", u.grad, u.h, float64(maxWeight))}
	}
	return math.Sqrt(t.change), nil
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
	}
}
