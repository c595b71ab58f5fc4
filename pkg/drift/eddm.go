package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// EDDMParams are the parameters of EDDM, with River's names and defaults.
type EDDMParams struct {
	// WarmStart is how many errors are seen before anything is reported. Default 30.
	WarmStart int `koanf:"warm_start"`
	// Alpha is the share of the largest distance below which the detector warns. Default 0.95.
	Alpha float64 `koanf:"alpha"`
	// Beta is the share below which it alarms. Default 0.9.
	Beta float64 `koanf:"beta"`
}

// DefaultEDDMParams returns the defaults.
func DefaultEDDMParams() EDDMParams { return EDDMParams{WarmStart: 30, Alpha: 0.95, Beta: 0.9} }

// Validate returns an error that names the key, the value and what is allowed.
func (p *EDDMParams) Validate() error {
	switch {
	case p.WarmStart < 0:
		return fmt.Errorf("warm_start: %d: must not be negative", p.WarmStart)
	case !(p.Beta > 0 && p.Beta <= 1):
		return fmt.Errorf("beta: %v: must be above 0 and at most 1", p.Beta)
	case !(p.Alpha >= p.Beta && p.Alpha <= 1):
		return fmt.Errorf("alpha: %v: must be at least beta (%v) and at most 1", p.Alpha, p.Beta)
	}
	return nil
}

// EDDM is the early drift detection method (Baena-Garcia and others 2006,
// https://www.cs.upc.edu/~abifet/EDDM.pdf) on the errors of a classifier: it
// follows the mean distance between two errors plus two standard deviations
// and reports when that falls below a share of its largest value. The level is
// judged at errors alone; a warning lasts until an error ends it. After an
// alarm everything is forgotten.
// Definition followed: https://riverml.xyz/latest/api/drift/binary/EDDM/
// MOA and frouros compare the number of values, not of errors, with the warm
// start, and so alarm at other places.
type EDDM struct {
	p       EDDMParams
	n       uint64      // values
	last    uint64      // value of the last error, counted from 1
	gaps    runningMean // distances between errors
	squares float64     // their sum of squared deviations from the mean
	largest float64     // of mean + 2 standard deviations; -1 before the first
	warned  bool
}

// NewEDDM returns a detector in its initial state.
func NewEDDM(p EDDMParams) (*EDDM, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("eddm: %w", err)
	}
	d := &EDDM{p: p}
	d.Reset()
	return d, nil
}

// Domain implements Detector.
func (d *EDDM) Domain() Domain { return ZeroOrOne }

// Reset implements Detector.
func (d *EDDM) Reset() { *d = EDDM{p: d.p, largest: -1} }

// Observe implements Detector.
func (d *EDDM) Observe(x float64) Level {
	d.n++
	if unit(x) == 1 && d.atError() {
		d.Reset()
		return Drift
	}
	if d.warned {
		return Warning
	}
	return Stable
}

// atError takes in the distance to an error and reports an alarm.
func (d *EDDM) atError() bool {
	gap := float64(d.n - d.last)
	d.last = d.n
	before := d.gaps.mean
	d.gaps.add(gap)
	d.squares += float64((gap - before) * (gap - d.gaps.mean))
	if d.n <= uint64(d.p.WarmStart) {
		return false
	}
	variance := 0.0
	if d.gaps.n > 1 {
		variance = d.squares / float64(d.gaps.n-1)
	}
	reach := d.gaps.mean + float64(2*math.Sqrt(variance))
	if reach > d.largest {
		d.largest = reach
		return false
	}
	if d.gaps.n <= uint64(d.p.WarmStart) {
		return false
	}
	level := reach / d.largest
	if level < d.p.Beta {
		return true
	}
	d.warned = level < d.p.Alpha
	return false
}

func (d *EDDM) header() [3]float64 {
	return [...]float64{float64(d.p.WarmStart), d.p.Alpha, d.p.Beta}
}

// AppendBinary implements Detector.
func (d *EDDM) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = wire.AppendUvarint(appendHeader(b, h[:]...), d.n)
	b = d.gaps.append(wire.AppendUvarint(b, d.last))
	b = wire.AppendFloat64(wire.AppendFloat64(b, d.squares), d.largest)
	return wire.AppendBool(b, d.warned), nil
}

// UnmarshalBinary implements Detector.
func (d *EDDM) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	n := EDDM{p: d.p, n: readCount(r), last: readCount(r)}
	n.gaps.read(r, float64(n.n))
	n.squares, n.largest, n.warned = readWithin(r, huge), readWithin(r, huge), r.Bool()
	if n.last > n.n || n.gaps.mean < 0 || n.squares < 0 {
		r.Fail("error at %d of %d values, mean distance %v, squares %v", n.last, n.n, n.gaps.mean, n.squares)
	}
	if err := r.Close(); err != nil {
		return err
	}
	*d = n
	return nil
}
