package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// features turns the context of an event and the features of an action into the
// vector of a regression, and numbers its coordinates by the hash of their name. It holds the
// online standardisation of the context.
type features struct {
	cfg    *Config
	arms   *arms
	scaler *scale.Scaler
	index  index
	events uint64  // events learned
	sparse float64 // largest magnitude of a sparse feature learned

	// The event at hand.
	context   []feature
	pairs     []pair
	x         []float64 // the same, dense, for full matrices
	maxSparse float64   // largest magnitude among its sparse features
}

// feature is one of the context by its hash.
type feature struct {
	hash uint64
	v    float64
}

// interceptHash names the feature that is always 1.
const interceptHash = 0

func newFeatures(c *Config, t *arms) *features {
	return &features{
		cfg: c, arms: t, index: newIndex(c.MaxFeatures),
		scaler: scale.New(scale.Options{Standardize: c.standardize(), Clip: c.Clip, Extreme: c.Extreme}),
	}
}

func (s *features) len() int { return len(s.index.hashes) }

// gather computes the vector of the event's arm into s.pairs, and s.x with a full matrix, and
// screens its values. When learning it numbers new features, otherwise it
// leaves them out: no arm has a weight for them. The owner must truncate the
// index if it then refuses the event.
func (s *features) gather(e *event.Event, learning bool) *event.Rejection {
	seasoned := scale.Seasoned(s.events)
	staged, rej := s.scaler.Stage(e.X.Dense, e.Weight, learning, seasoned)
	if rej != nil {
		return rej
	}
	s.context = s.context[:0]
	for i := range staged {
		s.context = append(s.context, feature{e.X.Dense[i].Hash, staged[i].X})
	}
	limit := float64(scale.Largest)
	if seasoned {
		limit = scale.Limit(s.cfg.Extreme, s.sparse)
	}
	s.maxSparse = 0
	if rej := s.screen(e.X.Sparse, limit); rej != nil {
		return rej
	}
	for _, f := range e.X.Sparse {
		s.context = append(s.context, feature{f.Hash, f.Value})
	}
	if z := action(e, e.Arm); z != nil {
		if rej := s.screen(z.Dense, limit); rej != nil {
			return rej
		}
		if rej := s.screen(z.Sparse, limit); rej != nil {
			return rej
		}
	}
	var ok bool
	s.pairs, _, ok = s.place(s.context, e, e.Arm, learning, s.pairs[:0])
	if !ok {
		return s.full()
	}
	if s.cfg.full() {
		s.x = sized(s.x, s.len())
		scatter(s.x, s.pairs)
	}
	return nil
}

func (s *features) screen(v []event.Feature, limit float64) *event.Rejection {
	for i := range v {
		magnitude := math.Abs(v[i].Value)
		if !(magnitude <= limit) {
			return scale.Refuse(&v[i], limit)
		}
		s.maxSparse = max(s.maxSparse, magnitude)
	}
	return nil
}

func (s *features) full() *event.Rejection {
	return &event.Rejection{Reason: event.TooManyFeatures, Detail: fmt.Sprintf("more than %d distinct features; raise learner.bandit.max_features (to at most %d, or %d with learner.bandit.matrix diagonal), or include fewer fields", s.cfg.MaxFeatures, maxFull, maxDiagonal)}
}

// commit takes over what gather found.
func (s *features) commit() {
	s.scaler.Commit()
	s.sparse = max(s.sparse, s.maxSparse)
	s.events++
}

// action returns the features of an action, nil when actions have none.
func action(e *event.Event, arm int) *event.Vector {
	if arm < len(e.Actions) {
		return &e.Actions[arm]
	}
	return nil
}

