package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// HDDMWParams are the parameters of HDDMW, with River's names and defaults.
type HDDMWParams struct {
	// DriftConfidence is the error probability of one comparison for an alarm. Default 0.001.
	DriftConfidence float64 `koanf:"drift_confidence"`
	// WarningConfidence is the same for a warning. Default 0.005.
	WarningConfidence float64 `koanf:"warning_confidence"`
	// LambdaVal is the weight of the newest value in the moving averages. Default 0.05.
	LambdaVal float64 `koanf:"lambda_val"`
	// TwoSidedTest reports a fall of the mean as well. Default false.
	TwoSidedTest bool `koanf:"two_sided_test"`
}

// DefaultHDDMWParams returns the defaults.
func DefaultHDDMWParams() HDDMWParams {
	return HDDMWParams{DriftConfidence: 0.001, WarningConfidence: 0.005, LambdaVal: 0.05}
}

// Validate returns an error that names the key, the value and what is allowed.
func (p *HDDMWParams) Validate() error {
	if !(p.LambdaVal > 0 && p.LambdaVal <= 1) {
		return fmt.Errorf("lambda_val: %v: must be above 0 and at most 1", p.LambdaVal)
	}
	return validateConfidences(p.DriftConfidence, p.WarningConfidence)
}

// HDDMW is drift detection by McDiarmid's bound with exponentially weighted
// averages (HDDM_W; Frias-Blanco and others 2015,
// https://doi.org/10.1109/TKDE.2014.2345382) on values in [0, 1]: the average
// up to a cut point is compared with that of the values after it. After an
// alarm everything is forgotten.
// Definition followed: https://riverml.xyz/latest/api/drift/binary/HDDM-W/
// As there, an average that is exactly 0 starts anew at the next value.
type HDDMW struct {
	p                    HDDMWParams
	logDrift, logWarning float64
	decay                float64 // of the bound condition, (1 - LambdaVal)^2
	all                  weighted
	rise, fall           split
}

// weighted is an exponentially weighted average with its bound condition, the
// sum of squared weights.
type weighted struct {
	mean, squares float64
	begun         bool
}

// split is a cut of the values: the average before it and that after it.
type split struct {
	cut           float64 // the bound of the average at the cut
	before, after weighted
}

// NewHDDMW returns a detector in its initial state.
func NewHDDMW(p HDDMWParams) (*HDDMW, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("hddm_w: %w", err)
	}
	d := &HDDMW{
		p: p, logDrift: portable.Log(1 / p.DriftConfidence), logWarning: portable.Log(1 / p.WarningConfidence),
		decay: (1 - p.LambdaVal) * (1 - p.LambdaVal),
	}
	d.Reset()
	return d, nil
}

// Domain implements Detector.
func (d *HDDMW) Domain() Domain { return UnitInterval }

// Reset implements Detector.
func (d *HDDMW) Reset() {
	empty := weighted{squares: 1}
	d.all = empty
	d.rise = split{unseen, empty, empty}
	d.fall = split{-unseen, empty, empty}
}

// Observe implements Detector.
func (d *HDDMW) Observe(x float64) Level {
	x = unit(x)
	d.add(&d.all, x)
	eps := math.Sqrt(float64(d.all.squares*d.logDrift) / 2)
	if low := d.all.mean + eps; low < d.rise.cut {
		d.rise = split{low, d.all, weighted{squares: 1}}
	} else {
		d.add(&d.rise.after, x)
	}
	if high := d.all.mean - eps; high > d.fall.cut {
		d.fall = split{high, d.all, weighted{squares: 1}}
	} else {
		d.add(&d.fall.after, x)
	}
	level := d.compare(&d.rise, 1)
	if d.p.TwoSidedTest {
		level = max(level, d.compare(&d.fall, -1))
	}
	if level == Drift {
		d.Reset()
	}
	return level
}

func (d *HDDMW) add(w *weighted, x float64) {
	if w.mean == 0 {
		w.mean = x
	} else {
		w.mean = float64(d.p.LambdaVal*x) + float64((1-d.p.LambdaVal)*w.mean)
	}
	w.begun = true
	w.squares = float64(d.p.LambdaVal*d.p.LambdaVal) + float64(d.decay*w.squares)
}

// compare judges by how much the average after the cut exceeds that before it, in the direction of sign.
func (d *HDDMW) compare(s *split, sign float64) Level {
	if !s.before.begun || !s.after.begun {
		return Stable
	}
	diff := sign * (s.after.mean - s.before.mean)
	squares := s.before.squares + s.after.squares
	switch {
	case diff > math.Sqrt(float64(squares*d.logDrift)/2):
		return Drift
	case diff > math.Sqrt(float64(squares*d.logWarning)/2):
		return Warning
	}
	return Stable
}

func (d *HDDMW) header() [4]float64 {
	return [...]float64{d.p.DriftConfidence, d.p.WarningConfidence, d.p.LambdaVal, flag(d.p.TwoSidedTest)}
}

// AppendBinary implements Detector.
func (d *HDDMW) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = appendHeader(b, h[:]...)
	b = d.all.append(b)
	for _, s := range [...]*split{&d.rise, &d.fall} {
		b = wire.AppendFloat64(b, s.cut)
		b = s.after.append(s.before.append(b))
	}
	return b, nil
}

func (w *weighted) append(b []byte) []byte {
	b = wire.AppendFloat64(wire.AppendFloat64(b, w.mean), w.squares)
	return wire.AppendBool(b, w.begun)
}

func (w *weighted) read(r *wire.Reader) {
	w.mean, w.squares, w.begun = readWithin(r, 1), readWithin(r, 1), r.Bool()
	if w.mean < 0 || w.squares < 0 {
		r.Fail("average %v, squared weights %v", w.mean, w.squares)
	}
}

// UnmarshalBinary implements Detector.
func (d *HDDMW) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	n := *d
	n.all.read(r)
	for _, s := range [...]*split{&n.rise, &n.fall} {
		s.cut = readWithin(r, unseen)
		s.before.read(r)
		s.after.read(r)
	}
	if err := r.Close(); err != nil {
		return err
	}
	*d = n
	return nil
}
