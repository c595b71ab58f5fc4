package sgd

import (
	"slices"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// Softmax, or multinomial logistic regression (Bishop 2006, Pattern
// Recognition and Machine Learning, section 4.3.4): p_k is exp(z_k) over the
// sum of all exp(z_j), and the loss -log(p_y). With c_k the logarithm of the sum over the other
// classes, p_k is the logistic function of z_k - c_k, and the derivative of the
// loss in z_k, p_k less 1 for the class of the label, is that of the logistic loss there. So each row
// learns as one-vs-all does, invariant steps included, from its score less c_k.

// softmax turns scores into probabilities.
func softmax(z []float64) {
	top, sum := slices.Max(z), 0.0
	for k := range z {
		z[k] = portable.Exp(max(-maxMargin, z[k]-top))
		sum += z[k]
	}
	for k := range z {
		z[k] /= sum
	}
}

// others sets out to the logarithm of the sum of exp(z) over all rows but each.
// exps is scratch.
func others(z, out, exps []float64) {
	const least = 1e-300 // keeps the logarithm finite when one class outweighs all others
	top, before, after := slices.Max(z), 0.0, 0.0
	for k := range z {
		exps[k] = portable.Exp(max(-maxMargin, z[k]-top))
		out[k] = before
		before += exps[k]
	}
	for k := len(z) - 1; k >= 0; k-- {
		out[k] = top + portable.Log(max(least, out[k]+after))
		after += exps[k]
	}
}

// contrast takes the scores of all rows for the gathered event, and what they
// are compared with: 0 for one-vs-all.
func (m *Model) contrast(h float64) {
	if !m.p.softmax() {
		return
	}
	for k := range m.class.rows {
		m.row = m.class.rows[k]
		m.class.z[k], _ = m.dot(h)
		m.turn(1)
	}
	m.turn(-len(m.class.rows))
	others(m.class.z, m.class.offset, m.class.probs)
}

// dotRow is dot for row k, which must be in place, less its offset.
func (m *Model) dotRow(k int, h float64) (z, norm2 float64) {
	z, norm2 = m.dot(h)
	if c := m.class.offset[k]; c != 0 {
		z -= c
		for i := range m.scores {
			m.scores[i] -= c
		}
	}
	return z, norm2
}