// cross names the product of two features, or the weight of a feature in an
// arm. The last steps are MurmurHash3's finaliser (Appleby): neighbouring inputs differ in all bits.
func cross(a, b uint64) uint64 {
	h := a*0x9e3779b97f4a7c15 ^ b
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// place appends the vector of an arm to dst. Features without a number are
// numbered when learning; else the sum of their squares is returned. Not ok
// means that there is no room for one.
//
//	disjoint: 1, x, z       with weights of their own for every arm
//	shared:   1, x, z, x z  with z the arm itself when actions have no features
//	hybrid:   z, x z, and 1 and x crossed with the arm (Li et al. 2010, equation 6)
func (s *features) place(context []feature, e *event.Event, arm int, learning bool, dst []pair) (x []pair, unknown float64, ok bool) {
	ok = true
	put := func(hash uint64, v float64) {
		i := s.index.lookup(hash)
		if i < 0 {
			if !learning {
				unknown += float64(v * v)
				return
			}
			if i = s.index.add(hash); i < 0 {
				ok = false
				return
			}
		}
		dst = append(dst, pair{int32(i), v})
	}
	name := uint64(0) // of the arm
	own := func(hash uint64) uint64 { return hash }
	if s.cfg.Features == Hybrid {
		name = s.arms.hashes[arm]
		own = func(hash uint64) uint64 { return cross(name, hash) }
	}
	if s.cfg.Intercept {
		put(own(interceptHash), 1)
	}
	for _, f := range context {
		put(own(f.hash), f.v)
	}
	product := func(hash uint64, v float64) {
		put(hash, v)
		if s.cfg.Features == Disjoint || !s.cfg.Interactions {
			return
		}
		for _, f := range context {
			put(cross(hash, f.hash), float64(f.v*v))
		}
	}
	switch z := action(e, arm); {
	case z != nil:
		for _, f := range z.Dense {
			product(f.Hash, f.Value)
		}
		for _, f := range z.Sparse {
			product(f.Hash, f.Value)
		}
	case s.cfg.Features == Shared:
		product(s.arms.hashes[arm], 1)
	}
	return dst, unknown, ok
}

// scored appends the context of an event that is only scored to dst. It changes nothing in s.
func (s *features) scored(e *event.Event, dst []feature) []feature {
	for _, f := range e.X.Dense {
		dst = append(dst, feature{f.Hash, s.scaler.Value(f)})
	}
	for _, f := range e.X.Sparse {
		dst = append(dst, feature{f.Hash, f.Value})
	}
	return dst
}

// disjointContext fills x with the context of an event that is only scored and
// whose actions have no features, and returns it with the squared norm of the
// features that nobody has learned. It changes nothing in s.
func (s *features) disjointContext(e *event.Event, x []float64) (known []float64, unknown float64) {
	x = x[:s.len()]
	clear(x)
	put := func(hash uint64, v float64) {
		if i := s.index.lookup(hash); i >= 0 {
			x[i] += v
		} else {
			unknown += float64(v * v)
		}
	}
	if s.cfg.Intercept {
		put(interceptHash, 1)
	}
	for _, f := range e.X.Dense {
		put(f.Hash, s.scaler.Value(f))
	}
	for _, f := range e.X.Sparse {
		put(f.Hash, f.Value)
	}
	return x, unknown
}

// scatter writes the dense form of pairs into x.
func scatter(x []float64, pairs []pair) {
	clear(x)
	for _, p := range pairs {
		x[p.i] += p.v
	}
}

func normOf(pairs []pair) float64 {
	s := 0.0
	for _, p := range pairs {
		s += float64(p.v * p.v)
	}
	return math.Sqrt(s)
}

// append writes the events learned, the largest sparse magnitude, the numeric
// fields (scale.Scaler.Append) and the hashes of the features in order.
func (s *features) append(b []byte) []byte {
	b = wire.AppendUvarint(b, s.events)
	b = wire.AppendFloat64(b, s.sparse)
	b = s.scaler.Append(b)
	b = wire.AppendUvarint(b, uint64(s.len()))
	for _, h := range s.index.hashes {
		b = wire.AppendUint64(b, h)
	}
	return b
}

func (s *features) decode(r *wire.Reader) {
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
}

// merge numbers the features of o and adds its field statistics. It returns the
// number in s of every feature of o.
func (s *features) merge(o *features) ([]int, error) {
	to := make([]int, o.len())
	for i, h := range o.index.hashes {
		if to[i] = s.index.add(h); to[i] < 0 {
			return nil, fmt.Errorf("the two have more than %d features together; raise learner.bandit.max_features", s.cfg.MaxFeatures)
		}
	}
	s.scaler.Merge(o.scaler)
	s.events += o.events
	s.sparse = max(s.sparse, o.sparse)
	return to, nil
}
