package factor

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

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
	for _, v := range [...]float64{l.lo, l.hi, l.max} {
		b = wire.AppendFloat64(b, v)
	}
	return b
}

func readLabels(r *wire.Reader) labels {
	l := labels{Moments: scale.ReadMoments(r), lo: r.Finite(), hi: r.Finite(), max: r.Finite()}
	if r.Err() == nil && (l.lo > l.hi || l.max < 0 || max(l.max, -l.lo, l.hi, math.Abs(l.Mean)) > scale.Largest) {
		r.Fail("label statistics %v", l)
	}
	return l
}

// frame turns a score into a prediction. A scaled frame measures scores in
// standard deviations from the mean of the labels; otherwise sd is 1 and mean 0.
type frame struct {
	mean, sd float64
	lo, hi   float64 // predictions are clipped to [lo, hi]
}

// frame returns the frame after the labels in l, the one that predicts next.
func (p *plan) frame(l *labels) frame {
	f := frame{sd: 1, lo: math.Inf(-1), hi: math.Inf(1)}
	if p.logistic || !p.scaleLabel {
		return f
	}
	f.mean, f.sd = l.Mean, l.SD()
	if l.Weight > 0 {
		f.lo, f.hi = l.lo, l.hi
	}
	return f
}

// readFrame reads mean, sd, lo and hi, of which the last two may be infinite.
func readFrame(r *wire.Reader) frame {
	f := frame{mean: r.Finite(), sd: r.Finite(), lo: r.Float64(), hi: r.Float64()}
	if r.Err() == nil && !(f.sd >= 0 && f.sd <= scale.Largest && math.Abs(f.mean) <= scale.Largest && f.lo <= f.hi) {
		r.Fail("label frame %v", f)
	}
	return f
}

// label returns the label as the loss sees it, or why it is refused.
func (m *Model) label(e *event.Event) (float64, *event.Rejection) {
	y := e.Label
	if !finite(y) {
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v is not a finite number", y)}
	}
	if m.p.logistic {
		switch y {
		case 1:
			return 1, nil
		case 0, -1:
			return 0, nil
		}
		return 0, &event.Rejection{Reason: event.LabelInvalid, Detail: fmt.Sprintf("label %v: logistic loss accepts 0 and 1, or -1 and 1; name the positive class by source.positive, or set learner.factor.loss to squared", y)}
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

func finite(x float64) bool { return x-x == 0 }
