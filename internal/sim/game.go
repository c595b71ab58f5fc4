package sim

import (
	"container/heap"
	"fmt"
	"math"
	"strconv"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Scene is a world in which a service decides again and again. It is a function of its seed and of the
// arms that were chosen.
type Scene interface {
	// Arms are the names of the arms, in the order of their indices.
	Arms() []string
	// Begin makes the round of decision n, which counts from 0; what it returns holds until the next call.
	Begin(n uint64) *Round
	// End takes the arm of the round. It calls pay for every decision whose reward is known
	// with it, which may be earlier ones.
	End(arm int, pay func(n uint64, reward float64))
}

// ValueScene is a scene whose choice is a number. Its arms are numbers to compare with, at the middles of equal parts of the interval.
type ValueScene interface {
	Scene
	// Interval returns the least and the largest number.
	Interval() (low, high float64)
	// Expected is the expected reward of a number in the round at hand.
	Expected(v float64) float64
	// EndValue is End for a number.
	EndValue(v float64, pay func(n uint64, reward float64))
}

// ValuePlayer is a Player that decides for numbers.
type ValuePlayer interface {
	Player
	// ChooseValue returns a number from low to high, and its density.
	ChooseValue(record []byte, low, high float64) (v, density float64, err error)
}

// Measured is a Scene whose rewards carry more than their number.
type Measured interface {
	Scene
	// AppendMetrics appends the members of the record of the reward that is being paid, each with a comma before it.
	AppendMetrics(b []byte) []byte
}

// Round is one decision.
type Round struct {
	Context []byte // JSON object; empty for none
	Actions []byte // JSON array of the features of every arm; empty for none
	// Expected is the expected reward of every arm, which the service does not know; empty
	// where it depends on the decisions that follow.
	Expected []float64
}

// Player decides in a Game.
type Player interface {
	// Choose returns the arm, and the probability that it was chosen with, for the record of a
	// decision whose arm and probability are not to be read.
	Choose(record []byte) (arm int, p float64, err error)
	// Arrive is given every record when it arrives at the learner.
	Arrive(at int64, record []byte) error
}

// Game is a service that decides in a scene. It logs decisions at once and rewards when they come;
// a reward of 0 is told by silence. The records are those of docs/decisions.md:
//
//	{"kind":"decision","id":"d-7","ts":1700000007000,"context":{"mobile":true},"arm":"b","p":0.25}
//	{"kind":"reward","id":"d-7","ts":1700000067000,"reward":1}
type Game struct {
	Scene    Scene
	Player   Player  // nil chooses uniformly at random
	Step     int64   // milliseconds between decisions
	Delay    float64 // mean of the exponential time from the moment that a reward is known to its record, in milliseconds
	Disorder int64   // a record arrives up to so many milliseconds after its time
	Seed     uint64  // of delays and of the random player
}

// NewGame returns a game with a decision every step milliseconds. Rewards come 30 steps after they are known in
// the mean, and records arrive up to 5 steps late.
func NewGame(s Scene, p Player, step int64, seed uint64) *Game {
	return &Game{Scene: s, Player: p, Step: step, Delay: 30 * float64(step), Disorder: 5 * step, Seed: seed}
}

// Score is what was earned in some rounds.
type Score struct {
	Rounds  int
	Earned  float64   // sum of the rewards
	Chosen  float64   // sum of the expected rewards of the arms that were chosen
	Best    float64   // sum of the highest expected rewards of every round
	Always  []float64 // of every arm the sum of its expected rewards
	Choices []int     // of every arm how often it was chosen
}

// Regret is how much more the best arm of every round would have earned, a round.
func (s *Score) Regret() float64 { return (s.Best - s.Chosen) / float64(s.Rounds) }

// Fixed returns the arm that would have earned most if it had always been chosen, with its reward a round.
func (s *Score) Fixed() (arm int, mean float64) {
	for a, v := range s.Always {
		if v > s.Always[arm] {
			arm = a
		}
	}
	return arm, s.Always[arm] / float64(s.Rounds)
}

// Random is the expected reward a round of the uniformly random policy.
func (s *Score) Random() float64 {
	sum := 0.0
	for _, v := range s.Always {
		sum += v
	}
	return sum / float64(len(s.Always)*s.Rounds)
}

// Result are the scores of a game: all rounds, and the last half of them.
type Result struct{ All, Late Score }

// Play makes n decisions, gives every record to emit in the order of arrival, and ends when all rewards have arrived.
func (g *Game) Play(n uint64, emit func(record []byte) error) (r Result, err error) {
	arms := g.Scene.Arms()
	for _, s := range []*Score{&r.All, &r.Late} {
		s.Always, s.Choices = make([]float64, len(arms)), make([]int, len(arms))
	}
	q := post{game: g, emit: emit}
	for i := range n {
		scores := []*Score{&r.All, &r.Late}[:1]
		if i >= n/2 {
			scores = append(scores, &r.Late)
		}
		d := newDraws(g.Seed ^ 0x5eed)
		d.at(i)
		t := DecisionsStart + int64(i)*g.Step
		if err := q.deliver(t); err != nil {
			return r, err
		}
		round := g.Scene.Begin(i)
		head := round.append(recordHead("decision", i, t))
		c, err := g.choose(d, head, arms)
		if err != nil {
			return r, fmt.Errorf("decision %d: %w", i, err)
		}
		q.send(d, t, c.end(head, arms))
		for _, s := range scores {
			s.take(c.arm, round.Expected)
			if c.scene != nil {
				s.Chosen += c.scene.Expected(c.value) - round.Expected[c.arm]
			}
		}
		c.settle(g.Scene, func(of uint64, reward float64) {
			r.All.Earned += reward
			if of >= n/2 {
				r.Late.Earned += reward
			}
			if at := t + int64(math.Round(d.ExpFloat64()*g.Delay)); reward != 0 {
				b := append(recordHead("reward", of, at), `,"reward":`...)
				b = strconv.AppendFloat(b, reward, 'g', -1, 64)
				if m, ok := g.Scene.(Measured); ok {
					b = m.AppendMetrics(b)
				}
				q.send(d, at, append(b, '}'))
			}
		})
	}
	return r, q.deliver(math.MaxInt64)
}

// choice is an arm, or with a scene of numbers a number and the arm nearest to it.
type choice struct {
	arm   int
	p     float64 // of the number its density
	value float64
	scene ValueScene
}

func (g *Game) choose(d *draws, head []byte, arms []string) (c choice, err error) {
	s, ok := g.Scene.(ValueScene)
	switch {
	case ok:
		return g.chooseValue(d, head, arms, s)
	case g.Player == nil:
		return choice{arm: d.IntN(len(arms)), p: 1 / float64(len(arms))}, nil
	}
	c.arm, c.p, err = g.Player.Choose(endDecision(head, arms[0], 1))
	return c, err
}

func (g *Game) chooseValue(d *draws, head []byte, arms []string, s ValueScene) (c choice, err error) {
	low, high := s.Interval()
	c = choice{scene: s}
	switch p, ok := g.Player.(ValuePlayer); {
	case g.Player == nil:
		c.value, c.p = low+(high-low)*d.Float64(), 1/(high-low)
	case !ok:
		return c, fmt.Errorf("the player chooses no numbers")
	default:
		if c.value, c.p, err = p.ChooseValue(endValue(head, low, 1), low, high); err != nil {
			return c, err
		}
	}
	c.arm = event.Bin(c.value, low, high, len(arms))
	return c, nil
}

// end completes the record of a decision.
func (c *choice) end(head []byte, arms []string) []byte {
	if c.scene != nil {
		return endValue(head, c.value, c.p)
	}
	return endDecision(head, arms[c.arm], c.p)
}

func (c *choice) settle(s Scene, pay func(n uint64, reward float64)) {
	if c.scene != nil {
		c.scene.EndValue(c.value, pay)
		return
	}
	s.End(c.arm, pay)
}

func endValue(head []byte, v, density float64) []byte {
	b := append(strconv.AppendFloat(append(head[:len(head):len(head)], `,"arm":`...), v, 'g', -1, 64), `,"p":`...)
	return append(strconv.AppendFloat(b, density, 'g', -1, 64), '}')
}

func (s *Score) take(arm int, expected []float64) {
	s.Rounds++
	s.Choices[arm]++
	if len(expected) == 0 {
		return
	}
	s.Chosen += expected[arm]
	best := expected[0]
	for a, v := range expected {
		s.Always[a] += v
		best = max(best, v)
	}
	s.Best += best
}

func (r *Round) append(b []byte) []byte {
	if len(r.Context) > 0 {
		b = append(append(b, `,"context":`...), r.Context...)
	}
	if len(r.Actions) > 0 {
		b = append(append(b, `,"actions":`...), r.Actions...)
	}
	return b
}

func recordHead(kind string, n uint64, t int64) []byte {
	b := append(append([]byte(`{"kind":"`), kind...), `","id":"d-`...)
	b = strconv.AppendUint(b, n, 10)
	return strconv.AppendInt(append(b, `","ts":`...), t, 10)
}

func endDecision(head []byte, arm string, p float64) []byte {
	b := append(strconv.AppendQuote(append(head[:len(head):len(head)], `,"arm":`...), arm), `,"p":`...)
	return append(strconv.AppendFloat(b, p, 'g', -1, 64), '}')
}

// post carries records to the learner.
type post struct {
	game  *Game
	emit  func(record []byte) error
	queue arrivals
	sent  uint64
}

func (p *post) send(d *draws, t int64, record []byte) {
	heap.Push(&p.queue, arrival{t + d.Int64N(p.game.Disorder+1), p.sent, record})
	p.sent++
}

// deliver hands over what arrives by time t.
func (p *post) deliver(t int64) error {
	for len(p.queue) > 0 && p.queue[0].at <= t {
		a := heap.Pop(&p.queue).(arrival)
		if p.game.Player != nil {
			if err := p.game.Player.Arrive(a.at, a.value); err != nil {
				return err
			}
		}
		if err := p.emit(a.value); err != nil {
			return err
		}
	}
	return nil
}
