package bandit

import (
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// thompson gives every eligible arm the probability that its margin, drawn from the posterior
// N(theta, spread^2 A^-1), is the highest (Agrawal and Goyal 2013, https://arxiv.org/abs/1209.3352):
// the share of the draws of this decision that it wins, or the exact integral.
func (s *linear) thompson(e *event.Event, eligible []bool, p []float64) {
	seed := s.key.seed(e.ID)
	if s.cfg.Features != Disjoint {
		s.correlated(e, eligible, seed, p)
		return
	}
	var memory, deviations [maxArms]float64
	z, sd := memory[:len(p)], deviations[:len(p)]
	s.margins(e, eligible, 0, z, sd)
	for a := range sd {
		sd[a] *= s.cfg.Spread
	}
	if s.cfg.Draws == 0 {
		q := integrateNormals(s.rule, compress(z, eligible), compress(sd, eligible), p[:0])
		expand(p, len(q), eligible)
		return
	}
	drawBest(seed, z, sd, eligible, s.cfg.Draws, p)
}

// drawBest sets p to the share of draws that each eligible arm wins, when arm a is
// drawn from the normal distribution with mean z[a] and deviation sd[a]. An arm that no draw can
// reach, since draws end at 6.4 deviations, is passed over.
func drawBest(seed uint64, z, sd []float64, eligible []bool, draws int, p []float64) {
	var best [maxDraws]float64
	var winner [maxDraws]uint16
	reach := math.Inf(-1)
	for a := range z {
		if isEligible(eligible, a) {
			reach = max(reach, z[a]-float64(farthest*sd[a]))
		}
	}
	for m := range draws {
		best[m] = math.Inf(-1)
	}
	for a := range z {
		if !isEligible(eligible, a) || z[a]+float64(farthest*sd[a]) < reach {
			continue
		}
		st := stream(seed, a)
		for m := 0; m < draws; m += 2 {
			u, v := normals(st, m/2)
			if d := z[a] + float64(sd[a]*u); d > best[m] {
				best[m], winner[m] = d, uint16(a)
			}
			if d := z[a] + float64(sd[a]*v); m+1 < draws && d > best[m+1] {
				best[m+1], winner[m+1] = d, uint16(a)
			}
		}
	}
	tally(winner[:draws], p)
}

// tally sets p to the shares of the winners.
func tally(winner []uint16, p []float64) {
	clear(p)
	for _, a := range winner {
		p[a]++
	}
	for a := range p {
		p[a] /= float64(len(winner))
	}
}

// correlated is thompson when all arms share one regression: margins are drawn together, by a
// Cholesky factor of their covariances. It takes memory from the heap.
func (s *linear) correlated(e *event.Event, eligible []bool, seed uint64, p []float64) {
	k := len(p)
	z, own := make([]float64, k), make([]float64, k)
	white := make([][]float64, k) // of each arm a vector whose inner products are the covariances
	context := s.features.scored(e, nil)
	var pairs []pair
	for a := range k {
		if !isEligible(eligible, a) {
			continue
		}
		var unknown float64
		pairs, unknown, _ = s.features.place(context, e, a, false, pairs[:0])
		x := make([]float64, s.features.len())
		scatter(x, pairs)
		if s.full != nil {
			z[a] = s.expected(0, x, pairs)
			s.full[0].whiten(x, s.cfg.Lambda)
		} else {
			z[a] = s.expected(0, x, pairs)
			for i := range x {
				x[i] /= math.Sqrt(s.diagonal[0].precision(int32(i), 1, s.cfg.Lambda))
			}
		}
		white[a], own[a] = x, unknown/s.cfg.Lambda
	}
	c := covariance(white, own)
	best, winner := make([]float64, s.cfg.Draws), make([]uint16, s.cfg.Draws)
	draws := make([]float64, k*s.cfg.Draws) // standard normals of each arm
	for a := range k {
		if white[a] == nil {
			continue
		}
		mine, st := draws[a*s.cfg.Draws:][:s.cfg.Draws], stream(seed, a)
		for m := 0; m < len(mine); m += 2 {
			u, v := normals(st, m/2)
			mine[m] = u
			if m+1 < len(mine) {
				mine[m+1] = v
			}
		}
	}
	for m := range best {
		best[m] = math.Inf(-1)
		for a := range k {
			if white[a] == nil {
				continue
			}
			d := 0.0
			for b := range a + 1 {
				d += float64(c[a][b] * draws[b*s.cfg.Draws+m])
			}
			if d = z[a] + float64(s.cfg.Spread*d); d > best[m] {
				best[m], winner[m] = d, uint16(a)
			}
		}
	}
	tally(winner, p)
}

// covariance returns the Cholesky factor of the matrix of inner products of the vectors, with own
// added to its diagonal. Directions without variance get a zero column; so do nil vectors.
func covariance(white [][]float64, own []float64) [][]float64 {
	l := make([][]float64, len(white))
	for i, x := range white {
		l[i] = make([]float64, i+1)
		if x == nil {
			continue
		}
		for j, y := range white[:i+1] {
			if y == nil {
				continue
			}
			v := dot(x, y)
			if i == j {
				v += own[i]
			}
			for k := range j {
				v -= float64(l[i][k] * l[j][k])
			}
			switch {
			case i == j:
				l[i][j] = math.Sqrt(max(v, 0))
			case l[j][j] > 0:
				l[i][j] = v / l[j][j]
			}
		}
	}
	return l
}
