package bandit

// order is the number of nodes of the quadrature rule.
const order = 16

// rule is the Gauss-Legendre rule of 16 nodes on [-1, 1]: exact for
// polynomials up to degree 31.
type rule struct {
	node, weight [order]float64
	// upTo[i][m] is the weight of node m in the integral from -1 to node i of
	// the polynomial of degree 15 through the values at the nodes.
	upTo [order][order]float64
}

// newRule computes upTo from the Legendre polynomials P_k:
//
//	upTo[i][m] = weight_m/2 sum_k (2k+1) P_k(x_m) int_{-1}^{x_i} P_k,
//	int_{-1}^x P_k = (P_{k+1}(x) - P_{k-1}(x)) / (2k+1), and x+1 for k = 0.
//
// Nodes and weights: Abramowitz and Stegun, table 25.4.
func newRule() *rule {
	half := [order / 2][2]float64{
		{0.9894009349916499, 0.0271524594117541}, {0.9445750230732326, 0.0622535239386479},
		{0.8656312023878318, 0.0951585116824928}, {0.7554044083550030, 0.1246289712555339},
		{0.6178762444026438, 0.1495959888165767}, {0.4580167776572274, 0.1691565193950025},
		{0.2816035507792589, 0.1826034150449236}, {0.0950125098376374, 0.1894506104550685},
	}
	r := new(rule)
	for i, h := range half {
		r.node[i], r.weight[i] = -h[0], h[1]
		r.node[order-1-i], r.weight[order-1-i] = h[0], h[1]
	}
	var p [order][order + 1]float64 // p[i][k] = P_k(node i)
	for i, x := range r.node {
		p[i][0], p[i][1] = 1, x
		for k := 1; k < order; k++ {
			a, b := float64(2*k+1), float64(k)
			p[i][k+1] = (float64(float64(a*x)*p[i][k]) - float64(b*p[i][k-1])) / float64(k+1)
		}
	}
	for i, x := range r.node {
		for m := range r.node {
			s := x + 1
			for k := 1; k < order; k++ {
				s += float64(p[m][k] * (p[i][k+1] - p[i][k-1]))
			}
			r.upTo[i][m] = float64(r.weight[m] / 2 * s)
		}
	}
	return r
}

// integral returns the integral over the interval of a function with values f at the nodes.
func (r *rule) integral(f *[order]float64) float64 {
	s := 0.0
	for m, w := range r.weight {
		s += float64(w * f[m])
	}
	return s
}

// integralTo returns the integral from the left end to node i.
func (r *rule) integralTo(i int, f *[order]float64) float64 {
	s := 0.0
	for m, w := range r.upTo[i] {
		s += float64(w * f[m])
	}
	return s
}
