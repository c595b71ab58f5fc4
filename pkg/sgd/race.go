package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// The race of `optimizer: auto`. Streams differ most in how fast a learner
// should follow them, so three members with fixed settings learn from every
// event, and the one whose progressive loss was lowest of late is served:
//
//	0  nag, rate 0.5
//	1  nag, rate 3, with sums of squared gradients that decay by 0.995 with
//	   every event that has the feature, so that its rate never goes to 0
//	2  adagrad, rate 0.3, which measures a sparse feature by its largest
//	   magnitude so far (max-abs scaling, which keeps 0 at 0); the others do so by
//	   themselves, and dense features are standardised
//
// The leader on discounted losses (Cesa-Bianchi, Lugosi 2006, section 2.11,
// https://doi.org/10.1017/CBO9780511546921) is followed with hysteresis: losses
// count half after 1,000 events, and a member is replaced only by one whose
// loss is 0.5% lower, so that equal members do not alternate.
//
// A feature takes two slots: the first is that of member 0, whose N serves
// member 1 as well; the companion holds W and G of member 1, and as N and R the W and G
// of member 2. nagS and nagT are shared: they depend on no gradient.
const (
	members    = 3
	raceRate0  = 0.5
	raceRate1  = 3
	raceRate2  = 0.3
	raceDecay  = 0.995
	raceMargin = 0.995               // the share of the leader's loss below which it is replaced
	raceRetain = 0.99930709290663390 // 2^(-1/1000), what is left of a loss after an event
	tinySum    = 1e-200              // a sum of squared gradients counts as at least this
)

// race is the state of the race, besides the slots.
type race struct {
	served int              // the member that predicts
	loss   [members]float64 // discounted sums of weight times loss
}

// member returns the weight of member k, 1 or 2, in a companion.
func (s *slot) member(k int) float64 {
	if k == 1 {
		return s.W
	}
	return s.N
}

// dotRace is dot for a race: it notes all scores and returns that of the member served.
func (m *Model) dotRace() (z, norm2 float64) {
	z0, norm2 := m.dotFirst()
	var z1, z2 float64
	slots, act := m.slots, m.act
	for i := range act {
		a := &act[i]
		x, c := a.x, &slots[a.idx+1]
		z1 += float64(x * c.W)
		z2 += float64(x * c.N)
	}
	m.scores = [members]float64{z0, z1, z2}
	return m.scores[m.row.race.served], norm2
}

// aimAll takes the updates of the members in the frames of the served one,
// whose update and loss are given, and returns them with the discounted losses.
func (m *Model) aimAll(served *update, loss float64, before, after *frame) (us [members]update, discounted [members]float64) {
	for k := range us {
		l := loss
		if k == m.row.race.served {
			us[k] = *served
		} else {
			var s event.Step
			us[k] = newUpdate(m.scores[k], served.norm2, served.label, served.h)
			m.p.aim(&us[k], &s, before, after)
			l = s.Loss
		}
		discounted[k] = float64(raceRetain*m.row.race.loss[k]) + float64(served.h*l)
	}
	return us, discounted
}

// leader returns the member to serve after the losses.
func (r *race) leader(discounted *[members]float64) int {
	lead := r.served
	for k, l := range discounted {
		if l < float64(raceMargin*discounted[r.served]) && l < discounted[lead] {
			lead = k
		}
	}
	return lead
}

// compete lets all members learn. The tally's change is that of the member served.
func (m *Model) compete(served *update, loss float64, before, after *frame) tally {
	us, discounted := m.aimAll(served, loss, before, after)
	var q [members]float64
	for k := range us {
		q[k] = float64(float64(us[k].h*us[k].grad) * us[k].grad)
		if q[k] < tinyGrad {
			q[k], us[k].grad = 0, 0
		}
	}
	ppu0, ppu1, norm := m.prepare(q[0], q[1])
	sum, total := m.row.nagS+float64(served.h*norm), m.row.nagT+served.h
	mult := math.Sqrt(total / sum)
	var steps [2]float64
	for k, ppu := range [...]float64{ppu0, ppu1} {
		if q[k] > 0 {
			rate := float64(served.rate * [...]float64{raceRate0, raceRate1}[k])
			steps[k] = float64(mult * m.p.step(&us[k], rate, float64(mult*ppu)))
		}
	}
	t := m.move(steps, float64(us[2].h*us[2].grad), float64(served.rate*raceRate2))
	t.sums += sum + discounted[0] + discounted[1] + discounted[2]
	if t.ok() {
		m.row.nagS, m.row.nagT = sum, total
		m.row.race.loss, m.row.race.served = discounted, m.row.race.leader(&discounted)
	}
	return t
}

