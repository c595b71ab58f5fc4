// Package sim generates event streams from a seed, for tests, benchmarks and
// the demo. Each event is a pure function of (seed, number of the event,
// knobs): two streams that differ in a poisoning episode have the same events
// outside of it, and any event can be generated without those before it.
//
// The true distribution of every label is known (Truth), so a test can compare
// a learner with the best that is possible.
package sim

import (
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
)

// Kind says what was done to an event.
type Kind uint8

// The kinds. Only Clean and Poisoned events can be learned from.
const (
	Clean     Kind = iota
	Poisoned       // the label is flipped
	Malformed      // no decoder accepts it
	Extreme        // one number is far outside of what the stream has
)

func (k Kind) String() string { return [...]string{"clean", "poisoned", "malformed", "extreme"}[k] }

// Truth is what the generator knows about the last event.
type Truth struct {
	N     uint64  // number of the event, counted from 0
	Mean  float64 // expectation of the unpoisoned label; for a class the probability of 1
	Label float64 // the label that was written
	Kind  Kind
}

// Change is a change of concept that lasts until the next one.
type Change struct {
	At      uint64  // first event of the concept
	Degrees float64 // angle between its weights and the first concept's; the distribution of scores keeps its shape
	Shift   float64 // added to the score (log-odds for classes)
}

// Episode is a range of events [From, To), a share of which has flipped labels.
type Episode struct {
	From, To uint64
	Share    float64
}

// draws gives each event its own random numbers.
type draws struct {
	seed uint64
	pcg  rand.PCG
	*rand.Rand
}

func newDraws(seed uint64) *draws {
	d := &draws{seed: seed}
	d.Rand = rand.New(&d.pcg)
	return d
}

// at turns to the random numbers of event n. The number is scrambled first
// (the finaliser of SplitMix64, Steele, Lea and Flood 2014), since PCG takes
// its seed as its state and neighbouring states give related first outputs.
func (d *draws) at(n uint64) {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	d.pcg.Seed(d.seed, n^n>>31)
}

// decimals is how many decimal places a number is written with.
type decimals int

// round returns v as it will be written.
func (d decimals) round(v float64) float64 {
	power := math.Pow10(int(d))
	return math.Round(v*power) / power
}

// append writes v, already rounded, in the shortest form.
func (d decimals) append(dst []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.AppendInt(dst, int64(v), 10)
	}
	return strconv.AppendFloat(dst, v, 'f', int(d), 64)
}

// category is a categorical field with its values from frequent to rare.
type category struct {
	name       string
	values     []string
	cumulative []float64 // cumulative[i] is the probability of values[:i+1]
}

// newCategory gives value i a frequency proportional to 1/(i+1) (Zipf's law).
func newCategory(name string, values ...string) category {
	c := category{name: name, values: values, cumulative: make([]float64, len(values))}
	sum := 0.
	for i := range values {
		sum += 1 / float64(i+1)
		c.cumulative[i] = sum
	}
	for i := range c.cumulative {
		c.cumulative[i] /= sum
	}
	return c
}

// numbered returns n values: prefix0, prefix1, ...
func numbered(prefix string, n int) []string {
	v := make([]string, n)
	for i := range v {
		v[i] = prefix + strconv.Itoa(i)
	}
	return v
}

func (c *category) frequency(i int) float64 {
	if i == 0 {
		return c.cumulative[0]
	}
	return c.cumulative[i] - c.cumulative[i-1]
}

func (c *category) draw(d *draws) int {
	return min(sort.SearchFloat64s(c.cumulative, d.Float64()), len(c.values)-1)
}

// weights are the effects of a linear score: one per numeric field, which has
// mean 0 and variance 1, and one per value of each category, with mean 0
// under the frequencies.
type weights struct {
	numeric  []float64
	category [][]float64
}

func randomWeights(d *draws, numeric int, categories []category) weights {
	w := weights{numeric: make([]float64, numeric), category: make([][]float64, len(categories))}
	for i := range w.numeric {
		w.numeric[i] = d.NormFloat64()
	}
	for k := range categories {
		c := &categories[k]
		effects := make([]float64, len(c.values))
		mean := 0.
		for i := range effects {
			effects[i] = d.NormFloat64()
			mean += effects[i] * c.frequency(i)
		}
		for i := range effects {
			effects[i] -= mean
		}
		w.category[k] = effects
	}
	return w
}

// covariance of the scores under v and w, since the fields are independent.
func (w *weights) covariance(v *weights, categories []category) float64 {
	sum := 0.
	for i := range w.numeric {
		sum += w.numeric[i] * v.numeric[i]
	}
	for k := range w.category {
		for i := range w.category[k] {
			sum += categories[k].frequency(i) * w.category[k][i] * v.category[k][i]
		}
	}
	return sum
}

// combine returns a w + b v.
func (w *weights) combine(a float64, v *weights, b float64) weights {
	out := weights{numeric: make([]float64, len(w.numeric)), category: make([][]float64, len(w.category))}
	for i := range out.numeric {
		out.numeric[i] = a*w.numeric[i] + b*v.numeric[i]
	}
	for k := range out.category {
		out.category[k] = make([]float64, len(w.category[k]))
		for i := range out.category[k] {
			out.category[k][i] = a*w.category[k][i] + b*v.category[k][i]
		}
	}
	return out
}

// plane is the plane in which the concept rotates: two weights of uncorrelated
// scores with the same standard deviation.
type plane struct{ first, other weights }

func newPlane(d *draws, sd float64, numeric int, categories []category) plane {
	a, b := randomWeights(d, numeric, categories), randomWeights(d, numeric, categories)
	b = b.combine(1, &a, -b.covariance(&a, categories)/a.covariance(&a, categories))
	unit := func(w weights) weights {
		return w.combine(sd/math.Sqrt(w.covariance(&w, categories)), &w, 0)
	}
	return plane{unit(a), unit(b)}
}

// at returns the weights at an angle to the first concept.
func (p *plane) at(degrees float64) weights {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return p.first.combine(cos, &p.other, sin)
}

// concept follows the changes along a stream.
type concept struct {
	plane   plane
	current Change
	weights weights
}

func newConcept(p plane) concept { return concept{plane: p, weights: p.first} }

// turnTo makes the last of changes that began by event n the current concept.
func (c *concept) turnTo(n uint64, changes []Change) {
	var now Change
	for _, ch := range changes {
		if ch.At <= n && ch.At >= now.At {
			now = ch
		}
	}
	if now != c.current {
		c.current, c.weights = now, c.plane.at(now.Degrees)
	}
}

func (c *concept) score(numeric []float64, chosen []int) float64 {
	z := c.current.Shift
	for i, x := range numeric {
		z += c.weights.numeric[i] * x
	}
	for k, i := range chosen {
		z += c.weights.category[k][i]
	}
	return z
}

// poisoned reports whether event n, with a uniform draw u, has a flipped label.
func poisoned(episodes []Episode, n uint64, u float64) bool {
	for _, e := range episodes {
		if e.From <= n && n < e.To && u < e.Share {
			return true
		}
	}
	return false
}
