package ope

import "github.com/streamlearner/streamlearner/internal/portable"

// Bets that the mean of values in [0, 1] is above some m: for a stake lambda in (0, 1), the sum S of the values less m, and
// the sum V of the squared errors of predicting each value from those before it,
//
//	exp(lambda S - psi(lambda) V),  psi(lambda) = -log(1 - lambda) - lambda
//
// is a test supermartingale as long as the mean is at most m, whatever the values are (Fan, Grama and Liu 2015,
// https://arxiv.org/abs/1311.6273; Howard et al. 2021, https://arxiv.org/abs/1810.08240, empirical Bernstein). So is the mean
// over several stakes. The less values spread the sooner a small difference is proven, down to some log(1/alpha) / difference
// values. A sum over stakes has the same bits on every processor, so that it may decide what becomes of an arm; the integral of
// ConfidenceSequence has not.

// bet is a stake with psi of it.
type bet struct{ stake, psi float64 }

// bets suit some ten to some hundred million values.
var bets = [...]bet{
	{0.9, 1.402585092994046},
	{0.5, 0.1931471805599453},
	{0.25, 0.03768207245178093},
	{0.125, 0.008531392624522623},
	{0.0625, 0.002038521137571172},
	{0.03125, 0.0004986983145803012},
	{0.015625, 0.0001233569681391687},
	{0.0078125, 3.067746102589287e-05},
	{0.00390625, 7.649321136329092e-06},
	{0.001953125, 1.909835803350558e-06},
	{0.0009765625, 4.77147826612786e-07},
	{0.00048828125, 1.19248108874465e-07},
	{0.000244140625, 2.980717391445670e-08},
}

// logBets is the log of the mean of all bets, and its derivative by s.
func logBets(s, v float64) (log, slope float64) {
	var logs [len(bets)]float64
	most := 0.0
	for i, b := range bets {
		logs[i] = float64(b.stake*s) - float64(b.psi*v)
		if i == 0 || logs[i] > most {
			most = logs[i]
		}
	}
	sum := 0.0
	for i, b := range bets {
		w := portable.Exp(logs[i] - most)
		sum += w
		slope += float64(w * b.stake)
	}
	return most + portable.Log(sum/float64(len(bets))), slope / sum
}

// betsAt is the evidence of bets against a mean x of the base, and the bound of it of the arm.
func betsAt(arm, base Total, b Bound, x float64) float64 {
	up, _ := logBets(arm.Sum-float64(arm.N*b.at(x)), arm.Squares)
	down, _ := logBets(float64(base.N*x)-base.Sum, base.Squares)
	return up + down
}

// leastBets is the evidence of bets at the pair of means that fits best: it is convex in the mean of the base.
func leastBets(arm, base Total, b Bound) float64 {
	lo, hi := max(0, float64(-b.Shift/b.Scale)), 1.0
	for range 50 {
		x := float64((lo + hi) / 2)
		_, up := logBets(arm.Sum-float64(arm.N*b.at(x)), arm.Squares)
		_, down := logBets(float64(base.N*x)-base.Sum, base.Squares)
		if float64(base.N*down) < float64(float64(arm.N*b.Scale)*up) {
			lo = x
		} else {
			hi = x
		}
	}
	return betsAt(arm, base, b, float64((lo+hi)/2))
}
