package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// FrozenCUSUMParams are the parameters of FrozenCUSUM, with the names and
// defaults of River's CUSUM.
type FrozenCUSUMParams struct {
	// MinInstances is how many values are the reference. Default 30.
	MinInstances int `koanf:"min_instances"`
	// Slack is the change of the mean that is tolerated, in standard deviations
	// of the reference. Default 0.5.
	Slack float64 `koanf:"slack"`
	// Threshold of the cumulated deviation, in standard deviations of the
	// reference. Default 5: a false alarm in a few hundred values.
	Threshold float64 `koanf:"threshold"`
	// Mode is the direction of change: both (default), up or down.
	Mode string `koanf:"mode"`
}

// DefaultFrozenCUSUMParams returns the defaults.
func DefaultFrozenCUSUMParams() FrozenCUSUMParams {
	return FrozenCUSUMParams{MinInstances: 30, Slack: 0.5, Threshold: 5, Mode: ModeBoth}
}

// Validate returns an error that names the key, the value and what is allowed.
func (p *FrozenCUSUMParams) Validate() error {
	switch {
	case p.MinInstances < 1:
		return fmt.Errorf("min_instances: %d: must be at least 1", p.MinInstances)
	case !(p.Slack >= 0 && p.Slack <= huge):
		return fmt.Errorf("slack: %v: must be between 0 and %g", p.Slack, huge)
	case !(p.Threshold > 0 && p.Threshold <= huge):
		return fmt.Errorf("threshold: %v: must be above 0 and at most %g", p.Threshold, huge)
	}
	return validateMode(p.Mode)
}

// FrozenCUSUM is the tabular cumulative sum chart (Page 1954,
// https://doi.org/10.1093/biomet/41.1-2.100): deviations from the mean of the
// first values, less a slack, are cumulated from zero upwards, one sum for
// each direction; slack and threshold are in standard deviations of these
// values. After an alarm it collects a new reference.
// Definition followed: CUSUM of River after 0.23,
// https://github.com/online-ml/river/blob/main/river/drift/cusum.py
type FrozenCUSUM struct {
	p            FrozenCUSUMParams
	ref          runningMean // no longer changes once it has MinInstances values
	squares      float64     // their sum of squared deviations from the mean
	rise, fall   float64
	slack, limit float64 // in units of the values
}

// NewFrozenCUSUM returns a detector in its initial state.
func NewFrozenCUSUM(p FrozenCUSUMParams) (*FrozenCUSUM, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("cusum_frozen: %w", err)
	}
	return &FrozenCUSUM{p: p}, nil
}

// Domain implements Detector.
func (d *FrozenCUSUM) Domain() Domain { return AnyNumber }

// Reset implements Detector.
func (d *FrozenCUSUM) Reset() { *d = FrozenCUSUM{p: d.p} }

// Observe implements Detector. There are no warnings. The last value of the
// reference is the first one that is compared with it.
func (d *FrozenCUSUM) Observe(x float64) Level {
	x = clamp(x)
	if d.ref.n < uint64(d.p.MinInstances) {
		before := d.ref.mean
		d.ref.add(x)
		d.squares += float64((x - before) * (x - d.ref.mean))
		if d.ref.n < uint64(d.p.MinInstances) {
			return Stable
		}
		d.scale()
	}
	dev := x - d.ref.mean
	d.rise = max(0, d.rise+dev-d.slack)
	d.fall = max(0, d.fall-dev-d.slack)
	if d.p.Mode != ModeDown && d.rise > d.limit || d.p.Mode != ModeUp && d.fall > d.limit {
		d.Reset()
		return Drift
	}
	return Stable
}

// scale turns slack and threshold into units of the values.
func (d *FrozenCUSUM) scale() {
	sigma := 0.0
	if d.ref.n > 1 {
		sigma = math.Sqrt(max(0, d.squares/float64(d.ref.n-1)))
	}
	d.slack, d.limit = float64(d.p.Slack*sigma), float64(d.p.Threshold*sigma)
}

func (d *FrozenCUSUM) header() [4]float64 {
	return [...]float64{float64(d.p.MinInstances), d.p.Slack, d.p.Threshold, modeNumber(d.p.Mode)}
}

// AppendBinary implements Detector.
func (d *FrozenCUSUM) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = d.ref.append(appendHeader(b, h[:]...))
	for _, v := range [...]float64{d.squares, d.rise, d.fall} {
		b = wire.AppendFloat64(b, v)
	}
	return b, nil
}

// UnmarshalBinary implements Detector.
func (d *FrozenCUSUM) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	n := FrozenCUSUM{p: d.p}
	n.ref.read(r, 2*huge)
	n.squares = readWithin(r, maxProducts)
	n.rise, n.fall = readWithin(r, maxCumulated), readWithin(r, maxCumulated)
	if n.ref.n > uint64(d.p.MinInstances) || n.rise < 0 || n.fall < 0 {
		r.Fail("%d values in a reference of %d, sums %v and %v", n.ref.n, d.p.MinInstances, n.rise, n.fall)
	}
	if err := r.Close(); err != nil {
		return err
	}
	if n.ref.n == uint64(d.p.MinInstances) {
		n.scale()
	}
	*d = n
	return nil
}

// maxCumulated bounds a sum below a threshold of clamped numbers.
const maxCumulated = 1e250
