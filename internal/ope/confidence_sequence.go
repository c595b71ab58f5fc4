package ope

import (
	"gonum.org/v1/gonum/mathext"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// The empirical Bernstein confidence sequence bounds the value at all times at once: the bounds may be looked at
// after every decision, and the log may be adaptive. The scaled weighted rewards X = W x (and W (1-x) for the upper
// bound) are compared with a prediction from the decisions before; a gamma mixture over betting rates of the
// resulting supermartingale gives the wealth against the hypothesis that the mean is m, and the bound is the m at
// which the wealth reaches 2/alpha.
// Waudby-Smith, Wu, Ramdas, Karampatziakis, Mineiro 2022, https://arxiv.org/abs/2210.10768; the mixture: Howard et al. 2021, https://arxiv.org/abs/1810.08240, section 3.
//
// Merged evaluations stay valid: each decision was predicted from earlier decisions only, those of its partition.

// addConfidence adds the squared errors of the predictions. A decision with g > 1 stands for g-1 dropped ones with
// X = 0 before it, whose sum over j < g-1 of (a/(b+j))^2 is a difference of trigamma functions.
func (e *Evaluation) addConfidence(g, w, x float64) {
	s := &e.sums
	low, high := s[sumWX]+0.5, s[sumW]-s[sumWX]+0.5
	b := s[events] + 1
	if g > 1 {
		dropped := trigamma(b) - trigamma(b+(g-1))
		s[variLow] += float64(low * low * dropped)
		s[variHigh] += float64(high * high * dropped)
		b += g - 1
	}
	errLow, errHigh := float64(w*x)-low/b, float64(w*(1-x))-high/b
	s[variLow] += float64(errLow * errLow)
	s[variHigh] += float64(errHigh * errHigh)
}

// ConfidenceSequence returns bounds of the value that hold at all times with probability 1-alpha.
func (e *Evaluation) ConfidenceSequence(alpha float64) (lo, hi float64, ok bool) {
	s := &e.sums
	if !(alpha > 0 && alpha < 1) || s[events] == 0 {
		return 0, 0, false
	}
	lo = lowestMean(s[events], s[sumWX], s[variLow], alpha/2)
	hi = 1 - lowestMean(s[events], max(0, s[sumW]-s[sumWX]), s[variHigh], alpha/2)
	return e.unscale(lo), e.unscale(hi), true
}

// lowestMean returns the mean of t values of sum x and sum of squared errors v at which the wealth against it is
// 1/alpha.
func lowestMean(t, x, v, alpha float64) float64 {
	threshold := -portable.Log(alpha)
	lo, hi := 0.0, min(1, x/t)
	if logWealth(x, v) <= threshold {
		return lo
	}
	if logWealth(x-float64(t*hi), v) >= threshold {
		return hi
	}
	for range 60 {
		m := (lo + hi) / 2
		if logWealth(x-float64(t*m), v) > threshold {
			lo = m
		} else {
			hi = m
		}
	}
	return lo
}

// logWealth is the log of the mixture with rho = 1, for the sum of deviations s and the squared errors v.
func logWealth(s, v float64) float64 {
	const logLowerAtOne = -0.45867514538708193 // log of the lower incomplete gamma function at (1, 1): log(1 - 1/e)
	s = max(s, 0)
	a, x := v+1, s+v+1
	return s + v - float64(a*portable.Log(x)) + portable.Log(mathext.GammaIncReg(a, x)) + logGamma(a) - logLowerAtOne
}