// prepare saves the slots, adds squared gradients q x^2 to the sums of members
// 0 and 1, and computes the rates of the features. It returns the squared norms
// of the event under the rates, and that of x/N.
func (m *Model) prepare(q0, q1 float64) (ppu0, ppu1, norm float64) {
	slots, act, rates, saved := m.slots, m.act, m.rates[:len(m.act)], m.companions[:len(m.act)]
	for i := range act {
		a := &act[i]
		pair := slots[a.idx : a.idx+2 : a.idx+2]
		s, c := &pair[0], &pair[1]
		x, largest := a.x, s.N
		a.save(s)
		saved[i] = *c
		ax := math.Abs(x)
		if ax < tinyValue {
			a.x = 0
			continue
		}
		if ax > largest {
			if largest > 0 {
				f := largest / ax
				s.W *= f
				c.W *= f
				if i > m.dense {
					c.N *= f
				}
			}
			s.N, largest = ax, ax
		}
		x2 := float64(x * x)
		g0, g1 := s.G+float64(q0*x2), float64(raceDecay*c.G)+float64(q1*x2)
		if g0 < tinySum {
			g0 = tinySum
		}
		if g1 < tinySum {
			g1 = tinySum
		}
		s.G, c.G = g0, g1
		r0, r1 := raceRates(largest, math.Sqrt(g0), math.Sqrt(g1))
		a.r, rates[i] = r0, r1
		x2r := float64(x2 * r0)
		ppu0 += x2r
		ppu1 += float64(x2 * r1)
		norm += float64(x2r * float64(r0*g0)) // G r^2 is 1/N^2
	}
	return ppu0, ppu1, norm
}

// raceRates returns 1/(n a) and 1/(n b), by one division when it can.
func raceRates(n, a, b float64) (ra, rb float64) {
	if all := float64(n * a * b); all < 1e300 {
		inv := 1 / all
		return float64(inv * b), float64(inv * a)
	}
	return 1 / float64(n*a), 1 / float64(n*b)
}

// move moves the weights: members 0 and 1 by steps times x times the rate of
// the feature, member 2 by the gradient g x and its rate.
func (m *Model) move(steps [2]float64, g, rate float64) tally {
	var change [members]float64
	var mass, sums float64
	slots, act, rates, saved := m.slots, m.act, m.rates[:len(m.act)], m.companions[:len(m.act)]
	for i := range act {
		a := &act[i]
		if a.x == 0 {
			continue
		}
		pair := slots[a.idx : a.idx+2 : a.idx+2]
		s, c := &pair[0], &pair[1]
		s.W += float64(float64(steps[0]*a.x) * a.r)
		c.W += float64(float64(steps[1]*a.x) * rates[i])
		inv := 1.0 // over the unit in which member 2 measures the feature
		if i > m.dense && s.N != 1 {
			inv = 1 / s.N
		}
		gx := float64(float64(g*a.x) * inv)
		sum := c.R.number() + float64(gx*gx)
		c.R = number(sum)
		d := float64(float64(rate*gx) / math.Sqrt(sum+adagradEpsilon) * inv)
		c.N -= d
		d0, d1 := s.W-a.w, c.W-saved[i].W
		change[0] += float64(d0 * d0)
		change[1] += float64(d1 * d1)
		change[2] += float64(d * d)
		mass += math.Abs(s.W) + math.Abs(c.W) + math.Abs(c.N)
		sums += s.G + c.G + sum
	}
	return tally{change: change[m.row.race.served], mass: mass, sums: sums + change[0] + change[1] + change[2]}
}
