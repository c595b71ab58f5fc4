package sgd

import "math"

// The confidence of scw is eta = 0.9: phi is the 0.9 quantile of the normal
// distribution, psi = 1 + phi^2/2, zeta = 1 + phi^2.
const (
	scwPhi  = 1.2815515655446004
	scwPhi2 = scwPhi * scwPhi
	scwPsi  = 1 + scwPhi2/2
	scwZeta = 1 + scwPhi2
)

// scw is SCW-I, soft confidence-weighted learning with diagonal covariance
// (Wang, Zhao, Hoi 2012, https://arxiv.org/abs/1206.4612), for labels of two classes. With v
// the variance of the margin m = s z, and C the rate times the weight of the event:
//
//	alpha = min(C, max(0, (-m psi + sqrt(m^2 phi^4/4 + v phi^2 zeta)) / (v zeta)))
//	u = (-alpha v phi + sqrt(alpha^2 v^2 phi^2 + 4v))^2 / 4
//	beta = alpha phi / (sqrt(u) + v alpha phi), w += alpha s S x, S -= beta (S x)^2
func (m *Model) scw(u *update) tally {
	v := m.spread()
	s := 2*u.y - 1
	margin := float64(s * u.z)
	if !(v > tinyValue) || margin >= scwPhi*math.Sqrt(v) {
		return tally{sums: v}
	}
	half := float64(margin * scwPhi2 / 2)
	root := math.Sqrt(float64(half*half) + float64(v*(scwPhi2*scwZeta)))
	alpha := max(0, (root-float64(margin*scwPsi))/float64(v*scwZeta))
	alpha = min(alpha, float64(m.p.rate*u.h))
	av := float64(float64(alpha*v) * scwPhi)
	ru := float64((math.Sqrt(float64(av*av)+float64(4*v)) - av) / 2) // sqrt(u)
	beta := float64(alpha*scwPhi) / (ru + av)
	return m.confide(float64(s*alpha), beta)
}
