// Package calibrate turns the margins of a classifier into probabilities, online:
//
//	m := calibrate.New(calibrate.Isotonic)
//	for each event {
//		p := m.Probability(margin)    // by the events before it
//		m.Learn(margin, label, weight)
//	}
//
// A margin orders events well and is often no log-odds: that of the hinge loss
// never is, and an online learner that moves fast is overconfident. A map that is
// fitted to margins that were predicted before they were learned repairs it, and
// keeps their order, but for ties.
//
// Platt has two parameters: it needs few events, and is right if the margin is
// log-odds in another unit. Isotonic has a table: it takes any shape that does not
// fall, and needs some thousand events.
//
// The map forgets with a half-life of HalfLife events, since the margins of a
// learner change while it learns. It may be part of a state: its bits do not
// depend on the processor.
package calibrate

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// Method is a way to fit a map.
type Method byte

// The methods.
const (
	None Method = iota
	Platt
	Isotonic
)

// Methods are the names of the methods.
var Methods = [...]string{None: "none", Platt: "platt", Isotonic: "isotonic"}

// Size returns about how many bytes Append takes.
func (m Method) Size() int { return [...]int{None: 0, Platt: 40, Isotonic: 24 * Bins}[m] }

// HalfLife is the number of events after which one counts half.
const HalfLife = 10_000

// retain is what is left of the weight of an event after the next one, 2^(-1/HalfLife).
const retain = 0.9999306876841536

const (
	maxMargin = 30    // beyond it a probability is 0 or 1 to 13 digits
	heaviest  = 1e6   // a weight counts as at most this, so that sums stay finite
	certain   = 1e-14 // a probability is at least this far from 0 and 1
	largest   = 1e100 // of a stored number
)

// Map is the map of one margin. The zero value, of the method None, is the
// logistic function.
type Map struct {
	method Method
	platt  platt
	steps  *isotonic
}

// New returns a map that has seen nothing, which is the logistic function.
func New(method Method) Map {
	m := Map{method: method}
	switch method {
	case Platt:
		m.platt = newPlatt()
	case Isotonic:
		m.steps = newIsotonic()
	case None:
	}
	return m
}

// Probability returns the probability of the label 1 at margin z. It is NaN for
// NaN alone.
func (m *Map) Probability(z float64) float64 {
	switch m.method {
	case Platt:
		return m.platt.probability(limit(z))
	case Isotonic:
		return m.steps.probability(limit(z))
	case None:
	}
	return portable.Sigmoid(limit(z))
}

// Learn fits the map to an event of weight h > 0 with the label y, 0 or 1, that
// had the margin z before it was learned.
func (m *Map) Learn(z, y, h float64) {
	h = min(h, heaviest)
	switch m.method {
	case Platt:
		m.platt.learn(limit(z), y, h)
	case Isotonic:
		m.steps.learn(limit(z), y, h)
	case None:
	}
}

// limit keeps a margin within bounds, and NaN what it is.
func limit(z float64) float64 { return max(-maxMargin, min(maxMargin, z)) }

// Append appends the map: nothing for None; for Platt a, b and the elements zz, z1
// and 11 of its matrix float64; for Isotonic the events uvarint, the table, 256
// float64, and of each of its bins weight and positive weight float64.
func (m *Map) Append(b []byte) []byte {
	switch m.method {
	case Platt:
		for _, v := range m.platt.numbers() {
			b = wire.AppendFloat64(b, *v)
		}
	case Isotonic:
		b = m.steps.append(b)
	case None:
	}
	return b
}

// Read reads what Append wrote. Errors are left in r.
func Read(r *wire.Reader, method Method) Map {
	m := New(method)
	switch method {
	case Platt:
		m.platt.read(r)
	case Isotonic:
		m.steps.read(r)
	case None:
	}
	return m
}

// within reports whether x is a finite number that Append can have written.
func within(x, lo, hi float64) bool { return math.Abs(x) <= largest && x >= lo && x <= hi }
