package calibrate

import (
	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// platt is Platt scaling (Platt 1999, Probabilistic outputs for support vector
// machines, https://www.researchgate.net/publication/2594015): the probability is
// the logistic function of a z + b. It is fitted online by Newton steps with the
// matrix H of second derivatives of the log loss, discounted:
//
//	p = 1/(1+exp(-(a z + b))), g = p - y, v = max(p(1-p), g^2)
//	H = retain H + (1-retain) 10 I + h v (z,1)(z,1)', (a,b) -= h g H^-1 (z,1)
//
// p(1-p) and g^2 have the same mean when the map is right; the larger of the two
// bounds the step that one surprise can take. a stays above 0, so that the order of
// margins is kept.
type platt struct {
	a, b       float64
	zz, z1, o1 float64 // H
}

const (
	plattPrior = 10   // of the diagonal of H: some forty events
	leastSlope = 0.01 // of a
	mostSlope  = 100
	mostOffset = 100 // of b
)

func newPlatt() platt { return platt{a: 1, zz: plattPrior, o1: plattPrior} }

func (p *platt) probability(z float64) float64 {
	return portable.Sigmoid(limit(float64(p.a*z) + p.b))
}

func (p *platt) learn(z, y, h float64) {
	q := p.probability(z)
	g := q - y
	v := float64(h * max(float64(q*(1-q)), float64(g*g)))
	const damping = (1 - retain) * plattPrior
	p.zz = float64(retain*p.zz) + damping + float64(v*float64(z*z))
	p.z1 = float64(retain*p.z1) + float64(v*z)
	p.o1 = float64(retain*p.o1) + damping + v
	det := float64(p.zz*p.o1) - float64(p.z1*p.z1)
	if !(det > 0) { // rounding, when all margins are alike
		return
	}
	g = float64(h * g)
	da := (float64(p.o1*z) - p.z1) / det
	db := (p.zz - float64(p.z1*z)) / det
	p.a = max(leastSlope, min(mostSlope, p.a-float64(g*da)))
	p.b = max(-mostOffset, min(mostOffset, p.b-float64(g*db)))
}

func (p *platt) numbers() [5]*float64 { return [...]*float64{&p.a, &p.b, &p.zz, &p.z1, &p.o1} }

func (p *platt) read(r *wire.Reader) {
	for _, v := range p.numbers() {
		*v = r.Finite()
	}
	if r.Err() == nil && !(within(p.a, leastSlope, mostSlope) && within(p.b, -mostOffset, mostOffset) &&
		within(p.zz, 0, largest) && within(p.z1, -largest, largest) && within(p.o1, 0, largest)) {
		r.Fail("Platt scaling %v", *p)
	}
}
