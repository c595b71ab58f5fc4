package sim

import (
	"math"
	"strconv"
)

// FaresScene offers a ride at a price of any amount from FaresLow to FaresHigh, in one of up to FaresCities cities. A visitor buys at price p with probability
//
//	q(p) = 0.9 / (1 + (p/m)^6)
//
// with m between 8 and 20 by the city. The reward of a sale is its price. Its arms are 40 prices, evenly spread, to compare with.
type FaresScene struct {
	draws *draws
	half  []float64 // m of every city
	city  int
	round Round
	n     uint64
	u     float64 // decides whether the visitor buys
}

// The bounds of FaresScene.
const (
	FaresLow  = 5.0
	FaresHigh = 25.0

	FaresCities = 3

	faresArms = 40
)

// Fares returns the scene of a seed with so many cities. With one the context tells nothing.
func Fares(seed uint64, cities int) *FaresScene {
	s := &FaresScene{draws: newDraws(seed), half: make([]float64, cities)}
	s.draws.at(math.MaxUint64)
	for i := range s.half {
		s.half[i] = 8 + 4*(float64(i)+s.draws.Float64())
	}
	s.round.Expected = make([]float64, faresArms)
	return s
}

func fareOf(arm int) float64 { return FaresLow + (FaresHigh-FaresLow)*(float64(arm)+0.5)/faresArms }

// Arms implements Scene.
func (s *FaresScene) Arms() (names []string) {
	for a := range faresArms {
		names = append(names, strconv.FormatFloat(fareOf(a), 'g', -1, 64))
	}
	return names
}

// Interval implements ValueScene.
func (s *FaresScene) Interval() (low, high float64) { return FaresLow, FaresHigh }

// Expected implements ValueScene.
func (s *FaresScene) Expected(v float64) float64 {
	return v * 0.9 / (1 + math.Pow(v/s.half[s.city], 6))
}

// Begin implements Scene.
func (s *FaresScene) Begin(n uint64) *Round {
	s.n = n
	s.draws.at(n)
	s.u, s.city = s.draws.Float64(), s.draws.IntN(len(s.half))
	s.round.Context = append(append(s.round.Context[:0], `{"city":"`...), byte('a'+s.city))
	s.round.Context = append(s.round.Context, `"}`...)
	for a := range s.round.Expected {
		s.round.Expected[a] = s.Expected(fareOf(a))
	}
	return &s.round
}

// End implements Scene.
func (s *FaresScene) End(arm int, pay func(n uint64, reward float64)) { s.EndValue(fareOf(arm), pay) }

// EndValue implements ValueScene.
func (s *FaresScene) EndValue(v float64, pay func(n uint64, reward float64)) {
	if s.u*v < s.Expected(v) {
		pay(s.n, v)
		return
	}
	pay(s.n, 0)
}
