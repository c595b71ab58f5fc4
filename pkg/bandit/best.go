package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// bestProbabilities appends to dst, for each arm, the probability that its
// draw from Beta(alpha, beta) is the largest of all:
//
//	P(a best) = int f_a(x) prod_{j != a} F_j(x) dx
//
// with an absolute error below 1e-9. The variable of integration is the
// log-odds t of x, in which the density is proportional to x^alpha
// (1-x)^beta, smooth and bell-shaped for any parameters. The line is cut into
// panels as narrow as the narrowest density that lives there; on each panel the
// densities are sampled once, and their distribution functions come from the
// same samples (rule.upTo). No normalising constant is needed, since all the
// integrals lack the same factor and the probabilities add up to 1.
//
// It takes about 10 to 40 panels with 16 evaluations of every density that
// lives there, and allocates its scratch.
func bestProbabilities(r *rule, posterior []beta, dst []float64) []float64 {
	bells := make([]bell, len(posterior))
	for i, p := range posterior {
		bells[i] = newBell(p)
	}
	return integrate(r, bells, dst)
}

// integrateNormals is bestProbabilities for draws from normal distributions,
// with the draw itself as the variable. Deviations count as at least 1e-9 of the
// largest, and as 1e-12 of the largest mean.
func integrateNormals(r *rule, mean, sd []float64, dst []float64) []float64 {
	least := 0.0
	for i, m := range mean {
		least = max(least, float64(1e-9*sd[i]), float64(1e-12*math.Abs(m)))
	}
	if least == 0 {
		dst = append(dst, mean...)
		greedy(dst[len(dst)-len(mean):])
		return dst
	}
	bells := make([]bell, len(mean))
	for i, m := range mean {
		s := max(sd[i], least)
		reach := float64(s * math.Sqrt(2*tail))
		bells[i] = bell{normal: true, t: m, sd: s, left: m - reach, right: m + reach, height: 1 / (s * math.Sqrt(2*math.Pi))}
	}
	return integrate(r, bells, dst)
}

func integrate(r *rule, bells []bell, dst []float64) []float64 {
	q := &sweep{rule: r, arms: bells, below: make([]float64, len(bells))}
	for t, ok := q.start(); ok; {
		t, ok = q.panel(t)
	}
	sum := 0.0
	for i := range q.arms {
		sum += q.arms[i].won
	}
	for i := range q.arms {
		dst = append(dst, q.arms[i].won/sum)
	}
	return dst
}

const (
	tail = 38 // a density is nil where its logarithm is this far below its mode: exp(-38) < 1e-16
	// Panels are at most 2 standard deviations of the narrowest density wide, and
	// at most 2 in t: for small alpha or beta the density bends on the scale 1,
	// with the poles of the logistic function at t = +-i pi.
	panelWidth = 2
	// A posterior of more observations counts as one of so many: its width stays
	// well above the rounding of t.
	maxObservations = 1e12
	// leastShape is the least alpha and beta that then remain, those of the weakest
	// prior: the tails, and so the panels, have an end.
	leastShape = 0.1
)

// bell is one arm's density in t = log(x/(1-x)).
type bell struct {
	normal      bool // a normal density in t instead
	alpha, beta float64
	x, y        float64 // mode in x, and 1-x
	t, sd       float64 // mode in t, approximate standard deviation
	left, right float64 // where the density lives
	height      float64 // of the mode, so that the density integrates to about 1

	f     [order]float64 // density at the nodes of the panel
	upTo  [order]float64 // its integral up to each node
	total float64        // its integral up to the panel
	won   float64        // integral of f times the distribution functions of the others
}

