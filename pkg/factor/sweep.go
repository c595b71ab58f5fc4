package factor

// SweepNorm adds up the squares of all parameters, in units of the margin as
// UpdateNorm has them. It takes them in ascending order of their rows, which does
// not depend on when they were made, and so cannot stop on the way: next is always 0.
func (m *Model) SweepNorm(uint64, int) (sum float64, next uint64) {
	sum = float64(m.live.intercept[0] * m.live.intercept[0])
	for _, t := range []struct {
		table *table
		n     int
	}{{&m.live.linear, 1}, {&m.live.factors, m.p.k}} {
		for _, i := range t.table.ascending() {
			for _, v := range t.table.row(int(i))[:t.n] {
				sum += float64(v * v)
			}
		}
	}
	sd := m.p.frame(&m.labels).SD
	return float64(float64(sum*sd) * sd), 0
}
