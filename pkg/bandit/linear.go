package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// linear is the state of policy linucb.
type linear struct {
	cfg       *Config
	hashes    []uint64 // of the arms' names
	intercept int      // 1 when feature 0 is the intercept, else 0
	scaler    *scale.Scaler
	index     index // features after the intercept
	arms      []ridge
	events    uint64  // events learned
	sparse    float64 // largest magnitude of a sparse feature learned

	// The event at hand.
	x         []float64 // context; cap is cfg.MaxFeatures
	maxSparse float64   // largest magnitude among its sparse features
	v         []float64 // scratch of the same size
	next      ridge     // the chosen arm after the event
}

func newLinear(c *Config) *linear {
	s := &linear{
		cfg: c, hashes: armHashes(c.Arms), arms: make([]ridge, len(c.Arms)),
		scaler: scale.New(scale.Options{Standardize: c.standardize(), Clip: c.Clip, Extreme: c.Extreme}),
		x:      make([]float64, 0, c.MaxFeatures), v: make([]float64, c.MaxFeatures),
	}
	if c.Intercept {
		s.intercept = 1
	}
	s.index = newIndex(c.MaxFeatures - s.intercept)
	return s
}

func (s *linear) reward(r float64) *event.Rejection {
	if math.Abs(r) <= scale.Largest {
		return nil
	}
	return &event.Rejection{Reason: event.RewardInvalid, Detail: fmt.Sprintf("reward %v: must be finite, with a magnitude up to %v", r, float64(scale.Largest))}
}

func (s *linear) predict(e *event.Event) (expected, norm float64, rej *event.Rejection) {
	if rej := s.gather(e, false); rej != nil {
		return 0, 0, rej
	}
	return s.arms[e.Arm].dot(s.x), s.norm(), nil
}

func (s *linear) learn(e *event.Event, step *event.Step) *event.Rejection {
	known := len(s.index.hashes)
	rej := s.gather(e, true)
	if rej == nil {
		rej = s.update(e, step)
	}
	if rej != nil {
		s.index.truncate(known)
	}
	return rej
}

// update learns the gathered event.
func (s *linear) update(e *event.Event, step *event.Step) *event.Rejection {
	arm := &s.arms[e.Arm]
	evaluate(step, arm.dot(s.x), s.norm(), e.Label)
	if rej := unstable(step); rej != nil {
		return rej
	}
	s.next.copyFrom(arm)
	s.next.learn(s.x, e.Label, e.Weight, s.cfg.Lambda, s.v[:len(s.x)])
	if !s.next.valid() {
		return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("reward %v with weight %v and a context of norm %v would make a parameter non-finite or larger than %v", e.Label, e.Weight, s.norm(), float64(maxWeight))}
	}
	step.UpdateNorm = distance(s.next.theta, arm.theta)
	*arm, s.next = s.next, *arm
	s.scaler.Commit()
	s.sparse = max(s.sparse, s.maxSparse)
	s.events++
	return nil
}

// distance returns the Euclidean distance of two vectors, b padded with zeros.
func distance(a, b []float64) float64 {
	d := 0.0
	for i, v := range a {
		if i < len(b) {
			v -= b[i]
		}
		d += float64(v * v)
	}
	return math.Sqrt(d)
}

// gather fills s.x from the event and screens its values. When learning it
// numbers new features, otherwise it leaves them out: no arm has a weight for them.
func (s *linear) gather(e *event.Event, learning bool) *event.Rejection {
	seasoned := scale.Seasoned(s.events)
	staged, rej := s.scaler.Stage(e.X.Dense, e.Weight, learning, seasoned)
	if rej != nil {
		return rej
	}
	s.clear()
	for i := range staged {
		if !s.put(e.X.Dense[i].Hash, staged[i].X, learning) {
			return s.full()
		}
	}
	limit := float64(scale.Largest)
	if seasoned {
		limit = scale.Limit(s.cfg.Extreme, s.sparse)
	}
	s.maxSparse = 0
	for i := range e.X.Sparse {
		f := &e.X.Sparse[i]
		magnitude := math.Abs(f.Value)
		if !(magnitude <= limit) {
			return scale.Refuse(f, limit)
		}
		s.maxSparse = max(s.maxSparse, magnitude)
		if !s.put(f.Hash, f.Value, learning) {
			return s.full()
		}
	}
	return nil
}

// clear makes s.x the context without any feature.
func (s *linear) clear() {
	s.x = s.x[:s.intercept+len(s.index.hashes)]
	clear(s.x)
	if s.intercept == 1 {
		s.x[0] = 1
	}
}

// put adds a feature to s.x; false means that there is no room for it.
func (s *linear) put(hash uint64, value float64, learning bool) bool {
	i := s.index.lookup(hash)
	if i < 0 {
		if !learning {
			return true
		}
		if i = s.index.add(hash); i < 0 {
			return false
		}
		s.x = append(s.x, 0)
	}
	s.x[s.intercept+i] += value
	return true
}

