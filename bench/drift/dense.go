package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/cespare/xxhash/v2"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// stream makes labelled events.
type stream interface {
	// next fills e, which is empty.
	next(e *event.Event)
}

// dense is a stream of numeric features with labels from a logistic model. All
// knobs may be turned between two events.
type dense struct {
	rng   *rand.Rand
	theta []float64 // concept, one weight a feature
	bias  float64   // weight of the intercept

	corr   float64 // correlation between any two features
	ar     float64 // autocorrelation of each feature from one event to the next
	quad   float64 // weight of a square, which a linear model cannot express
	cross  float64 // weight of a product of two features, likewise
	hidden float64 // weight of a feature that the model does not get, autocorrelated as the others
	tail   int     // degrees of freedom of Student's t; 0 for normal features
	season float64 // amplitude of a sine of period seasonPeriod in the intercept
	flip   float64 // share of flipped labels
	drift  float64 // degrees by which the concept turns at each of the next events
	left   int     // how many

	source float64 // share of events of a source whose labels are always 1

	scale float64   // of feature 0 as it is seen: a broken pipeline
	gain  float64   // of all features, before the label is drawn
	shift []float64 // added to the features, before the label is drawn

	x, seen []float64 // x: before gain and shift
	unseen  float64   // the hidden feature
	axis    []float64 // the direction into which the concept turns
	hashes  []uint64
	n       int
}

const seasonPeriod = 2_000

// newDense returns a stream of standard normal features whose concept has
// length 2 and no intercept.
func newDense(seed uint64, features int, set func(*dense)) stream {
	s := &dense{
		rng: rand.New(rand.NewPCG(seed, uint64(features))), scale: 1, gain: 1,
		theta: make([]float64, features), shift: make([]float64, features),
		x: make([]float64, features), seen: make([]float64, features),
	}
	s.theta = s.direction(2)
	for i := range features {
		s.hashes = append(s.hashes, xxhash.Sum64String(fmt.Sprintf("x%d", i)))
	}
	if set != nil {
		set(s)
	}
	for range 2_000 { // autocorrelated features forget that they began at 0
		s.draw()
	}
	return s
}

// direction draws a vector of that length.
func (s *dense) direction(length float64) []float64 {
	v := make([]float64, len(s.theta))
	for i := range v {
		v[i] = s.rng.NormFloat64()
	}
	f := length / math.Sqrt(dot(v, v))
	for i := range v {
		v[i] *= f
	}
	return v
}

// draw moves the features on, each with variance 1.
func (s *dense) draw() {
	fresh := math.Sqrt(1 - s.ar*s.ar)
	common := s.rng.NormFloat64()
	for i := range s.x {
		e := math.Sqrt(s.corr)*common + math.Sqrt(1-s.corr)*s.rng.NormFloat64()
		s.x[i] = s.ar*s.x[i] + fresh*e
	}
	s.unseen = s.ar*s.unseen + fresh*s.rng.NormFloat64()
}

// student turns a normal number into one of Student's t by its degrees of freedom.
func (s *dense) student(z float64) float64 {
	chi := 0.0
	for range s.tail {
		g := s.rng.NormFloat64()
		chi += g * g
	}
	return z / math.Sqrt(chi/float64(s.tail))
}

func (s *dense) next(e *event.Event) {
	s.n++
	if s.left > 0 {
		s.left--
		s.turn(s.drift)
	}
	s.draw()
	for i, x := range s.x {
		if s.tail > 0 {
			x = s.student(x)
		}
		s.seen[i] = s.gain*x + s.shift[i]
	}
	a, b := s.seen[0], s.seen[1]
	z := s.bias + dot(s.theta, s.seen) + s.quad*(a*a-1) + s.cross*a*b + s.hidden*s.unseen +
		s.season*math.Sin(2*math.Pi*float64(s.n)/seasonPeriod)
	y := s.rng.Float64() < sigmoid(z)
	if s.rng.Float64() < s.flip {
		y = !y
	}
	if s.rng.Float64() < s.source {
		y = true
	}
	s.seen[0] *= s.scale
	for i, x := range s.seen {
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: s.hashes[i], Value: x})
	}
	label(e, y)
}

// turn rotates the concept by an angle, always towards the same direction that
// is orthogonal to it; its length stays.
func (s *dense) turn(degrees float64) {
	length := math.Sqrt(dot(s.theta, s.theta))
	if s.axis == nil {
		s.axis = s.direction(length)
		f := dot(s.axis, s.theta) / (length * length)
		for i := range s.axis {
			s.axis[i] -= f * s.theta[i]
		}
		f = length / math.Sqrt(dot(s.axis, s.axis))
		for i := range s.axis {
			s.axis[i] *= f
		}
	}
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	for i, t := range s.theta {
		s.theta[i] = cos*t + sin*s.axis[i]
		s.axis[i] = cos*s.axis[i] - sin*t
	}
}

func label(e *event.Event, positive bool) {
	e.Labelled, e.Label = true, 0
	if positive {
		e.Label = 1
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
