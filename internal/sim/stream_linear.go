package sim

import (
	"math"
	"strconv"
)

// LinearStream is a stream of sold nights with their price, for regression:
// numeric fields stay, lead, rating and demand, categories region, room and
// weekday, the id (also the record's key) listing, ts, and the label price. The
// price is linear in all of them with Gaussian noise, around 400 with a
// standard deviation of about 100.
//
// Set the knobs before the first Next. A poisoned label is mirrored at the mean price.
type LinearStream struct {
	Changes []Change  // Degrees as for classes; Shift is in the unit of the price
	Poison  []Episode // mirrored labels
	Noise   float64   // standard deviation of the noise; the mean squared error of the best model is its square

	draws      *draws
	n          uint64
	concept    concept
	categories []category
	chosen     []int
	listing    []byte
	truth      Truth
}

const (
	linearMean = 400
	linearSD   = 100
)

// Linear returns the stream of a seed with noise of standard deviation 20.
func Linear(seed uint64) *LinearStream {
	s := &LinearStream{Noise: 20, draws: newDraws(seed), categories: []category{
		newCategory("region", numbered("r", 20)...),
		newCategory("room", "double", "single", "suite", "family"),
		newCategory("weekday", "sat", "fri", "sun", "thu", "mon", "tue", "wed"),
	}}
	s.chosen = make([]int, len(s.categories))
	s.draws.at(math.MaxUint64)
	s.concept = newConcept(newPlane(s.draws, linearSD, 4, s.categories))
	return s
}

// Next appends the next event to dst.
func (s *LinearStream) Next(dst []byte) []byte {
	n := s.n
	s.n++
	s.concept.turnTo(n, s.Changes)
	d := s.draws
	d.at(n)
	stay, lead := float64(1+d.IntN(14)), float64(d.IntN(180))
	rating, demand := decimals(1).round(1+4*d.Float64()), decimals(5).round(d.NormFloat64())
	for k := range s.categories {
		s.chosen[k] = s.categories[k].draw(d)
	}
	mean := linearMean + s.concept.score([]float64{
		(stay - 7.5) / math.Sqrt((14*14-1)/12.), (lead - 89.5) / math.Sqrt((180*180-1)/12.), (rating - 3) / (4 / math.Sqrt(12)), demand,
	}, s.chosen)
	price := decimals(2).round(mean + s.Noise*d.NormFloat64())
	s.truth = Truth{N: n, Mean: mean, Label: price}
	if poisoned(s.Poison, n, d.Float64()) {
		s.truth.Kind, s.truth.Label = Poisoned, decimals(2).round(2*linearMean-price)
	}
	s.listing = strconv.AppendInt(append(s.listing[:0], 'l'), int64(d.IntN(1000)), 10)

	dst = append(dst, `{"listing":"`...)
	dst = append(dst, s.listing...)
	dst = append(dst, `","ts":`...)
	dst = strconv.AppendInt(dst, 1_767_225_600_000+int64(n)*50, 10)
	dst = decimals(2).append(appendName(dst, "price"), s.truth.Label)
	dst = decimals(0).append(appendName(dst, "stay"), stay)
	dst = decimals(0).append(appendName(dst, "lead"), lead)
	dst = decimals(1).append(appendName(dst, "rating"), rating)
	dst = decimals(5).append(appendName(dst, "demand"), demand)
	return append(appendCategories(dst, s.categories, s.chosen), '}')
}

// Key returns the key of the last event, its listing, until the next call of Next.
func (s *LinearStream) Key() []byte { return s.listing }

// Truth returns what is known about the last event.
func (s *LinearStream) Truth() Truth { return s.truth }
