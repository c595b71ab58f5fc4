package sim

import "math"

// ControlScene balances a pole on a cart by pushing it left or right, fifty times a second (Barto, Sutton and Anderson 1983,
// https://doi.org/10.1109/TSMC.1983.6313077; the constants and Euler's method are those of Gym's CartPole-v1). An episode ends when the pole leans
// by more than 12 degrees, the cart has gone further than 2.4 m, or after controlLimit steps.
//
//	"context":{"x":0.1,"v":-0.2,"angle":0.01,"spin":0.3}
//
// The reward of a decision is how many of the next controlHorizon steps the pole stood, as a share of them: the return over a finite
// horizon, which is known controlHorizon steps later, or when the episode ends.
type ControlScene struct {
	draws             *draws
	round             Round
	n, began          uint64 // decision, and first decision of the episode
	x, v, angle, spin float64

	paid     uint64 // decisions whose reward is known
	episodes int
	context  []byte
}

// ControlStep is the time between two decisions in milliseconds.
const ControlStep = 20

const (
	controlLimit   = 200
	controlHorizon = 40
)

// Control returns the scene of a seed.
func Control(seed uint64) *ControlScene { return &ControlScene{draws: newDraws(seed)} }

// Arms implements Scene.
func (*ControlScene) Arms() []string { return []string{"left", "right"} }

// Episodes is how many have ended.
func (s *ControlScene) Episodes() int { return s.episodes }

// Begin implements Scene.
func (s *ControlScene) Begin(n uint64) *Round {
	s.n = n
	if n == s.began {
		s.draws.at(n)
		start := func() float64 { return 0.1*s.draws.Float64() - 0.05 }
		s.x, s.v, s.angle, s.spin = start(), start(), start(), start()
	}
	b := s.context[:0]
	for i, f := range [...]struct {
		name  string
		value float64
	}{{"x", s.x}, {"v", s.v}, {"angle", s.angle}, {"spin", s.spin}} {
		b = append(b, "{,"[min(i, 1)])
		b = append(append(append(b, '"'), f.name...), `":`...)
		b = decimals(5).append(b, decimals(5).round(f.value))
	}
	s.context = append(b, '}')
	s.round.Context = s.context
	return &s.round
}

// End implements Scene.
func (s *ControlScene) End(arm int, pay func(n uint64, reward float64)) {
	s.push(10 * float64(2*arm-1))
	after := s.n + 1 // the step after which the pole is as it is now
	fell := math.Abs(s.x) > 2.4 || math.Abs(s.angle) > 12*math.Pi/180
	over := after-s.began == controlLimit
	for ; s.paid < after; s.paid++ {
		stood := after - s.paid
		switch {
		case fell:
			pay(s.paid, float64(stood-1)/controlHorizon)
		case over || stood == controlHorizon: // nobody knows how long it would have stood on
			pay(s.paid, 1)
		default:
			return
		}
	}
	if fell || over {
		s.began = after
		s.episodes++
	}
}

// push moves cart and pole on by one step under a force in newtons.
func (s *ControlScene) push(force float64) {
	const (
		gravity, cart, pole, half, step = 9.8, 1.0, 0.1, 0.5, ControlStep / 1000.0 // half is half of the length of the pole
		total                           = cart + pole
	)
	sin, cos := math.Sincos(s.angle)
	temp := (force + pole*half*s.spin*s.spin*sin) / total
	turn := (gravity*sin - cos*temp) / (half * (4.0/3 - pole*cos*cos/total))
	a := temp - pole*half*turn*cos/total
	s.x, s.v = s.x+step*s.v, s.v+step*a
	s.angle, s.spin = s.angle+step*s.spin, s.spin+step*turn
}
