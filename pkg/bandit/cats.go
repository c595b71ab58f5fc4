package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// cats chooses a number from an interval (Majzoubi, Zhang, Chari, Krishnamurthy, Langford and Slivkins 2020, Efficient
// Contextual Bandits with Continuous Actions, https://arxiv.org/abs/2006.06040): a tree of binary classifiers picks one of K bins,
// and the number is drawn evenly from the window within the bandwidth of its centre, or, with probability
// Floor, from the whole interval. An event teaches the tree the estimated costs of windows, by that of its number.
//
// The paper estimates costs by inverse densities alone. A number from a small share of exploration then outweighs
// hundreds of others, so that the estimates are doubly robust here, as those of cover: a regression for every window, which learns all events in it, says what
// it costs, and the event corrects that by what the regression missed, weighed by at most ImportanceClip.
type cats struct {
	linear *linear // regresses on the context the reward of the window of every bin
	values interval
	tree   tree

	// The event at hand.
	reward, value, density float64
	taught                 []int // bins whose regressions learn it, in a row
}

func newCats(c *Config, t *arms) *cats {
	s := &cats{linear: newLinear(c, t), values: c.values()}
	s.tree = tree{nodes: make([]diagonal, t.len()-1), lambda: c.Lambda, cost: s.cost}
	return s
}

func (s *cats) predict(e *event.Event) (z, norm float64, rej *event.Rejection) {
	return s.linear.predict(e)
}

func (s *cats) learn(e *event.Event, step *event.Step) *event.Rejection {
	f := s.linear.features
	known := f.len()
	rej := f.gather(e, true)
	if rej == nil {
		s.hold(e)
		if !s.tree.stage(f.pairs, e.Weight, s.taught[0], s.taught[len(s.taught)-1]) {
			rej = &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v and features of norm %v would make a parameter of the tree non-finite or larger than %v", e.Weight, normOf(f.pairs), float64(maxWeight))}
		}
	}
	if rej == nil {
		rej = s.linear.update(e, step, s.taught)
	}
	if rej != nil {
		f.index.truncate(known)
		return rej
	}
	s.tree.commit(f.pairs, f.len())
	return nil
}

// hold keeps what the cost of a window depends on, and finds the regressions that the event teaches: those of the windows that its number lies in,
// and that of its bin, which a narrow window may not fill.
func (s *cats) hold(e *event.Event) {
	s.reward, s.value, s.density = s.linear.cfg.scale(e.Label), e.Value, e.Prob
	first, last := e.Arm, e.Arm
	for first > 0 && s.values.weight(first-1, s.value, s.density) > 0 {
		first--
	}
	for last < s.values.bins-1 && s.values.weight(last+1, s.value, s.density) > 0 {
		last++
	}
	s.taught = s.taught[:0]
	for bin := first; bin <= last; bin++ {
		s.taught = append(s.taught, bin)
	}
}

// cost estimates what the window of a bin costs for the gathered event.
func (s *cats) cost(bin int) float64 {
	expected := min(max(s.linear.margin(bin), 0), 1)
	weight := min(s.values.weight(bin, s.value, s.density), s.linear.cfg.ImportanceClip)
	return -(expected + float64((s.reward-expected)*weight))
}

// pick returns the bin that the tree picks in the context of an event; below 0 when its values are not finite.
func (s *cats) pick(e *event.Event) int {
	var contextMemory [onStack]feature
	var pairMemory [onStack]pair
	f := s.linear.features
	pairs, _, _ := f.place(f.scored(e, contextMemory[:0]), e, 0, false, pairMemory[:0])
	return s.tree.pick(pairs)
}

// explore returns the share of numbers that are drawn from the whole interval: all, as long as nothing is learned.
func (s *cats) explore() float64 {
	if s.linear.features.events == 0 {
		return 1
	}
	return s.linear.cfg.Floor
}

func (s *cats) distribute(e *event.Event, _ []bool, p []float64) {
	if bin := s.pick(e); bin >= 0 {
		s.values.shares(bin, s.explore(), p)
		return
	}
	for i := range p {
		p[i] = math.NaN()
	}
}

func (s *cats) read(e *event.Event, r *event.Reading) { s.linear.read(e, r) }

// append writes the regressions of rewards, then those of the nodes of the tree.
func (s *cats) append(b []byte) []byte {
	b = s.linear.append(b)
	for i := range s.tree.nodes {
		b = s.tree.nodes[i].append(b)
	}
	return b
}

func (s *cats) decode(r *wire.Reader) {
	s.linear.decode(r)
	if r.Err() == nil && len(s.tree.nodes) != s.values.bins-1 {
		r.Fail("%d arms for %d bins", len(s.tree.nodes)+1, s.values.bins)
	}
	for i := range s.tree.nodes {
		s.tree.nodes[i].decode(r, s.linear.features.len())
	}
}

func (s *cats) table() *arms             { return s.linear.table() }
func (s *cats) extend(t *arms)           { s.linear.extend(t) }
func (s *cats) seed(int, []int, float64) {}
func (s *cats) forget(int)               {}
func (s *cats) merge(core) error         { return ErrNotMergeable }
