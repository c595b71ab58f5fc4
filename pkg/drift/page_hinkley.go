package drift

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// PageHinkleyParams are the parameters of PageHinkley, with River's names and defaults.
type PageHinkleyParams struct {
	// MinInstances is how many values are seen before the first alarm. Default 30.
	MinInstances int `koanf:"min_instances"`
	// Delta is the change of the mean that is tolerated. Default 0.005.
	Delta float64 `koanf:"delta"`
	// Threshold of the cumulated deviation (lambda). Default 50.
	Threshold float64 `koanf:"threshold"`
	// Alpha is the weight with which the cumulated deviation fades. Default 0.9999.
	Alpha float64 `koanf:"alpha"`
	// Mode is the direction of change: both (default), up or down.
	Mode string `koanf:"mode"`
}

// DefaultPageHinkleyParams returns the defaults.
func DefaultPageHinkleyParams() PageHinkleyParams {
	return PageHinkleyParams{MinInstances: 30, Delta: 0.005, Threshold: 50, Alpha: 0.9999, Mode: ModeBoth}
}

// Validate returns an error that names the key, the value and what is allowed.
func (p *PageHinkleyParams) Validate() error {
	switch {
	case p.MinInstances < 1:
		return fmt.Errorf("min_instances: %d: must be at least 1", p.MinInstances)
	case !(p.Delta >= 0 && p.Delta <= huge):
		return fmt.Errorf("delta: %v: must be between 0 and %g", p.Delta, huge)
	case !(p.Threshold > 0 && p.Threshold <= huge):
		return fmt.Errorf("threshold: %v: must be above 0 and at most %g", p.Threshold, huge)
	case !(p.Alpha > 0 && p.Alpha <= 1):
		return fmt.Errorf("alpha: %v: must be above 0 and at most 1", p.Alpha)
	}
	return validateMode(p.Mode)
}

// PageHinkley is the Page-Hinkley test (Page 1954,
// https://doi.org/10.1093/biomet/41.1-2.100) as River defines it: deviations
// from the running mean are cumulated with a fading factor, and an alarm is
// raised when the sum stands more than Threshold above its minimum or below its
// maximum. After an alarm everything is forgotten.
// Definition followed: https://riverml.xyz/latest/api/drift/PageHinkley/
type PageHinkley struct {
	p                PageHinkleyParams
	n                uint64
	mean             float64
	rise, lowest     float64 // cumulated deviations for an increase, and their minimum
	fall, highest    float64 // the same for a decrease, and their maximum
	upward, downward bool
}

// unseen is the minimum of no sums: above every sum of clamped values.
const unseen = 1e200

// NewPageHinkley returns a detector in its initial state.
func NewPageHinkley(p PageHinkleyParams) (*PageHinkley, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("page_hinkley: %w", err)
	}
	d := &PageHinkley{p: p, upward: p.Mode != ModeDown, downward: p.Mode != ModeUp}
	d.Reset()
	return d, nil
}

// Domain implements Detector.
func (d *PageHinkley) Domain() Domain { return AnyNumber }

// Reset implements Detector.
func (d *PageHinkley) Reset() {
	d.n, d.mean, d.rise, d.fall = 0, 0, 0, 0
	d.lowest, d.highest = unseen, -unseen
}

// Observe implements Detector. There are no warnings.
func (d *PageHinkley) Observe(x float64) Level {
	x = clamp(x)
	d.n++
	d.mean += float64(1 / float64(d.n) * (x - d.mean))
	dev := x - d.mean
	d.rise = float64(d.p.Alpha*d.rise) + dev - d.p.Delta
	d.fall = float64(d.p.Alpha*d.fall) + dev + d.p.Delta
	d.lowest = min(d.lowest, d.rise)
	d.highest = max(d.highest, d.fall)
	if d.n < uint64(d.p.MinInstances) {
		return Stable
	}
	if d.upward && d.rise-d.lowest > d.p.Threshold || d.downward && d.highest-d.fall > d.p.Threshold {
		d.Reset()
		return Drift
	}
	return Stable
}

func (d *PageHinkley) header() [5]float64 {
	return [...]float64{float64(d.p.MinInstances), d.p.Delta, d.p.Threshold, d.p.Alpha, modeNumber(d.p.Mode)}
}

// AppendBinary implements Detector.
func (d *PageHinkley) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = appendHeader(b, h[:]...)
	b = wire.AppendUvarint(b, d.n)
	for _, v := range [...]float64{d.mean, d.rise, d.lowest, d.fall, d.highest} {
		b = wire.AppendFloat64(b, v)
	}
	return b, nil
}

// UnmarshalBinary implements Detector.
func (d *PageHinkley) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	n := *d
	if n.n = r.Uvarint(); n.n > 1<<62 {
		r.Fail("%d values", n.n)
	}
	for _, v := range [...]*float64{&n.mean, &n.rise, &n.lowest, &n.fall, &n.highest} {
		*v = readWithin(r, unseen)
	}
	if err := r.Close(); err != nil {
		return err
	}
	*d = n
	return nil
}
