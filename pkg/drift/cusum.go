package drift

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// CUSUMParams are the parameters of CUSUM with the defaults of frouros. Their
// names are those of PageHinkley; the names of frouros are accepted as well.
type CUSUMParams struct {
	// MinInstances is how many values are seen before the first alarm. Default
	// 30. In frouros min_num_instances.
	MinInstances int `koanf:"min_instances" alias:"min_num_instances"`
	// Delta is the change of the mean that is tolerated, in units of the values. Default 0.005.
	Delta float64 `koanf:"delta"`
	// Threshold of the cumulated deviation, in units of the values. Default 50. In frouros lambda_.
	Threshold float64 `koanf:"threshold" alias:"lambda_"`
}

// DefaultCUSUMParams returns the defaults.
func DefaultCUSUMParams() CUSUMParams {
	return CUSUMParams{MinInstances: 30, Delta: 0.005, Threshold: 50}
}

// Validate returns an error that names the key, the value and what is allowed.
func (p *CUSUMParams) Validate() error {
	switch {
	case p.MinInstances < 1:
		return fmt.Errorf("min_instances: %d: must be at least 1", p.MinInstances)
	case !(p.Delta >= 0 && p.Delta <= huge):
		return fmt.Errorf("delta: %v: must be between 0 and %g", p.Delta, huge)
	case !(p.Threshold >= 0 && p.Threshold <= huge):
		return fmt.Errorf("threshold: %v: must be between 0 and %g", p.Threshold, huge)
	}
	return nil
}

// CUSUM is the cumulative sum test (Page 1954,
// https://doi.org/10.1093/biomet/41.1-2.100) for a rise of the mean, as MOA and
// frouros define it: deviations from the running mean, less a tolerance, are
// cumulated from zero upwards, and an alarm is raised when the sum exceeds
// Threshold. After an alarm everything is forgotten. Falls are not reported.
// River's detector of that name compares with a frozen reference: FrozenCUSUM.
// Definition followed:
// https://frouros.readthedocs.io/en/latest/api_reference/detectors/concept_drift/streaming/auto_generated/change_detection/frouros.detectors.concept_drift.CUSUM.html
type CUSUM struct {
	p    CUSUMParams
	n    uint64
	mean float64
	sum  float64
}

// NewCUSUM returns a detector in its initial state.
func NewCUSUM(p CUSUMParams) (*CUSUM, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("cusum: %w", err)
	}
	return &CUSUM{p: p}, nil
}

// Domain implements Detector.
func (d *CUSUM) Domain() Domain { return AnyNumber }

// Reset implements Detector.
func (d *CUSUM) Reset() { *d = CUSUM{p: d.p} }

// Observe implements Detector. There are no warnings.
func (d *CUSUM) Observe(x float64) Level {
	x = clamp(x)
	d.n++
	d.mean += (x - d.mean) / float64(d.n) // River's mean is rounded in another way
	d.sum = max(0, d.sum+x-d.mean-d.p.Delta)
	if d.n >= uint64(d.p.MinInstances) && d.sum > d.p.Threshold {
		d.Reset()
		return Drift
	}
	return Stable
}

func (d *CUSUM) header() [3]float64 {
	return [...]float64{float64(d.p.MinInstances), d.p.Delta, d.p.Threshold}
}

// AppendBinary implements Detector.
func (d *CUSUM) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = wire.AppendUvarint(appendHeader(b, h[:]...), d.n)
	return wire.AppendFloat64(wire.AppendFloat64(b, d.mean), d.sum), nil
}

// UnmarshalBinary implements Detector.
func (d *CUSUM) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	n := CUSUM{p: d.p, n: readCount(r), mean: readWithin(r, 2*huge), sum: readWithin(r, unseen)}
	if n.sum < 0 {
		r.Fail("sum %v", n.sum)
	}
	if err := r.Close(); err != nil {
		return err
	}
	*d = n
	return nil
}
