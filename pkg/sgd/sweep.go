package sgd

import "math/bits"

// SweepNorm adds up the squares of some of the weights, in units of the margin
// as UpdateNorm has them: of those from position at on, until about budget words
// and weights were looked at. It returns where to go on, 0 after the last one, and begins anew where a position is no more. The
// sums of one round, taken while the model learns, are the squared norm of all weights.
func (m *Model) SweepNorm(at uint64, budget int) (sum float64, next uint64) {
	sd := m.p.frame(&m.labels).SD
	add := func(j int) {
		for k := range m.p.rowCount() {
			if w := m.seen(j<<m.shift, k, 0); w != 0 {
				sum += float64(w * w)
				budget--
			}
		}
	}
	if m.exact != nil {
		next = m.sweepExact(at, &budget, add)
		return float64(float64(sum*sd) * sd), next
	}
	n := uint64(len(m.changed))
	for ; at < n && budget > 0; at++ {
		budget--
		for word := m.before.words[at] | m.changed[at]; word != 0; word &= word - 1 {
			add(int(at)<<6 + bits.TrailingZeros64(word))
		}
	}
	return float64(float64(sum*sd) * sd), wrap(at, n)
}

// sweepExact is SweepNorm without hashing: a position is the hash of a feature,
// whose number is another one after a restore.
func (m *Model) sweepExact(at uint64, budget *int, add func(j int)) (next uint64) {
	set := &m.before
	j := set.ring[0].next
	if at != 0 {
		number := m.exact.number(at)
		if !set.has(number) {
			return 0 // it has expired
		}
		j = number + 1
	}
	for ; j != 0; j = set.ring[j].next {
		if *budget <= 0 {
			return m.exact.hashes[j-1]
		}
		*budget--
		add(int(j - 1))
	}
	return 0
}

// wrap begins a new round at the end, and where there is no such position.
func wrap(at, n uint64) uint64 {
	if at >= n {
		return 0
	}
	return at
}