func newBell(p beta) bell {
	n := p.alpha + p.beta
	if n > maxObservations {
		p.alpha, p.beta = max(leastShape, float64(p.alpha*(maxObservations/n))), max(leastShape, float64(p.beta*(maxObservations/n)))
		n = p.alpha + p.beta
	}
	b := bell{alpha: p.alpha, beta: p.beta, x: p.alpha / n, y: p.beta / n}
	b.t = portable.Log(p.alpha / p.beta)
	b.sd = math.Sqrt(1/p.alpha + 1/p.beta)
	b.height = 1 / (b.sd * math.Sqrt(2*math.Pi))
	reach := func(sign float64) float64 {
		d := b.sd
		for b.logDensity(sign*d) > -tail {
			d *= 1.25
		}
		return d
	}
	b.left, b.right = b.t-reach(-1), b.t+reach(1)
	return b
}

// logDensity returns the logarithm of the density at distance d from its mode,
// relative to the mode:
//
//	alpha log(x/x*) + beta log((1-x)/(1-x*)),
//	x*/x = 1 + (1-x*)(exp(-d)-1),  (1-x*)/(1-x) = 1 + x*(exp(d)-1)
//
// in which nothing cancels when d is small and alpha and beta are large.
func (b *bell) logDensity(d float64) float64 {
	if b.normal {
		return -float64(d*d) / (2 * float64(b.sd*b.sd))
	}
	return -float64(b.alpha*portable.Log1p(float64(b.y*portable.Expm1(-d)))) -
		float64(b.beta*portable.Log1p(float64(b.x*portable.Expm1(d))))
}

// sweep goes over the line from left to right, panel by panel.
type sweep struct {
	rule  *rule
	arms  []bell
	below []float64 // products of the distribution functions of the arms before each
}

// start returns the leftmost point where any density lives.
func (q *sweep) start() (t float64, ok bool) { return q.after(math.Inf(-1)) }

// after returns the first point at or after t where a density lives.
func (q *sweep) after(t float64) (next float64, ok bool) {
	next = math.Inf(1)
	for i := range q.arms {
		if a := &q.arms[i]; a.right > t {
			next = min(next, max(t, a.left))
		}
	}
	return next, next < math.Inf(1)
}

// panel integrates over the panel that begins at t and returns the begin of the next.
func (q *sweep) panel(t float64) (next float64, ok bool) {
	end := math.Inf(1)
	for i := range q.arms {
		switch a := &q.arms[i]; {
		case a.left > t:
			end = min(end, a.left)
		case a.right > t:
			end = min(end, t+a.panel())
		}
	}
	half := (end - t) / 2
	for i := range q.arms {
		q.arms[i].sample(q.rule, t, end, half)
	}
	for m, w := range q.rule.weight {
		q.collect(m, float64(half*w))
	}
	for i := range q.arms {
		if a := &q.arms[i]; a.lives(t, end) {
			a.total += float64(half * q.rule.integral(&a.f))
		}
	}
	return q.after(end)
}

// panel is how wide a panel may be where the density lives.
func (b *bell) panel() float64 {
	if b.normal {
		return panelWidth * b.sd
	}
	return panelWidth * min(1, b.sd)
}

func (b *bell) lives(from, to float64) bool { return b.left < to && b.right > from }

// sample evaluates the density and its integral at the nodes of a panel.
func (b *bell) sample(r *rule, from, to, half float64) {
	if !b.lives(from, to) {
		for m := range b.f {
			b.f[m], b.upTo[m] = 0, b.total
		}
		return
	}
	for m, x := range r.node {
		t := from + float64(half*(1+x))
		b.f[m] = float64(b.height * portable.Exp(b.logDensity(t-b.t)))
	}
	for m := range b.upTo {
		b.upTo[m] = max(0, b.total+float64(half*r.integralTo(m, &b.f)))
	}
}

// collect adds node m with weight w to the integral of each arm.
func (q *sweep) collect(m int, w float64) {
	product := 1.0
	for i := range q.arms {
		q.below[i] = product
		product = float64(product * q.arms[i].upTo[m])
	}
	product = 1
	for i := len(q.arms) - 1; i >= 0; i-- {
		a := &q.arms[i]
		a.won += float64(float64(w*a.f[m]) * float64(q.below[i]*product))
		product = float64(product * a.upTo[m])
	}
}
