package sgd

import (
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Coin betting (Orabona, Tommasi 2017, https://arxiv.org/abs/1705.07795, without the
// sigmoid) as in Vowpal Wabbit's --coin
// (https://github.com/VowpalWabbit/vowpal_wabbit ftrl.cc): each weight bets a share of
// what it has won on the sign of the next gradient. No rate has to be tuned; rate
// is the initial wealth alpha, beta the least bound on gradients.
//
// The slot has the weight W, G the sum of the magnitudes of its gradients and N
// the largest magnitude M of its feature; the companion has as W the negative sum theta of the
// gradients, as G the largest gradient L of the loss and as N the wealth R:
//
//	w = (alpha + R) theta / (L M (L M + G))
//
// The score is the sum of w x, over the mean of the squared norm of x/M (nagS over nagT).

// coinWeight is the weight for a feature of magnitude ax, which counts towards M.
func coinWeight(s, c *slot, alpha, ax float64) float64 {
	if ax <= s.N {
		return s.W
	}
	return bet(s, c, alpha, ax)
}

// bet is the weight when the largest magnitude is m.
func bet(s, c *slot, alpha, m float64) float64 {
	lm := float64(c.G * m)
	if !(lm > tinyValue) {
		return 0
	}
	return float64((alpha+c.N)/float64(lm*(lm+s.G))) * c.W
}

// coinNorm is the divisor of the score when the sums are those.
func coinNorm(sum, total float64) float64 {
	if total == 0 {
		return 1
	}
	return (sum + 1e-6) / total
}

// dotCoin is dot for coin betting. An event that is learned with weight h
// counts towards the mean norm before it is predicted, as with all statistics of features.
func (m *Model) dotCoin(h float64) (z, norm2 float64) {
	norm := 0.0
	slots, act := m.slots, m.act
	for i := range act {
		a := &act[i]
		ax := math.Abs(a.x)
		s, c := &slots[a.idx], &slots[a.idx+1]
		z += float64(a.x * coinWeight(s, c, m.p.rate, ax))
		norm2 += float64(a.x * a.x)
		if largest := max(ax, s.N); largest > tinyValue {
			r := ax / largest
			norm += float64(r * r)
		}
	}
	m.coinSum, m.coinTotal = m.row.nagS+float64(h*norm), m.row.nagT+h
	return z / coinNorm(m.coinSum, m.coinTotal), norm2
}

// scoreCoin is the linear score of an event in row k, as dotCoin has it when nothing is learned.
func (m *Model) scoreCoin(e *event.Event, k int) float64 {
	r, by := m.rowAt(k), k*m.lanes
	at := func(i int, x float64) float64 {
		return float64(x * coinWeight(&m.slots[i+by], &m.slots[i+by+1], m.p.rate, math.Abs(x)))
	}
	z := at(m.home, 1)
	for i := range e.X.Dense {
		z += at(m.position(e.X.Dense[i].Hash), m.scaler.Value(e.X.Dense[i]))
	}
	for i := range e.X.Sparse {
		z += at(m.position(e.X.Sparse[i].Hash), e.X.Sparse[i].Value)
	}
	return z / coinNorm(r.nagS, r.nagT)
}

// coin lets the weights bet.
func (m *Model) coin(u *update) tally {
	g := float64(u.h * u.grad)
	ag := math.Abs(g)
	alpha, beta, norm := m.p.rate, m.p.beta, coinNorm(m.coinSum, m.coinTotal)
	t := tally{sums: m.coinSum}
	slots, act := m.slots, m.act
	for i := range act {
		a := &act[i]
		pair := slots[a.idx : a.idx+2 : a.idx+2]
		s, c := &pair[0], &pair[1]
		a.save(s)
		m.companions[i] = *c
		ax := math.Abs(a.x)
		if ax < tinyValue {
			a.x = 0
			continue
		}
		s.N = max(s.N, ax)
		if ag > c.G {
			c.G = max(ag, beta)
		}
		gx := float64(g * a.x)
		w := bet(s, c, alpha, s.N)
		c.W -= gx
		s.G += math.Abs(gx)
		c.N -= float64(gx * w)
		s.W = bet(s, c, alpha, s.N)
		d := (s.W - a.w) / norm
		t.change += float64(d * d)
		t.mass += math.Abs(s.W)
		t.sums += s.G + c.G + math.Abs(c.W) + math.Abs(c.N)
	}
	if t.ok() {
		m.row.nagS, m.row.nagT = m.coinSum, m.coinTotal
	}
	return t
}
