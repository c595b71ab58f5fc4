package sim

import (
	"math"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// ClicksStream is a stream of recommendations with clicks, for contextual
// bandits: each round has a context of numeric fields c1, c2, ... uniform in
// [-1, 1), and each arm a click probability that is linear in them. The reward
// of a round is drawn once the arm is known:
//
//	s := sim.Clicks(seed, 4, 3)
//	s.Context(&e)            // fills e.X
//	e.Arm, e.Prob = choose() // the policy under test
//	e.Label, e.Labelled = s.Reward(e.Arm), true
//
// Next does a round with a uniformly random policy and writes it as JSON.
type ClicksStream struct {
	draws   *draws
	n       uint64
	names   []string
	hashes  []uint64
	weights [][]float64 // of each arm: intercept, then one per field
	x       []float64
	rates   []float64
	u       float64 // decides the reward of every arm
	truth   Truth
	key     []byte
	round   event.Event // of Next
}

// Clicks returns the stream of a seed with a number of arms and of context
// fields. With no context fields the arms have fixed rates.
func Clicks(seed uint64, arms, fields int) *ClicksStream {
	s := &ClicksStream{draws: newDraws(seed), x: make([]float64, fields), rates: make([]float64, arms)}
	for i := range fields {
		s.names = append(s.names, "c"+strconv.Itoa(i+1))
		s.hashes = append(s.hashes, xxhash.Sum64String(s.names[i]))
	}
	s.draws.at(math.MaxUint64)
	for range arms {
		// |field weights| add up to at most .3 and the intercept is in [.35, .65],
		// so that every rate is in [.05, .95].
		w := []float64{0.35 + 0.3*s.draws.Float64()}
		for range fields {
			w = append(w, (0.6*s.draws.Float64()-0.3)/float64(fields))
		}
		s.weights = append(s.weights, w)
	}
	return s
}

// Context begins the next round: it resets e and fills its features.
func (s *ClicksStream) Context(e *event.Event) {
	e.Reset()
	s.draws.at(s.n)
	s.n++
	for i := range s.x {
		s.x[i] = decimals(5).round(2*s.draws.Float64() - 1)
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: s.hashes[i], Value: s.x[i]})
	}
	for a, w := range s.weights {
		s.rates[a] = w[0]
		for i, x := range s.x {
			s.rates[a] += w[i+1] * x
		}
	}
	s.u = s.draws.Float64()
}

// Rates returns the click probability of each arm in this round, until the next round.
func (s *ClicksStream) Rates() []float64 { return s.rates }

// Expected returns the click probability of an arm in this round.
func (s *ClicksStream) Expected(arm int) float64 { return s.rates[arm] }

// Best returns the highest click probability of this round.
func (s *ClicksStream) Best() float64 { return slices.Max(s.rates) }

// Reward returns 1 for a click on the arm in this round and 0 for none. Asked
// again, it answers the same.
func (s *ClicksStream) Reward(arm int) float64 {
	s.truth = Truth{N: s.n - 1, Mean: s.rates[arm]}
	if s.u < s.rates[arm] {
		s.truth.Label = 1
	}
	return s.truth.Label
}

// Next appends a round played by the uniformly random policy to dst, with the
// fields user, arm ("a0", "a1", ...), prob and click.
func (s *ClicksStream) Next(dst []byte) []byte {
	s.Context(&s.round)
	arm := s.draws.IntN(len(s.rates))
	click := s.Reward(arm)
	s.key = strconv.AppendInt(append(s.key[:0], 'u'), int64(s.draws.IntN(1000)), 10)
	dst = append(dst, `{"user":"`...)
	dst = append(dst, s.key...)
	dst = append(dst, `","arm":"a`...)
	dst = strconv.AppendInt(dst, int64(arm), 10)
	dst = append(dst, `","prob":`...)
	dst = strconv.AppendFloat(dst, 1/float64(len(s.rates)), 'g', -1, 64)
	dst = append(dst, `,"click":`...)
	dst = append(dst, '0'+byte(click))
	for i, name := range s.names {
		dst = decimals(5).append(appendName(dst, name), s.x[i])
	}
	return append(dst, '}')
}

// Key returns the key of the last event of Next, its user, until the next call.
func (s *ClicksStream) Key() []byte { return s.key }

// Truth returns what is known about the last round.
func (s *ClicksStream) Truth() Truth { return s.truth }