func (s *linear) full() *event.Rejection {
	return &event.Rejection{Reason: event.TooManyFeatures, Detail: fmt.Sprintf("more than %d distinct features; raise learner.bandit.max_features (to at most %d), or include fewer fields", s.cfg.MaxFeatures, maxFeatures)}
}

func (s *linear) norm() float64 { return distance(s.x, nil) }

// context fills x, which has room for every feature, with the context of an
// event that is only scored, and returns it with the squared norm of the
// features that nobody has learned. It changes nothing in s.
func (s *linear) context(e *event.Event, x []float64) (known []float64, unknown float64) {
	x = x[:s.intercept+len(s.index.hashes)]
	clear(x)
	if s.intercept == 1 {
		x[0] = 1
	}
	put := func(hash uint64, v float64) {
		if i := s.index.lookup(hash); i >= 0 {
			x[s.intercept+i] += v
		} else {
			unknown += float64(v * v)
		}
	}
	for _, f := range e.X.Dense {
		put(f.Hash, s.scaler.Value(f))
	}
	for _, f := range e.X.Sparse {
		put(f.Hash, f.Value)
	}
	return x, unknown
}

// bounds appends the upper confidence bound of every arm to dst:
// x'theta + alpha sqrt(x'A^-1 x).
func (s *linear) bounds(e *event.Event, dst []float64) []float64 {
	var memory, scratch [maxFeatures]float64
	x, unknown := s.context(e, memory[:])
	for i := range s.arms {
		m := &s.arms[i]
		v := scratch[:copy(scratch[:], x)]
		variance := m.variance(v, s.cfg.Lambda) + unknown/s.cfg.Lambda
		dst = append(dst, m.dot(x)+float64(s.cfg.Alpha*math.Sqrt(variance)))
	}
	return dst
}

// distribution gives all to the arm with the highest bound; arms that tie share.
func (s *linear) distribution(e *event.Event, dst []float64) []float64 {
	start := len(dst)
	dst = s.bounds(e, dst)
	p := dst[start:]
	best, ties := math.Inf(-1), 0.0
	for _, u := range p {
		switch {
		case u > best:
			best, ties = u, 1
		case u == best:
			ties++
		}
	}
	for i, u := range p {
		p[i] = 0
		if u == best {
			p[i] = 1 / ties
		}
	}
	return dst
}

func (s *linear) read(e *event.Event, r *event.Reading) {
	m, arm := &s.arms[e.Arm], s.hashes[e.Arm]
	z := 0.0
	weigh := func(i int, hash uint64, x float64) {
		if i < len(m.theta) {
			z += float64(m.theta[i] * x)
		}
		addSketch(r, armFeature(arm, hash), x)
	}
	r.J, r.X = append(r.J[:0], 0), append(r.X[:0], 1)
	if s.intercept == 1 {
		weigh(0, 0, 1)
	}
	for _, f := range e.X.Dense {
		i := s.index.lookup(f.Hash)
		if i < 0 {
			continue
		}
		x := s.scaler.Value(f)
		if j := 1 + s.scaler.Lookup(f.Hash); 0 < j && j < pooled {
			r.J, r.X = append(r.J, uint16(j)), append(r.X, x)
		}
		weigh(s.intercept+i, f.Hash, x)
	}
	for _, f := range e.X.Sparse {
		if i := s.index.lookup(f.Hash); i >= 0 {
			weigh(s.intercept+i, f.Hash, f.Value)
		}
	}
	evaluateReading(r, z, e.Label)
}

// append writes the events learned, the largest sparse magnitude, the numeric
// fields (scale.Scaler.Append), the hashes of the features, and every arm.
func (s *linear) append(b []byte) []byte {
	b = wire.AppendUvarint(b, s.events)
	b = wire.AppendFloat64(b, s.sparse)
	b = s.scaler.Append(b)
	b = wire.AppendUvarint(b, uint64(len(s.index.hashes)))
	for _, h := range s.index.hashes {
		b = wire.AppendUint64(b, h)
	}
	for i := range s.arms {
		b = s.arms[i].append(b)
	}
	return b
}

func (s *linear) decode(r *wire.Reader) {
	s.events, s.sparse = r.Uvarint(), r.Finite()
	if r.Err() == nil && (s.sparse < 0 || s.sparse > scale.Largest) {
		r.Fail("largest magnitude %v of the sparse features", s.sparse)
	}
	s.scaler = scale.Read(r, scale.Options{Standardize: s.cfg.standardize(), Clip: s.cfg.Clip, Extreme: s.cfg.Extreme})
	for want := range r.Count(8) {
		if h := r.Uint64(); s.index.add(h) != want {
			r.Fail("feature %016x is there twice, or beyond %d features", h, s.cfg.MaxFeatures)
			return
		}
	}
	for i := range s.arms {
		s.arms[i] = readRidge(r, s.intercept+len(s.index.hashes))
	}
}
