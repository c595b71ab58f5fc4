package learner

import (
	"math"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// signal is a number, or a vector, that every event gives.
//
//	loss                the loss before the event is learned
//	error               1 where the predicted class is wrong, else 0
//	gradient_norm       Euclidean norm of the gradient of the loss in the parameters
//	gradient_direction  cosine between the score vector and the average of those before it:
//	                    0 on average while the reference is at its optimum, above it when
//	                    the gradients begin to point one way
//	update_ratio        norm of the change of the weights over the newest norm of the weights (Descent)
//	label_rate          the label; its mean is the rate of the positive class
//	feature_mean(FIELD) the value of a numeric field, where an event has it
//	score               the score vector itself
type signal struct {
	name            string
	domain          drift.Domain
	live, reference bool // where it can be taken by default
	model           bool // depends on the model's parameters
	ofField, vector bool
}

const (
	signalLoss      = "loss"
	signalError     = "error"
	signalNorm      = "gradient_norm"
	signalDirection = "gradient_direction"
	signalUpdate    = "update_ratio"
	signalLabel     = "label_rate"
	signalFeature   = "feature_mean"
	signalScore     = "score"
)

func signals() []signal {
	return []signal{
		{name: signalLoss, live: true, reference: true, model: true},
		{name: signalError, domain: drift.ZeroOrOne, live: true, model: true},
		{name: signalNorm, live: true, reference: true, model: true},
		{name: signalDirection, reference: true, model: true},
		{name: signalUpdate, live: true, model: true},
		{name: signalLabel, live: true},
		{name: signalFeature, live: true, ofField: true},
		{name: signalScore, reference: true, model: true, vector: true},
	}
}

func hashOf(field string) uint64 { return xxhash.Sum64String(field) }

// directionWeight is that of the newest event in the average direction.
const directionWeight = 0.02

// value is what an event gives for a signal of one number, at the parameters
// that w is about; false where it gives none.
func (ws *watches) value(w *watch, l *Learner, s *event.Step, r *event.Reading) (float64, bool) {
	if w.atReference {
		return ws.referenceValue(w, r)
	}
	switch w.signal.name {
	case signalLoss:
		return s.Loss, true
	case signalError:
		return indicator(l.cfg.Signals.Wrong(s)), true
	case signalNorm:
		return s.GradNorm, true
	case signalUpdate:
		return s.UpdateNorm / l.descent.norm, l.descent.norm > 0
	case signalLabel:
		return l.ev.Label, true
	}
	for i := range l.ev.X.Dense {
		if f := &l.ev.X.Dense[i]; f.Hash == w.field {
			return f.Value, true
		}
	}
	return 0, false
}

func (ws *watches) referenceValue(w *watch, r *event.Reading) (float64, bool) {
	switch w.signal.name {
	case signalLoss:
		return r.Loss, true
	case signalError: // the gradient of the logistic loss is p - y
		return indicator(r.Grad >= 0.5 || r.Grad < -0.5), true
	case signalNorm:
		return math.Abs(r.Grad) * norm(r.X), true
	}
	return ws.cosine, true
}

func indicator(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func norm(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x * x)
	}
	return math.Sqrt(sum)
}

// turn computes the cosine between the score vector and the average direction,
// and takes the vector into the average. Score vectors of any length count the same.
func (ws *watches) turn(r *event.Reading) {
	ws.cosine = 0
	size := math.Abs(r.Grad) * norm(r.X)
	if !(size > 0) || math.IsInf(size, 0) {
		return
	}
	unit := r.Grad / size
	dot, square := 0.0, 0.0
	for i, c := range r.J {
		dot += float64(float64(unit*r.X[i]) * ws.direction[c])
	}
	for i, z := range ws.direction {
		square += float64(z * z)
		ws.direction[i] = float64((1 - directionWeight) * z)
	}
	for i, c := range r.J {
		ws.direction[c] += float64(directionWeight * float64(unit*r.X[i]))
	}
	if square > 0 {
		ws.cosine = min(max(dot/math.Sqrt(square), -1), 1)
	}
}
