package main

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// number is a numeric field. What is written is made from a standard normal z,
// which also moves the log-odds of fraud by weight times z.
type number struct {
	name   string
	weight float64
	// Written is shift + scale*z, or its exponential when skewed.
	shift, scale float64
	skewed       bool
	digits       int // after the decimal point
}

// category is a field of short strings. Value i of cardinality is drawn with a
// probability that falls with i, and moves the log-odds by a fixed draw from a
// normal distribution of the standard deviation spread.
type category struct {
	name        string
	cardinality int
	spread      float64
	prefix      string
}

// object is a nested object of a record and a namespace of Vowpal Wabbit.
type object struct {
	name       string
	numbers    []number
	categories []category
}

// schema is the shape of every event: two objects with 5 numbers and 10
// categories each. Scales of the numbers differ by five orders of magnitude, as
// they do in payments, so that learners must normalise.
var schema = [...]object{
	{
		name: "tx",
		numbers: []number{
			{name: "amount", weight: 0.5, shift: 4, scale: 1, skewed: true, digits: 2},
			{name: "balance", weight: -0.3, shift: 8, scale: 0.8, skewed: true, digits: 2},
			{name: "hour", weight: 0.2, shift: 13, scale: 4, digits: 1},
			{name: "limit_use", weight: 0.6, shift: 0.5, scale: 0.2, digits: 4},
			{name: "fee", weight: 0, shift: 1.5, scale: 0.3, digits: 2},
		},
		categories: []category{
			{name: "merchant", cardinality: 2000, spread: 0.9, prefix: "m"},
			{name: "mcc", cardinality: 300, spread: 0.6, prefix: "c"},
			{name: "country", cardinality: 60, spread: 0.6, prefix: "ctry"},
			{name: "currency", cardinality: 20, spread: 0.3, prefix: "cur"},
			{name: "channel", cardinality: 4, spread: 0.5, prefix: "channel"},
			{name: "entry", cardinality: 6, spread: 0.5, prefix: "mode"},
			{name: "terminal", cardinality: 3000, spread: 0.4, prefix: "t"},
			{name: "city", cardinality: 500, spread: 0.3, prefix: "city"},
			{name: "weekday", cardinality: 7, spread: 0.2, prefix: "day"},
			{name: "status", cardinality: 3, spread: 0.2, prefix: "state"},
		},
	},
	{
		name: "card",
		numbers: []number{
			{name: "age", weight: -0.4, shift: 600, scale: 200, digits: 0},
			{name: "day_n", weight: 0.7, shift: 1, scale: 0.7, skewed: true, digits: 1},
			{name: "day_sum", weight: 0.3, shift: 5, scale: 1, skewed: true, digits: 2},
			{name: "km_home", weight: 0.4, shift: 2, scale: 1.2, skewed: true, digits: 1},
			{name: "score", weight: 0.8, shift: 0.3, scale: 0.1, digits: 4},
		},
		categories: []category{
			{name: "bin", cardinality: 1000, spread: 0.5, prefix: "b"},
			{name: "bank", cardinality: 200, spread: 0.4, prefix: "bank"},
			{name: "brand", cardinality: 5, spread: 0.3, prefix: "brand"},
			{name: "kind", cardinality: 3, spread: 0.3, prefix: "kind"},
			{name: "segment", cardinality: 12, spread: 0.4, prefix: "seg"},
			{name: "device", cardinality: 800, spread: 0.5, prefix: "d"},
			{name: "os", cardinality: 8, spread: 0.3, prefix: "os"},
			{name: "browser", cardinality: 25, spread: 0.3, prefix: "br"},
			{name: "isp", cardinality: 150, spread: 0.4, prefix: "isp"},
			{name: "tz", cardinality: 24, spread: 0.2, prefix: "utc"},
		},
	},
}

// bias makes about a fifth of the events positive.
const bias = -2.6

// stream draws events. The same seed draws the same events.
type stream struct {
	rng    *rand.Rand
	seed   uint64
	fields []field // of the newest event, in the order of the schema
	fraud  bool    // label of the newest event
}

// field is one feature of an event: a number, or text when text is not empty.
type field struct {
	name   string
	number []byte
	text   []byte
}

func newStream(seed uint64) *stream {
	s := &stream{rng: rand.New(rand.NewPCG(seed, 0)), seed: seed}
	for _, o := range schema {
		for _, n := range o.numbers {
			s.fields = append(s.fields, field{name: n.name})
		}
		for _, c := range o.categories {
			s.fields = append(s.fields, field{name: c.name})
		}
	}
	return s
}

// next draws an event into fields and fraud.
func (s *stream) next() {
	odds := bias
	i := 0
	for _, o := range schema {
		for _, n := range o.numbers {
			z := s.rng.NormFloat64()
			odds += n.weight * z
			s.fields[i].number = n.append(s.fields[i].number[:0], z)
			i++
		}
		for _, c := range o.categories {
			u := s.rng.Float64()
			value := int(float64(c.cardinality) * u * u * u) // small values are frequent
			odds += c.spread * s.effect(i, value)
			s.fields[i].text = strconv.AppendInt(append(s.fields[i].text[:0], c.prefix...), int64(value), 10)
			i++
		}
	}
	s.fraud = s.rng.Float64() < 1/(1+math.Exp(-odds))
}

// append writes the number for z. A zero is written as the next number: readers
// differ in whether a feature of value 0 is one.
func (n *number) append(dst []byte, z float64) []byte {
	x := n.shift + n.scale*z
	if n.skewed {
		x = math.Exp(x)
	}
	unit := math.Pow10(-n.digits)
	if math.Abs(x) < unit {
		x = unit
	}
	return strconv.AppendFloat(dst, x, 'f', n.digits, 64)
}

// effect is the draw from a standard normal distribution that belongs to a
// value of a field.
func (s *stream) effect(field, value int) float64 {
	return rand.New(rand.NewPCG(s.seed, uint64(field)<<32|uint64(value)+1)).NormFloat64()
}
