package sgd

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// maxRLS bounds the weights of recursive least squares, intercept included: an
// event costs time in proportion to their square.
const maxRLS = 201

// rls is the state of recursive least squares besides the slots, where N is the
// position of the weight plus 1.
type rls struct {
	index []uint32 // of each position: where its slot is
	factor

	x, b []float64 // the event at hand: features, and P x
	next factor    // what the factor becomes if the event is accepted
}

// factor is the covariance P = U diag(D) U', U upper triangular with ones on its diagonal.
type factor struct {
	d []float64
	u []float64 // U above the diagonal by columns: column j begins at j(j-1)/2
}

// column returns column j of U above the diagonal.
func (p *factor) column(j int) []float64 {
	begin := j * (j - 1) / 2
	return p.u[begin : begin+j]
}

// recursive is recursive least squares with ridge penalty l2, for squared loss:
// the exact minimiser at every event. P is the inverse of l2 plus the sum of
// h x x', kept as factors, so that rounding never makes it indefinite (Bierman
// 1977, Factorization Methods for Discrete Sequential Estimation, theorem V.3.1,
// https://www.sciencedirect.com/bookseries/mathematics-in-science-and-engineering/vol/128):
//
//	w += P x (y - z) / (1/h + x'P x)
//
// It refuses an event that brings the weights to more than 201. Every weight
// moves with every event.
func (m *Model) recursive(u *update) (float64, *event.Rejection) {
	r, known := &m.rls, len(m.rls.index)
	if !m.admit() {
		m.dismiss(known)
		return 0, &event.Rejection{Reason: event.TooManyFeatures, Detail: fmt.Sprintf("more than %d distinct features; learner.optimizer rls needs time in proportion to their square: exclude some, or use another optimizer", maxRLS-1)}
	}
	gain := (u.y - u.score) / r.measure(1/u.h)
	change, mass := 0.0, 0.0
	for i, idx := range r.index {
		d := float64(gain * r.b[i])
		mass += math.Abs(m.slots[idx].W + d)
		change += float64(d * d)
	}
	if !(mass <= maxWeight) || !finite(change) || !r.next.finite() {
		m.dismiss(known)
		return 0, unstableUpdate(u)
	}
	for i, idx := range r.index {
		m.slots[idx].W += float64(gain * r.b[i])
	}
	r.factor, r.next = r.next, r.factor
	clear(r.x)
	return math.Sqrt(change), nil
}

// measure puts P x into b and the factor after x, with noise variance v, into
// next. It returns v + x'P x.
func (r *rls) measure(v float64) float64 {
	alpha := v
	for j := range r.x {
		f := r.x[j]
		col, out := r.column(j), r.next.column(j)
		for i, x := range r.x[:j] {
			f += float64(col[i] * x)
		}
		w := float64(r.d[j] * f)
		before := alpha
		alpha += float64(f * w)
		r.next.d[j] = float64(r.d[j] * (before / alpha))
		lambda := -f / before
		b := r.b[:j]
		for i, c := range col {
			out[i] = c + float64(b[i]*lambda)
			b[i] += float64(c * w)
		}
		r.b[j] = w
	}
	return alpha
}

// finite reports whether the factor is.
func (p *factor) finite() bool {
	sum := 0.0
	for _, v := range p.d {
		sum += math.Abs(v)
	}
	for _, v := range p.u {
		sum += math.Abs(v)
	}
	return finite(sum)
}

// append adds a position with variance v.
func (p *factor) append(v float64) {
	for range p.d {
		p.u = append(p.u, 0)
	}
	p.d = append(p.d, v)
}

// cut keeps the first n positions.
func (p *factor) cut(n int) { p.d, p.u = p.d[:n], p.u[:n*(n-1)/2] }

// admit scatters the event over the positions and appends one for each new
// feature. It reports whether there is room for all.
func (m *Model) admit() bool {
	r := &m.rls
	for i := range m.act {
		a := &m.act[i]
		if math.Abs(a.x) < tinyValue {
			a.x = 0
			continue
		}
		s := &m.slots[a.idx]
		if s.N == 0 {
			if len(r.index) == maxRLS {
				return false
			}
			r.index = append(r.index, a.idx)
			r.append(1 / m.p.l2)
			r.next.append(0)
			r.x, r.b = append(r.x, 0), append(r.b, 0)
			s.N = float64(len(r.index))
		}
		r.x[int(s.N)-1] += a.x
	}
	return true
}

// dismiss takes back what admit did since there were so many positions.
func (m *Model) dismiss(known int) {
	r := &m.rls
	for _, idx := range r.index[known:] {
		m.slots[idx].N = 0
	}
	r.index, r.x, r.b = r.index[:known], r.x[:known], r.b[:known]
	r.cut(known)
	r.next.cut(known)
	clear(r.x)
}

// appendRLS appends the factor, if the optimizer has one.
func (m *Model) appendRLS(b []byte) []byte {
	if m.p.optimizer != optRLS {
		return b
	}
	for _, part := range [][]float64{m.rls.d, m.rls.u} {
		for _, v := range part {
			b = wire.AppendFloat64(b, v)
		}
	}
	return b
}

// readRLS reads what appendRLS wrote for n positions. Errors are left in r.
func (p *plan) readRLS(r *wire.Reader, n int) rls {
	if r.Err() != nil {
		return rls{}
	}
	out := rls{index: make([]uint32, n), x: make([]float64, n), b: make([]float64, n)}
	for range n {
		out.append(r.Finite())
		out.next.append(0)
		if v := out.d[len(out.d)-1]; r.Err() == nil && v < 0 {
			r.Fail("variance %v", v)
		}
	}
	for i := range out.u {
		out.u[i] = r.Finite()
	}
	return out
}
