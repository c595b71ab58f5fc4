package bandit

// How the policies take an arm in: they extend their statistics by those of an arm that has
// learned nothing, and seed them. A seeded arm counts the events of the arms like it by/len(like) each, so that its mean
// is their mean and its uncertainty that of few events. What is no sum over events (weights
// of a softmax, the margins of exp3) becomes the mean of theirs, so that the arm is as likely as they are.

func (s *counts) table() *arms { return s.arms }

func (s *counts) extend(t *arms) {
	s.sums = append(s.sums, make([]armSums, t.len()-len(s.sums))...)
	for k := range s.blocks {
		s.blocks[k] = append(s.blocks[k], make([]armSums, t.len()-len(s.blocks[k]))...)
	}
}

func (s *counts) seed(arm int, like []int, by float64) {
	s.sums[arm] = s.mix(s.sums, like, by)
	for _, k := range s.blocks {
		k[arm] = s.mix(k, like, by)
	}
}

func (s *counts) mix(from []armSums, like []int, by float64) (out armSums) {
	each := 1 / float64(len(like))
	for _, i := range like {
		a := from[i]
		w := float64(each * a.w)
		a.scale(float64(by * each))
		if s.cfg.Policy != Ladder {
			a.w = w
		}
		out.add(&a)
	}
	return out
}

func (s *counts) forget(arm int) {
	s.sums[arm] = armSums{}
	for _, k := range s.blocks {
		k[arm] = armSums{}
	}
}

func (s *gradient) table() *arms { return s.arms }

func (s *gradient) extend(t *arms) {
	s.theta = append(s.theta, make([][]float64, t.len()-len(s.theta))...)
	s.pi = make([]float64, t.len())
}

func (s *gradient) seed(arm int, like []int, _ float64) {
	s.theta[arm] = meanOf(s.theta, like)
}

func (s *gradient) forget(arm int) { s.theta[arm] = nil }

// meanOf returns the mean of some vectors, which count as padded with zeros.
func meanOf(from [][]float64, of []int) []float64 {
	var out []float64
	each := 1 / float64(len(of))
	for _, i := range of {
		for j, v := range from[i] {
			if j == len(out) {
				out = append(out, 0)
			}
			out[j] += float64(each * v)
		}
	}
	return out
}

func (s *linear) table() *arms { return s.arms }

func (s *linear) extend(t *arms) {
	if s.slots == 1 {
		return
	}
	s.full = widen(s.full, s.slots, t.len())
	s.blocks = widen(s.blocks, s.slots, t.len())
	s.diagonal = widen(s.diagonal, s.slots, t.len())
	s.slots = t.len()
}

// widen makes rows of width from, one after the other, rows of width to.
func widen[T any](rows []T, from, to int) []T {
	if rows == nil {
		return nil
	}
	out := make([]T, len(rows)/from*to)
	for i := range len(rows) / from {
		copy(out[i*to:], rows[i*from:(i+1)*from])
	}
	return out
}

func (s *linear) seed(arm int, like []int, by float64) {
	if s.slots == 1 {
		return
	}
	each := float64(by / float64(len(like)))
	for b := range s.members() {
		at := make([]int, len(like))
		for j, i := range like {
			at[j] = s.regression(b, i)
		}
		if i := s.regression(b, arm); s.full != nil {
			s.seedFull(i, at, each)
		} else {
			s.diagonal[i] = s.seedDiagonal(at, each)
		}
	}
}

// seedFull makes regression i the sum of others, each counting by. One whose matrix is not
// positive definite by rounding stays without.
func (s *linear) seedFull(i int, like []int, by float64) {
	var all sums
	theta := make([][]float64, len(like))
	for j, from := range like {
		var one sums
		s.full[from].expand(&one, s.cfg.Lambda)
		if s.cfg.Policy == Logistic {
			clear(one.b) // it has modes, which are no solutions of sums
		}
		one.scale(by)
		all.add(&one, nil)
		theta[j] = s.full[from].theta
	}
	var f ldl
	if !f.factorise(&all, s.cfg.Lambda) {
		return
	}
	if s.cfg.Policy == Logistic {
		copy(f.theta, meanOf(theta, everyone(len(theta))))
	}
	s.full[i] = f
	if s.blocks == nil {
		return
	}
	for k := range s.blocks[i] {
		for _, from := range like {
			var one sums
			one.add(&s.blocks[from][k], nil)
			one.scale(by)
			s.blocks[i][k].add(&one, nil)
		}
	}
}

func (s *linear) seedDiagonal(like []int, by float64) (g diagonal) {
	theta := make([][]float64, len(like))
	for j, from := range like {
		other := &s.diagonal[from]
		g.grow(len(other.q), s.cfg.Lambda)
		for i, q := range other.q {
			g.q[i] += float64(by * (q - s.cfg.Lambda))
		}
		theta[j] = other.theta
	}
	copy(g.theta, meanOf(theta, everyone(len(theta))))
	return g
}

// everyone lists the first n numbers.
func everyone(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (s *linear) forget(arm int) {
	if s.slots == 1 {
		return
	}
	for b := range s.members() {
		i := s.regression(b, arm)
		if s.full == nil {
			s.diagonal[i] = diagonal{}
			continue
		}
		s.full[i] = ldl{}
		if s.blocks != nil {
			s.blocks[i] = [windowBlocks]sums{}
		}
	}
}

func (s *cover) table() *arms { return s.linear.table() }

func (s *cover) extend(t *arms) {
	k := len(s.p)
	s.linear.extend(t)
	s.theta = widen(s.theta, k, t.len())
	s.errors = make([]float64, len(s.theta))
	s.expected, s.p, s.q = make([]float64, t.len()), make([]float64, t.len()), make([]float64, t.len())
}

func (s *cover) seed(arm int, like []int, by float64) {
	s.linear.seed(arm, like, by)
	k := len(s.p)
	for i := range s.linear.cfg.Size {
		s.theta[i*k+arm] = meanOf(s.theta[i*k:][:k], like)
	}
}

func (s *cover) forget(arm int) {
	s.linear.forget(arm)
	k := len(s.p)
	for i := range s.linear.cfg.Size {
		s.theta[i*k+arm] = nil
	}
}
