package sim

import (
	"math"
	"strconv"
)

// PricesScene offers one product at one of a few prices. A visitor buys at price p with probability
//
//	q(p) = 0.6 / (1 + (p/m)^b)
//
// which falls in p; m, the price at which demand has halved, is between 16 and 24, and b, the elasticity far above it,
// between 3 and 5. The reward of a sale is the margin p - PricesCost.
type PricesScene struct {
	draws *draws
	round Round
	n     uint64
	u     float64 // decides whether the visitor buys
}

// PricesCost is what a unit costs the seller.
const PricesCost = 6.0

// ladder are the prices, of which the arms have the names.
var ladder = [...]float64{8.9, 10.9, 12.9, 14.9, 16.9, 18.9, 21.9, 24.9, 28.9, 34.9}

// Prices returns the scene of a seed.
func Prices(seed uint64) *PricesScene {
	s := &PricesScene{draws: newDraws(seed)}
	s.draws.at(math.MaxUint64)
	m, b := 16+8*s.draws.Float64(), 3+2*s.draws.Float64()
	for _, p := range ladder {
		s.round.Expected = append(s.round.Expected, (p-PricesCost)*0.6/(1+math.Pow(p/m, b)))
	}
	return s
}

// Arms implements Scene.
func (s *PricesScene) Arms() (names []string) {
	for _, p := range ladder {
		names = append(names, strconv.FormatFloat(p, 'f', 2, 64))
	}
	return names
}

// Begin implements Scene.
func (s *PricesScene) Begin(n uint64) *Round {
	s.n = n
	s.draws.at(n)
	s.u = s.draws.Float64()
	return &s.round
}

// End implements Scene. A visitor who buys at a price would have bought at every lower one.
func (s *PricesScene) End(arm int, pay func(n uint64, reward float64)) {
	margin := decimals(2).round(ladder[arm] - PricesCost)
	if s.u*margin < s.round.Expected[arm] {
		pay(s.n, margin)
		return
	}
	pay(s.n, 0)
}
