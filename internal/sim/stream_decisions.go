package sim

import (
	"container/heap"
	"math"
	"strconv"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// DecisionsStream is the log of a service that makes decisions, and of the
// rewards that come later: the rounds of a ClicksStream as records of a join,
// in the order in which they arrive.
//
//	{"kind":"decision","id":"d-7","ts":1700000007000,"context":{"c1":0.5},"arm":"a1","p":0.25}
//	{"kind":"reward","id":"d-7","ts":1700000067000,"reward":1}
//	{"kind":"shown","id":"d-7","ts":1700000008000}
//
// Arrival is the event time plus a delay of up to Disorder, so records come out of order.
type DecisionsStream struct {
	Step      int64                                      // milliseconds between decisions; default 1,000
	Delay     float64                                    // mean of the exponential time from a decision to its reward, in milliseconds; default 30,000
	Disorder  int64                                      // a record arrives up to so many milliseconds after its time; default 5,000
	Negatives float64                                    // share of the rewards of 0 that are sent; the others are told by silence. Default 0.5
	Repeated  float64                                    // share of records that are sent twice
	Hidden    float64                                    // share of decisions that are logged before they are shown, half of which never are
	Choose    func(e *event.Event) (arm int, p float64)  // the policy; nil for the uniformly random one
	Service   func(q *Question) (arm int, record []byte) // decides instead of Choose, and writes the record itself
	clicks    *ClicksStream
	seed      uint64
	n         uint64
	queue     arrivals
	sent      uint64
	round     event.Event
	truth     Truth
}

// Question is what a service is asked for a decision.
type Question struct {
	ID      string
	Time    int64  // milliseconds since 1970
	Context []byte // JSON object
	Hidden  bool   // to be logged as not shown yet
}

// DecisionsStart is the time of the first decision.
const DecisionsStart = 1_700_000_000_000

// Decisions returns the stream of a seed with a number of arms and of context fields.
func Decisions(seed uint64, arms, fields int) *DecisionsStream {
	return &DecisionsStream{Step: 1000, Delay: 30_000, Disorder: 5000, Negatives: 0.5, clicks: Clicks(seed, arms, fields), seed: seed}
}

// arrival is a record on its way.
type arrival struct {
	at    int64
	seq   uint64
	value []byte
}

// arrivals is a queue by the time of arrival.
type arrivals []arrival

func (a arrivals) Len() int { return len(a) }
func (a arrivals) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *arrivals) Push(x any) { *a = append(*a, x.(arrival)) }

// Pop implements heap.Interface.
func (a *arrivals) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	*a = (*a)[:last]
	return x
}

// Next appends the record that arrives next to dst and returns it with the time of its arrival.
func (s *DecisionsStream) Next(dst []byte) (record []byte, at int64) {
	for len(s.queue) == 0 || s.queue[0].at >= s.time(s.n) {
		s.decide()
	}
	return s.pop(dst)
}

// Rest is like Next, but makes no new decisions; ok is false when all rewards have arrived.
func (s *DecisionsStream) Rest(dst []byte) (record []byte, at int64, ok bool) {
	if len(s.queue) == 0 {
		return dst, 0, false
	}
	record, at = s.pop(dst)
	return record, at, true
}

func (s *DecisionsStream) pop(dst []byte) ([]byte, int64) {
	a := heap.Pop(&s.queue).(arrival)
	return append(dst, a.value...), a.at
}

// Rounds is how many decisions were made so far; Truth tells of the last of them.
func (s *DecisionsStream) Rounds() uint64 { return s.n }

// Truth returns what is known about the newest decision.
func (s *DecisionsStream) Truth() Truth { return s.truth }

// Rates returns the probabilities of a reward of all arms for the newest decision.
func (s *DecisionsStream) Rates() []float64 { return s.clicks.Rates() }

func (s *DecisionsStream) time(n uint64) int64 { return DecisionsStart + int64(n)*s.Step }

// decide makes a decision and puts its records on their way.
func (s *DecisionsStream) decide() {
	t, n := s.time(s.n), s.n
	s.n++
	s.clicks.Context(&s.round)
	d := newDraws(s.seed ^ 0x5eed)
	d.at(n)
	k := len(s.clicks.rates)
	arm, p := d.IntN(k), 1/float64(k)
	if s.Choose != nil {
		s.round.ID = strconv.AppendUint(append(s.round.ID[:0], "d-"...), n, 10)
		arm, p = s.Choose(&s.round)
	}
	hidden, shown := d.Float64() < s.Hidden, d.Float64() < 0.5
	if s.Service != nil {
		var record []byte
		arm, record = s.Service(&Question{"d-" + strconv.FormatUint(n, 10), t, s.context(nil), hidden})
		s.send(d, t, record)
	} else {
		b := s.context(append(recordHead("decision", n, t), `,"context":`...))
		b = strconv.AppendInt(append(b, `,"arm":"a`...), int64(arm), 10)
		b = strconv.AppendFloat(append(b, `","p":`...), p, 'g', -1, 64)
		if hidden {
			b = append(b, `,"shown":false`...)
		}
		s.send(d, t, append(b, '}'))
	}
	if hidden && shown {
		s.send(d, t+s.Step/2, append(recordHead("shown", n, t+s.Step/2), '}'))
	}
	r := s.clicks.Reward(arm)
	s.truth = s.clicks.Truth()
	at := t + int64(math.Round(d.ExpFloat64()*s.Delay))
	if say := d.Float64() < s.Negatives; r > 0 || say {
		b := append(recordHead("reward", n, at), `,"reward":`...)
		s.send(d, at, append(strconv.AppendFloat(b, r, 'g', -1, 64), '}'))
	}
}

// context appends the context of the round as a JSON object.
func (s *DecisionsStream) context(b []byte) []byte {
	b = append(b, '{')
	for i, name := range s.clicks.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), `":`...)
		b = decimals(5).append(b, s.clicks.x[i])
	}
	return append(b, '}')
}

func (s *DecisionsStream) send(d *draws, t int64, value []byte) {
	for {
		heap.Push(&s.queue, arrival{t + d.Int64N(s.Disorder+1), s.sent, value})
		s.sent++
		if d.Float64() >= s.Repeated {
			return
		}
	}
}
