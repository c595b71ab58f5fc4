package scale

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Labels are the statistics of the labels learned, unless they are classes.
type Labels struct {
	Moments
	Lo, Hi float64 // range; valid when Weight > 0
	Max    float64 // largest magnitude
}

// Add returns the statistics with one more label y of weight h.
func (l Labels) Add(y, h float64) Labels {
	n := Labels{l.Moments.Add(y, h), y, y, max(l.Max, math.Abs(y))}
	if l.Weight > 0 {
		n.Lo, n.Hi = min(l.Lo, y), max(l.Hi, y)
	}
	return n
}

// Append appends weight, mean, M2, lowest, highest and largest magnitude, 48 bytes.
func (l *Labels) Append(b []byte) []byte {
	b = l.Moments.Append(b)
	b = wire.AppendFloat64(b, l.Lo)
	b = wire.AppendFloat64(b, l.Hi)
	return wire.AppendFloat64(b, l.Max)
}

// ReadLabels reads what Append wrote. Errors are left in r.
func ReadLabels(r *wire.Reader) Labels {
	l := Labels{Moments: ReadMoments(r), Lo: r.Finite(), Hi: r.Finite(), Max: r.Finite()}
	if r.Err() == nil && (l.Lo > l.Hi || l.Max < 0 || max(l.Max, -l.Lo, l.Hi, math.Abs(l.Mean)) > Largest) {
		r.Fail("label statistics %v", l)
	}
	return l
}

// Screen returns why a label y is refused by the factor extreme after so many
// events: its magnitude is too far above all that were learned.
func (l *Labels) Screen(y, extreme float64, events uint64) *event.Rejection {
	limit := float64(Largest)
	if Seasoned(events) {
		limit = Limit(extreme, l.Max)
	}
	if math.Abs(y) > limit {
		return &event.Rejection{Reason: event.Extreme, Detail: fmt.Sprintf("label %v, allowed are magnitudes up to %v", y, limit)}
	}
	return nil
}

// Sign returns the class of a label of two: 1 for 1, and 0 for 0 and -1.
func Sign(y float64) (class float64, ok bool) {
	switch y {
	case 1:
		return 1, true
	case 0, -1:
		return 0, true
	}
	return 0, false
}

// Frame turns a score into a prediction. A scaled frame measures scores in
// standard deviations from the mean of the labels; otherwise SD is 1 and Mean 0.
type Frame struct {
	Mean, SD float64
	Lo, Hi   float64 // predictions are clipped to [Lo, Hi]
}

// Raw returns the frame of scores that are in the unit of the label.
func Raw() Frame { return Frame{SD: 1, Lo: math.Inf(-1), Hi: math.Inf(1)} }

// Frame returns the scaled frame after these labels, the one that predicts next.
func (l *Labels) Frame() Frame {
	f := Raw()
	f.Mean, f.SD = l.Mean, l.Moments.SD()
	if l.Weight > 0 {
		f.Lo, f.Hi = l.Lo, l.Hi
	}
	return f
}

// Predict returns the prediction for the score z, and the margin: the same
// before it is clipped.
func (f *Frame) Predict(z float64) (prediction, margin float64) {
	margin = f.Mean + float64(f.SD*z)
	return max(f.Lo, min(f.Hi, margin)), margin
}

// Append appends mean, standard deviation, lowest and highest prediction, 32 bytes.
func (f *Frame) Append(b []byte) []byte {
	for _, v := range [...]float64{f.Mean, f.SD, f.Lo, f.Hi} {
		b = wire.AppendFloat64(b, v)
	}
	return b
}

// ReadFrame reads a frame, whose range may be unbounded. Errors are left in r.
func ReadFrame(r *wire.Reader) Frame {
	f := Frame{Mean: r.Finite(), SD: r.Finite(), Lo: r.Float64(), Hi: r.Float64()}
	if r.Err() == nil && !(f.SD >= 0 && f.SD <= Largest && math.Abs(f.Mean) <= Largest && f.Lo <= f.Hi) {
		r.Fail("label frame %v", f)
	}
	return f
}
