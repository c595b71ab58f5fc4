package sim

import (
	"math"
	"strconv"
)

// BidsScene bids for advertising space in first-price auctions. A win costs the bid and, with the
// probability that an estimate before the auction has and a factor of the site, brings a sale worth 1:
//
//	"context":{"site":"news","estimate":0.42}
//
// The highest bid of the others is log-normal, with a median of the site. The reward is the profit: 0 when the auction is lost, else
// 1 or 0 less the bid.
type BidsScene struct {
	draws   *draws
	sites   category
	median  []float64 // of the highest bid of others, by site
	factor  []float64 // of the estimate, by site
	round   Round
	n       uint64
	others  float64 // the highest bid of others in this round
	sale    bool    // what a win would bring
	context []byte
}

// bids are what the arms bid.
var bids = [...]float64{0, 0.1, 0.2, 0.3, 0.45, 0.6}

const bidsSD = 0.5 // of the logarithm of the highest bid of others

// Bids returns the scene of a seed.
func Bids(seed uint64) *BidsScene {
	s := &BidsScene{
		draws: newDraws(seed), sites: newCategory("site", "news", "video", "games", "forum"), round: Round{Expected: make([]float64, len(bids))},
	}
	s.draws.at(math.MaxUint64)
	for range s.sites.values {
		s.median = append(s.median, 0.1+0.3*s.draws.Float64())
		s.factor = append(s.factor, 0.5+0.5*s.draws.Float64())
	}
	return s
}

// Arms implements Scene.
func (*BidsScene) Arms() (names []string) {
	for _, b := range bids {
		names = append(names, strconv.FormatFloat(b, 'f', 2, 64))
	}
	return names
}

// Begin implements Scene.
func (s *BidsScene) Begin(n uint64) *Round {
	d := s.draws
	d.at(n)
	s.n = n
	site, estimate := s.sites.draw(d), decimals(2).round(0.05+0.9*d.Float64())
	b := strconv.AppendQuote(append(s.context[:0], `{"site":`...), s.sites.values[site])
	s.context = append(decimals(2).append(append(b, `,"estimate":`...), estimate), '}')
	s.round.Context = s.context
	worth := estimate * s.factor[site]
	for a, bid := range bids {
		s.round.Expected[a] = 0
		if bid > 0 {
			win := 0.5 * math.Erfc(-math.Log(bid/s.median[site])/(bidsSD*math.Sqrt2))
			s.round.Expected[a] = win * (worth - bid)
		}
	}
	s.others = s.median[site] * math.Exp(bidsSD*d.NormFloat64())
	s.sale = d.Float64() < worth
	return &s.round
}

// End implements Scene.
func (s *BidsScene) End(arm int, pay func(n uint64, reward float64)) {
	bid, reward := bids[arm], 0.0
	if bid > s.others {
		if s.sale {
			reward = 1
		}
		reward = decimals(2).round(reward - bid)
	}
	pay(s.n, reward)
}
