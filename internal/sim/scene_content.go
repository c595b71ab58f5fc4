package sim

import (
	"math"
	"strconv"
)

// ContentScene recommends one of eight articles, which are others in every round. Article and reader have features:
//
//	"context":{"mobile":true,"likes":{"sport":0.41,...}}
//	"actions":[{"topic":"sport","fresh":0.7,"video":false},...]
//
// The log-odds of a click are -2.6, plus 4 times how much the reader likes the topic, plus the freshness, plus 0.8 for a video
// on a mobile and minus 0.8 for one elsewhere. The arms are places in the list of candidates, so none is better than another by itself.
type ContentScene struct {
	draws   *draws
	round   Round
	n       uint64
	u       float64 // decides whether the reader clicks
	likes   [len(topics)]float64
	context []byte
	actions []byte
}

const candidates = 8

var topics = [...]string{"sport", "politics", "culture", "science", "travel"}

// Content returns the scene of a seed.
func Content(seed uint64) *ContentScene {
	return &ContentScene{draws: newDraws(seed), round: Round{Expected: make([]float64, candidates)}}
}

// Arms implements Scene.
func (*ContentScene) Arms() []string { return numbered("", candidates) }

// Begin implements Scene.
func (s *ContentScene) Begin(n uint64) *Round {
	d := s.draws
	d.at(n)
	s.n = n
	mobile := d.Float64() < 0.5
	b := strconv.AppendBool(append(s.context[:0], `{"mobile":`...), mobile)
	b = append(b, `,"likes":{`...)
	for i, t := range topics {
		s.likes[i] = decimals(2).round(d.Float64() * d.Float64())
		if i > 0 {
			b = append(b, ',')
		}
		b = decimals(2).append(append(strconv.AppendQuote(b, t), ':'), s.likes[i])
	}
	s.context = append(b, `}}`...)
	b = append(s.actions[:0], '[')
	for a := range candidates {
		topic, fresh, video := d.IntN(len(topics)), decimals(2).round(d.Float64()), d.Float64() < 0.3
		z := -2.6 + 4*s.likes[topic] + fresh
		switch {
		case video && mobile:
			z += 0.8
		case video:
			z -= 0.8
		}
		s.round.Expected[a] = 1 / (1 + math.Exp(-z))
		if a > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(append(b, `{"topic":`...), topics[topic])
		b = decimals(2).append(append(b, `,"fresh":`...), fresh)
		b = append(strconv.AppendBool(append(b, `,"video":`...), video), '}')
	}
	s.actions = append(b, ']')
	s.round.Context, s.round.Actions = s.context, s.actions
	s.u = d.Float64()
	return &s.round
}

// End implements Scene.
func (s *ContentScene) End(arm int, pay func(n uint64, reward float64)) {
	reward := 0.0
	if s.u < s.round.Expected[arm] {
		reward = 1
	}
	pay(s.n, reward)
}
