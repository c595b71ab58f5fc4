package bandit

import "github.com/streamlearner/streamlearner/internal/wire"

// sums are those of a ridge regression: sum h x x', the lower triangle by rows, and
// b = sum h r x. Sums of two streams add up to those of both, in whatever order.
type sums struct{ a, b []float64 }

func triangle(n int) int { return n * (n + 1) / 2 }

func (s *sums) grow(n int) {
	for len(s.a) < triangle(n) {
		s.a = append(s.a, 0)
	}
	for len(s.b) < n {
		s.b = append(s.b, 0)
	}
}

func (s *sums) clear() {
	clear(s.a)
	clear(s.b)
}

func (s *sums) scale(by float64) {
	for i := range s.a {
		s.a[i] *= by
	}
	for i := range s.b {
		s.b[i] *= by
	}
}

// add adds t. Position i of t is position to[i] of s, or i where to is nil.
func (s *sums) add(t *sums, to []int) {
	if to == nil {
		s.grow(len(t.b))
		for i, v := range t.a {
			s.a[i] += v
		}
		for i, v := range t.b {
			s.b[i] += v
		}
		return
	}
	for i, v := range t.b {
		s.grow(to[i] + 1)
		s.b[to[i]] += v
		for j := range i + 1 {
			r, k := max(to[i], to[j]), min(to[i], to[j])
			s.grow(r + 1)
			s.a[triangle(r)+k] += t.a[triangle(i)+j]
		}
	}
}

// learn adds an event.
func (s *sums) learn(x []float64, r, h float64) {
	s.grow(len(x))
	for i, v := range x {
		hv := float64(h * v)
		s.b[i] += float64(hv * r)
		row := s.a[triangle(i):][:i+1]
		for j, w := range x[:len(row)] {
			row[j] += float64(hv * w)
		}
	}
}

// append writes the number of features and the sums.
func (s *sums) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(s.b)))
	for _, v := range s.a {
		b = wire.AppendFloat64(b, v)
	}
	for _, v := range s.b {
		b = wire.AppendFloat64(b, v)
	}
	return b
}

func (s *sums) decode(r *wire.Reader, limit int) {
	n := r.Uvarint()
	if r.Err() == nil && (n > uint64(limit) || r.Len() < 8*(triangle(int(n))+int(n))) {
		r.Fail("sums over %d features of %d, %d bytes left", n, limit, r.Len())
	}
	if r.Err() != nil {
		return
	}
	s.grow(int(n))
	for i := range s.a {
		s.a[i] = r.Finite()
	}
	for i := range s.b {
		s.b[i] = r.Finite()
	}
}

// expand adds the sums of f to s: A = L D L' less lambda I, b = L D z.
func (f *ldl) expand(s *sums, lambda float64) {
	s.grow(f.n)
	at := 0
	for k, d := range f.d {
		column := f.l[at : at+f.n-1-k]
		at += len(column)
		s.a[triangle(k)+k] += d - lambda
		dz := float64(d * f.z[k])
		s.b[k] += dz
		for i, l := range column {
			row := k + 1 + i
			s.b[row] += float64(l * dz)
			dl := float64(d * l)
			to := s.a[triangle(row)+k:][:i+2]
			to[0] += dl
			for j, m := range column[:i+1] {
				to[j+1] += float64(dl * m)
			}
		}
	}
}

// factorise makes f the regression of the sums s and reports whether its matrix is positive definite.
func (f *ldl) factorise(s *sums, lambda float64) bool {
	n := len(s.b)
	f.resize(n)
	at := func(i, j int) int { return j*(n-1) - j*(j-1)/2 + i - j - 1 } // element i, j of l
	for j := range n {
		d, z := s.a[triangle(j)+j]+lambda, s.b[j]
		for k := range j {
			ld := float64(f.l[at(j, k)] * f.d[k])
			d -= float64(ld * f.l[at(j, k)])
			z -= float64(ld * f.z[k])
		}
		if !(d > 0) {
			return false
		}
		f.d[j], f.z[j] = d, z/d
		for i := j + 1; i < n; i++ {
			f.l[at(i, j)] = s.a[triangle(i)+j]
		}
		column := f.l[at(j+1, j):][:n-1-j]
		for k := range j {
			ld := float64(f.l[at(j, k)] * f.d[k])
			for i, l := range f.l[at(j+1, k):][:len(column)] {
				column[i] -= float64(ld * l)
			}
		}
		for i := range column {
			column[i] /= d
		}
	}
	f.solve()
	return f.valid()
}
