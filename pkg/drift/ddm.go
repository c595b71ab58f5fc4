package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// DDMParams are the parameters of DDM, with River's names and defaults.
type DDMParams struct {
	// WarmStart is how many values are seen before anything is reported. Default 30.
	WarmStart int `koanf:"warm_start"`
	// WarningThreshold is the number of standard deviations above the best
	// error rate at which the detector warns. Default 2.
	WarningThreshold float64 `koanf:"warning_threshold"`
	// DriftThreshold is the number at which it alarms. Default 3.
	DriftThreshold float64 `koanf:"drift_threshold"`
}

// DefaultDDMParams returns the defaults.
func DefaultDDMParams() DDMParams {
	return DDMParams{WarmStart: 30, WarningThreshold: 2, DriftThreshold: 3}
}

// Validate returns an error that names the key, the value and what is allowed.
func (p *DDMParams) Validate() error {
	switch {
	case p.WarmStart < 0:
		return fmt.Errorf("warm_start: %d: must not be negative", p.WarmStart)
	case !(p.WarningThreshold > 0 && p.WarningThreshold <= huge):
		return fmt.Errorf("warning_threshold: %v: must be above 0 and at most %g", p.WarningThreshold, huge)
	case !(p.DriftThreshold >= p.WarningThreshold && p.DriftThreshold <= huge):
		return fmt.Errorf("drift_threshold: %v: must be at least warning_threshold (%v) and at most %g", p.DriftThreshold, p.WarningThreshold, huge)
	}
	return nil
}

// DDM is the drift detection method (Gama, Medas, Castillo, Rodrigues 2004,
// https://doi.org/10.1007/978-3-540-28645-5_29) on the errors of a classifier:
// it keeps the error rate p and its binomial standard deviation s where p + s
// was least, and reports when p + s has risen above pMin + k sMin. After an
// alarm everything is forgotten.
// Definition followed: https://riverml.xyz/latest/api/drift/binary/DDM/
type DDM struct {
	p          DDMParams
	rate       runningMean
	pMin, sMin float64
	least      float64 // pMin + sMin; unseen before the warm start is over
}

// NewDDM returns a detector in its initial state.
func NewDDM(p DDMParams) (*DDM, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("ddm: %w", err)
	}
	d := &DDM{p: p}
	d.Reset()
	return d, nil
}

// Domain implements Detector.
func (d *DDM) Domain() Domain { return ZeroOrOne }

// Reset implements Detector.
func (d *DDM) Reset() { *d = DDM{p: d.p, least: unseen} }

// Observe implements Detector.
func (d *DDM) Observe(x float64) Level {
	d.rate.add(unit(x))
	if d.rate.n <= uint64(d.p.WarmStart) {
		return Stable
	}
	p := d.rate.mean
	s := math.Sqrt(float64(p*(1-p)) / float64(d.rate.n))
	if p+s <= d.least {
		d.pMin, d.sMin, d.least = p, s, p+s
	}
	switch {
	case p+s > d.pMin+float64(d.p.DriftThreshold*d.sMin):
		d.Reset()
		return Drift
	case p+s > d.pMin+float64(d.p.WarningThreshold*d.sMin):
		return Warning
	}
	return Stable
}

func (d *DDM) header() [3]float64 {
	return [...]float64{float64(d.p.WarmStart), d.p.WarningThreshold, d.p.DriftThreshold}
}

// AppendBinary implements Detector.
func (d *DDM) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = d.rate.append(appendHeader(b, h[:]...))
	for _, v := range [...]float64{d.pMin, d.sMin, d.least} {
		b = wire.AppendFloat64(b, v)
	}
	return b, nil
}

// UnmarshalBinary implements Detector.
func (d *DDM) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	n := DDM{p: d.p}
	n.rate.read(r, 1)
	n.pMin, n.sMin, n.least = readWithin(r, 1), readWithin(r, 1), readWithin(r, unseen)
	if n.rate.mean < 0 {
		r.Fail("error rate %v", n.rate.mean)
	}
	if err := r.Close(); err != nil {
		return err
	}
	*d = n
	return nil
}
