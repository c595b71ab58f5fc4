package sgd

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// vwMargin bounds the margin of the logistic loss with compat: vw. Vowpal
// Wabbit's conventions, where they differ from ours: features and labels are
// used as they are; the margin of the logistic loss is clipped to [-50, 50] and the prediction
// of the squared loss to the label range seen with the current label and 0.
// Loss, gradient and update are those of the clipped prediction, here and there.
// Source: https://github.com/VowpalWabbit/vowpal_wabbit gd.cc, loss_functions.cc.
const vwMargin = 50

// maxCount bounds the labels of the Poisson loss, below exp(poissonMargin).
const maxCount = 1e13

// labels are the statistics of the labels learned, unless they are classes.
type labels struct {
	scale.Moments
	lo, hi float64 // range; valid when Weight > 0
	max    float64 // largest magnitude
}

// add returns the statistics with one more label y of weight h.
func (l labels) add(y, h float64) labels {
	n := labels{l.Add(y, h), y, y, max(l.max, math.Abs(y))}
	if l.Weight > 0 {
		n.lo, n.hi = min(l.lo, y), max(l.hi, y)
	}
	return n
}

func (l labels) append(b []byte) []byte {
	b = l.Moments.Append(b)
	b = wire.AppendFloat64(b, l.lo)
	b = wire.AppendFloat64(b, l.hi)
	return wire.AppendFloat64(b, l.max)
}

func readLabels(r *wire.Reader) labels {
	l := labels{Moments: scale.ReadMoments(r), lo: r.Finite(), hi: r.Finite(), max: r.Finite()}
	if r.Err() == nil && (l.lo > l.hi || l.max < 0 || max(l.max, -l.lo, l.hi, math.Abs(l.Mean)) > scale.Largest) {
		r.Fail("label statistics %v", l)
	}
	return l
}

// frame turns a linear score into a prediction. A scaled frame measures scores in standard
// deviations from the mean of the labels; otherwise sd is 1 and mean 0.
type frame struct {
	mean, sd float64
	lo, hi   float64 // predictions are clipped to [lo, hi]
}

// frame returns the frame after the labels in l, the one that predicts next.
func (p *plan) frame(l *labels) frame {
	f := frame{sd: 1, lo: math.Inf(-1), hi: math.Inf(1)}
	switch {
	case p.loss == lossLogistic && p.vw:
		f.lo, f.hi = -vwMargin, vwMargin
	case p.loss == lossPoisson:
		f.lo, f.hi = -poissonMargin, poissonMargin
	case p.binary():
	case p.vw: // the range starts as [0, 0]
		f.lo, f.hi = min(0, l.lo), max(0, l.hi)
	case p.scaleLabel:
		f.mean, f.sd = l.Mean, l.SD()
		if l.Weight > 0 {
			f.lo, f.hi = l.lo, l.hi
		}
	}
	return f
}

// label returns the label as the loss sees it, or why it is refused.
func (m *Model) label(e *event.Event) (float64, *event.Rejection) {
	y := e.Label
	if !finite(y) {
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v is not a finite number", y)}
	}
	if m.p.classes > 0 {
		return m.classLabel(e)
	}
	if m.p.binary() {
		switch y {
		case 1:
			return 1, nil
		case 0, -1:
			return 0, nil
		}
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v: %s loss accepts 0 and 1, or -1 and 1; name the positive class by source.positive, or set learner.loss to squared", y, losses[m.p.loss])}
	}
	if m.p.loss == lossPoisson && !(y >= 0 && y <= maxCount) {
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v: poisson loss accepts numbers between 0 and 1e13; set learner.loss to squared", y)}
	}
	limit := float64(scale.Largest)
	if scale.Seasoned(m.events) {
		limit = scale.Limit(m.p.extreme, m.labels.max)
	}
	if math.Abs(y) > limit {
		return 0, &event.Rejection{Reason: event.Extreme, Detail: fmt.Sprintf("label %v, allowed are magnitudes up to %v", y, limit)}
	}
	return y, nil
}
