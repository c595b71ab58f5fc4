package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// exp3 turns the importance-weighted rewards of K arms into probabilities (Auer,
// Cesa-Bianchi, Freund and Schapire 2002, The Nonstochastic Multiarmed Bandit
// Problem, https://doi.org/10.1137/S0097539701398375, section 3): weights exp(gamma/K w), mixed
// with the uniform distribution.
func exp3(w []float64, gamma float64) {
	softmax(w, gamma/float64(len(w)))
	mixUniform(w, gamma)
}

// ixRates returns the learning rate and the implicit exploration of Exp3-IX in
// round t of K arms: eta = sqrt(ln K / (K t)), gamma = eta/2 (Neu 2015, Explore
// no more, https://arxiv.org/abs/1506.03271).
func ixRates(arms int, t uint64) (eta, gamma float64) {
	k := float64(arms)
	eta = math.Sqrt(portable.Log(k) / float64(k*float64(t)))
	return eta, eta / 2
}
