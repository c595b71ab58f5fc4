package ope

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

const codecVersion = 1

// AppendBinary appends settings and sums, in the layout of docs/format/ope.md.
func (e *Evaluation) AppendBinary(b []byte) ([]byte, error) {
	c := &e.config
	b = append(b, codecVersion)
	for _, v := range [...]float64{c.RewardMin, c.RewardMax, c.Clip, c.Switch, c.Shrinkage, c.SubGaussian} {
		b = wire.AppendFloat64(b, v)
	}
	for _, v := range e.sums {
		b = wire.AppendFloat64(b, v)
	}
	return wire.AppendFloat64(b, e.maxWeight), nil
}

// UnmarshalBinary replaces settings and sums, or changes nothing and returns an error.
func (e *Evaluation) UnmarshalBinary(b []byte) error {
	var d Evaluation
	r := wire.NewReader(b)
	if v := r.Byte(); r.Err() == nil && v != codecVersion {
		r.Fail("off-policy evaluation of version %d: this program reads version %d", v, codecVersion)
	}
	c := &d.config
	for _, v := range [...]*float64{&c.RewardMin, &c.RewardMax, &c.Clip, &c.Switch, &c.Shrinkage, &c.SubGaussian} {
		*v = r.Finite()
	}
	for i := range d.sums {
		d.sums[i] = r.Finite()
	}
	d.maxWeight = r.Finite()
	if err := r.Close(); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	*e = d
	return nil
}

// check refuses sums that no log has.
func (e *Evaluation) check() error {
	if err := e.config.Validate(); err != nil {
		return err
	}
	s := &e.sums
	for i, v := range s {
		signed := i == matchedR || i >= sumG2D && i <= sumW2E && i != sumG2W || i >= means && (i-means)%2 == 0
		if !signed && !(v >= 0) || math.Abs(v) > largestSum {
			return errImpossible
		}
	}
	if s[events] < s[rows] || (s[rows] == 0) != (s[events] == 0) || e.maxWeight < 0 || e.maxWeight > s[sumW] {
		return errImpossible
	}
	return nil
}
