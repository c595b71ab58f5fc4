package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// HDDMAParams are the parameters of HDDMA, with River's names and defaults.
type HDDMAParams struct {
	// DriftConfidence is the error probability of one comparison for an alarm. Default 0.001.
	DriftConfidence float64 `koanf:"drift_confidence"`
	// WarningConfidence is the same for a warning. Default 0.005.
	WarningConfidence float64 `koanf:"warning_confidence"`
	// TwoSidedTest reports a fall of the mean as well. Default false.
	TwoSidedTest bool `koanf:"two_sided_test"`
}

// DefaultHDDMAParams returns the defaults.
func DefaultHDDMAParams() HDDMAParams {
	return HDDMAParams{DriftConfidence: 0.001, WarningConfidence: 0.005}
}

// Validate returns an error that names the key, the value and what is allowed.
func (p *HDDMAParams) Validate() error {
	return validateConfidences(p.DriftConfidence, p.WarningConfidence)
}

// HDDMA is drift detection by Hoeffding's bound with averages (HDDM_A;
// Frias-Blanco and others 2015, https://doi.org/10.1109/TKDE.2014.2345382) on
// values in [0, 1]: the mean of all values is compared with that up to the cut
// point where the upper bound of the mean was least (where its lower bound was
// largest, for a fall). After an alarm everything is forgotten.
// Definition followed: https://riverml.xyz/latest/api/drift/binary/HDDM-A/
type HDDMA struct {
	p                              HDDMAParams
	logBound, logDrift, logWarning float64
	all, lowest, highest           runningMean // of all values, and up to the two cut points
}

// NewHDDMA returns a detector in its initial state.
func NewHDDMA(p HDDMAParams) (*HDDMA, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("hddm_a: %w", err)
	}
	return &HDDMA{
		p: p, logBound: portable.Log(1 / p.DriftConfidence),
		logDrift: portable.Log(2 / p.DriftConfidence), logWarning: portable.Log(2 / p.WarningConfidence),
	}, nil
}

// Domain implements Detector.
func (d *HDDMA) Domain() Domain { return UnitInterval }

// Reset implements Detector.
func (d *HDDMA) Reset() { d.all, d.lowest, d.highest = runningMean{}, runningMean{}, runningMean{} }

// Observe implements Detector.
func (d *HDDMA) Observe(x float64) Level {
	d.all.add(unit(x))
	if d.all.n == 1 {
		d.lowest, d.highest = d.all, d.all
	}
	eps := d.bound(d.all.n)
	if d.lowest.mean+d.bound(d.lowest.n) >= d.all.mean+eps {
		d.lowest = d.all
	}
	if d.highest.mean-d.bound(d.highest.n) <= d.all.mean-eps {
		d.highest = d.all
	}
	level := d.compare(d.all.mean-d.lowest.mean, d.lowest.n)
	if d.p.TwoSidedTest {
		level = max(level, d.compare(d.highest.mean-d.all.mean, d.highest.n))
	}
	if level == Drift {
		d.Reset()
	}
	return level
}

// bound is how far the mean of n values strays from its expectation.
func (d *HDDMA) bound(n uint64) float64 {
	return math.Sqrt(float64(1 / float64(2*n) * d.logBound))
}

// compare judges by how much the mean of all values differs from that of the first n.
func (d *HDDMA) compare(diff float64, n uint64) Level {
	if n == d.all.n {
		return Stable
	}
	m := float64(float64(d.all.n-n) / float64(n) * (1 / float64(d.all.n)))
	switch {
	case diff >= math.Sqrt(float64(m/2*d.logDrift)):
		return Drift
	case diff >= math.Sqrt(float64(m/2*d.logWarning)):
		return Warning
	}
	return Stable
}

func (d *HDDMA) header() [3]float64 {
	return [...]float64{d.p.DriftConfidence, d.p.WarningConfidence, flag(d.p.TwoSidedTest)}
}

// AppendBinary implements Detector.
func (d *HDDMA) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = appendHeader(b, h[:]...)
	return d.highest.append(d.lowest.append(d.all.append(b))), nil
}

// UnmarshalBinary implements Detector.
func (d *HDDMA) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	n := *d
	for _, m := range [...]*runningMean{&n.all, &n.lowest, &n.highest} {
		m.read(r, 1)
		if m.n > n.all.n || m.n == 0 && n.all.n > 0 {
			r.Fail("cut point %d in %d values", m.n, n.all.n)
		}
	}
	if err := r.Close(); err != nil {
		return err
	}
	*d = n
	return nil
}
