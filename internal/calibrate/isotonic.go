package calibrate

import (
	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// Margins fall into Bins bins of equal width in z/(|z|+2): narrow around 0, where
// most of them are, and wide far from it.
const (
	Bins    = 256
	squash  = 2
	refit   = 128                // events between two fits
	prior   = 0.25               // weight of the logistic function in each bin
	retains = 0.9911669586569076 // what is left of the sums between two fits, 2^(-refit/HalfLife)
)

// isotonic is isotonic regression (Zadrozny, Elkan 2002, https://doi.org/10.1145/775047.775151;
// Niculescu-Mizil, Caruana 2005, https://doi.org/10.1145/1102351.1102430) of running sums:
// every refit events the shares of positives in the bins are made
// non-decreasing by the pool-adjacent-violators algorithm (Ayer et al. 1955,
// https://doi.org/10.1214/aoms/1177728423). Between the middles of bins the
// probability is interpolated.
type isotonic struct {
	events uint64
	weight [Bins]float64
	pos    [Bins]float64
	table  [Bins]float64 // the probability in the middle of each bin, as of the last fit
}

func newIsotonic() *isotonic {
	s := &isotonic{}
	for i := range s.table {
		s.table[i] = logistic(i)
	}
	return s
}

// logistic is the logistic function in the middle of a bin.
func logistic(i int) float64 {
	u := float64((float64(i)+0.5)/(Bins/2)) - 1
	return portable.Sigmoid(limit(float64(squash*u) / (1 - max(u, -u))))
}

// place is where a margin is, in bins from the middle of the first.
func place(z float64) float64 {
	u := z / (max(z, -z) + squash)
	return float64((u+1)*(Bins/2)) - 0.5
}

func (s *isotonic) probability(z float64) float64 {
	at := place(z)
	if at != at {
		return at
	}
	i := int(max(0, min(Bins-2, at)))
	part := max(0, min(1, at-float64(i)))
	return s.table[i] + float64(part*(s.table[i+1]-s.table[i]))
}

func (s *isotonic) learn(z, y, h float64) {
	i := int(max(0, min(Bins-1, place(z)+0.5)))
	s.weight[i] += h
	s.pos[i] += float64(h * y)
	if s.events++; s.events%refit == 0 {
		s.fit()
	}
}

// fit pools adjacent violators, and discounts the sums.
func (s *isotonic) fit() {
	var blocks [Bins]struct {
		weight, pos float64
		bins        int
	}
	n := 0
	for i := range s.weight {
		b := &blocks[n]
		b.weight, b.bins = s.weight[i]+prior, 1
		b.pos = s.pos[i] + float64(prior*logistic(i))
		for n++; n > 1; n-- {
			a, b := &blocks[n-2], &blocks[n-1]
			if float64(a.pos*b.weight) < float64(b.pos*a.weight) {
				break
			}
			a.weight, a.pos, a.bins = a.weight+b.weight, a.pos+b.pos, a.bins+b.bins
		}
		s.weight[i] = float64(s.weight[i] * retains)
		s.pos[i] = float64(s.pos[i] * retains)
	}
	i, least := 0, 0.0
	for _, b := range blocks[:n] {
		least = max(least, max(certain, min(1-certain, b.pos/b.weight)))
		for range b.bins {
			s.table[i] = least
			i++
		}
	}
}

func (s *isotonic) append(b []byte) []byte {
	b = wire.AppendUvarint(b, s.events)
	for _, p := range s.table {
		b = wire.AppendFloat64(b, p)
	}
	for i := range s.weight {
		b = wire.AppendFloat64(b, s.weight[i])
		b = wire.AppendFloat64(b, s.pos[i])
	}
	return b
}

func (s *isotonic) read(r *wire.Reader) {
	s.events = r.Uvarint()
	last := certain
	for i := range s.table {
		s.table[i] = r.Finite()
		if r.Err() == nil && !within(s.table[i], last, 1-certain) {
			r.Fail("probability %v in bin %d after %v", s.table[i], i, last)
		}
		last = s.table[i]
	}
	for i := range s.weight {
		s.weight[i], s.pos[i] = r.Finite(), r.Finite()
		if r.Err() == nil && !(within(s.weight[i], 0, largest) && within(s.pos[i], 0, largest)) {
			r.Fail("weights %v and %v in bin %d", s.weight[i], s.pos[i], i)
		}
	}
}
