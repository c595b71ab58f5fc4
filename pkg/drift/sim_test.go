package drift

import (
	"math"
	"math/rand/v2"
)

// logistic is a stream of labelled events from a logistic model, seen by a
// reference that was learned on it. Coordinate 0 is the intercept.
type logistic struct {
	rng   *rand.Rand
	theta []float64 // of the stream
	ref   []float64 // of the reference
	corr  float64   // correlation between any two features
	ar    float64   // autocorrelation of each feature from event to event
	quad  float64   // weight of a term that the reference cannot express
	flip  float64   // share of labels that are flipped
	scale float64   // of feature 1
	x     []float64
	j     []uint16
}

// newLogistic draws a stream of dim-1 standard normal features and fits the
// reference by averaged SGD on 5,000 of its events.
func newLogistic(seed uint64, dim int, set func(*logistic)) *logistic {
	s := &logistic{rng: rand.New(rand.NewPCG(seed, 1)), scale: 1}
	for i := range dim {
		s.theta = append(s.theta, s.rng.NormFloat64()*math.Sqrt(3/float64(dim-1)))
		s.x, s.j = append(s.x, 0), append(s.j, uint16(i))
	}
	s.theta[0] = 0
	if set != nil {
		set(s)
	}
	w, n := make([]float64, dim), 0
	s.ref = make([]float64, dim)
	for range 5_000 {
		s.draw()
		y := s.label()
		g := sigmoid(dot(w, s.x)) - y
		n++
		for i := range w {
			w[i] -= 0.05 * g * s.x[i]
			s.ref[i] += (w[i] - s.ref[i]) / math.Min(float64(n), 2_500)
		}
	}
	return s
}

func (s *logistic) draw() {
	common := s.rng.NormFloat64()
	s.x[0] = 1
	for i := 1; i < len(s.x); i++ {
		e := math.Sqrt(s.corr)*common + math.Sqrt(1-s.corr)*s.rng.NormFloat64()
		s.x[i] = s.ar*s.x[i] + math.Sqrt(1-s.ar*s.ar)*e
	}
}

func (s *logistic) label() float64 {
	z := dot(s.theta, s.x) + s.quad*(s.x[1]*s.x[1]-1)
	y := s.rng.Float64() < sigmoid(z)
	if s.flip > 0 && s.rng.Float64() < s.flip {
		y = !y
	}
	if y {
		return 1
	}
	return 0
}

// next is the next event at the reference: loss, dl/dz and the features.
func (s *logistic) next() (loss, excess, grad float64, j []uint16, x []float64) {
	s.draw()
	y := s.label()
	unscaled := s.x[1]
	s.x[1] *= s.scale
	z := dot(s.ref, s.x)
	p := sigmoid(z)
	if y == 1 {
		loss = -math.Log(math.Max(p, 1e-15))
	} else {
		loss = -math.Log(math.Max(1-p, 1e-15))
	}
	if s.scale != 1 { // the observer must see the broken feature, the stream goes on with the true one
		x = append([]float64(nil), s.x...)
		s.x[1] = unscaled
		return loss, (p - y) * z, p - y, s.j, x
	}
	return loss, (p - y) * z, p - y, s.j, s.x
}

// rotate turns the concept by an angle in the plane of theta and a direction
// orthogonal to it; the length stays.
func (s *logistic) rotate(degrees float64) {
	other := make([]float64, len(s.theta))
	for i := 1; i < len(other); i++ {
		other[i] = s.rng.NormFloat64()
	}
	t := append([]float64(nil), s.theta...)
	t[0] = 0
	f := dot(other, t) / dot(t, t)
	for i := range other {
		other[i] -= f * t[i]
	}
	f = math.Sqrt(dot(t, t) / dot(other, other))
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	for i := 1; i < len(other); i++ {
		s.theta[i] = cos*t[i] + sin*f*other[i]
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

// source is a stream as seen by a reference.
type source interface {
	next() (loss, excess, grad float64, j []uint16, x []float64)
}

// categories is a stream of categorical fields, of which each category is as
// frequent as one over the square of its rank. The reference knows the truth.
type categories struct {
	rng     *rand.Rand
	weights [][]float64 // field, category
	bias    float64
	j       []uint16
	x       []float64
}

func newCategories(seed uint64, fields int, bias float64) *categories {
	s := &categories{rng: rand.New(rand.NewPCG(seed, 77)), bias: bias, j: make([]uint16, fields+1), x: make([]float64, fields+1)}
	s.x[0] = 1
	for range fields {
		w := make([]float64, 50)
		for v := range w {
			w[v] = s.rng.NormFloat64() / 2
		}
		s.weights = append(s.weights, w)
	}
	return s
}

func (s *categories) next() (loss, excess, grad float64, j []uint16, x []float64) {
	z := s.bias
	for f, w := range s.weights {
		// The inverse of the distribution function of a Pareto law with exponent 1.
		v := min(int(1/(1-s.rng.Float64()))-1, len(w)-1)
		z += w[v]
		h := uint64(f*1_000+v+1) * 0x9e3779b97f4a7c15
		h = (h ^ h>>29) * 0xbf58476d1ce4e5b9
		h ^= h >> 32
		s.j[f+1], s.x[f+1] = uint16(64+(h>>57&63)), 1-2*float64(h>>63)
	}
	p, y := sigmoid(z), 0.0
	loss = -math.Log(1 - p)
	if s.rng.Float64() < p {
		y, loss = 1, -math.Log(p)
	}
	return loss, (p - y) * z, p - y, s.j, s.x
}
