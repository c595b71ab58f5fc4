package encode

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Inner is the model behind the encodings: a learner.Referenced that scores and explains.
type Inner interface {
	Predict(e *event.Event) event.Step
	Learn(e *event.Event) event.Step
	Score(e *event.Event) float64
	Explain(e *event.Event) event.Explanation
	Occupancy() event.Occupancy
	AppendBinary(b []byte) ([]byte, error)
	UnmarshalBinary(b []byte) error
	SetReference(i int)
	DropReference(i int)
	Weights() event.Weights
	Fields() []event.FieldStats
	SweepNorm(at uint64, budget int) (sum float64, next uint64)
	AppendReference(i int, b []byte) ([]byte, error)
	UnmarshalReference(i int, b []byte) error
}

// Forgetting is an Inner that can drop the weight of a feature.
type Forgetting interface {
	Inner
	// Key returns what the weight of a feature has as its name: features that share
	// one have the same.
	Key(hash uint64) uint64
	// Forget makes the weight of a key what it was before the feature came first.
	Forget(key uint64)
}

// Model is an inner model behind encodings. It is as safe for concurrent use as the
// inner one: Score may run concurrently with itself, on different events.
type Model struct {
	cfg    Config
	inner  Inner
	forget Forgetting // inner, if anything expires
	events uint64     // learned
	table  *table     // nil without fields to encode
	sketch *sketch    // nil without MinCount
	recent *recent    // nil without ExpireAfter
	refs   [2]*table  // the table as the references see it; nil without one
	views  [2]event.Vector
	set    [2]bool // the references that are set
}

// New returns a model that has learned nothing around an inner one, likewise. The
// settings are resolved ones, see Config.Resolve.
func New(c Config, inner Inner) (*Model, error) {
	m := &Model{cfg: c, inner: inner, table: newTable(c), sketch: newSketch(c), recent: newRecent(c)}
	if m.recent != nil {
		var ok bool
		if m.forget, ok = inner.(Forgetting); !ok {
			return nil, fmt.Errorf("features.expire_after: %d: needs learner.kind sgd; remove it", c.ExpireAfter)
		}
	}
	return m, nil
}

// Inner returns the model behind the encodings.
func (m *Model) Inner() Inner { return m.inner }

// Occupancy returns how many features have a weight.
func (m *Model) Occupancy() event.Occupancy { return m.inner.Occupancy() }

// Encode gives an event the features that the inner model sees. Undo takes them back.
// It writes behind the features in the memory of the event, so an event must not be
// given to two calls at once.
func (m *Model) Encode(e *event.Event) (undo Undo) {
	undo = Undo{dense: len(e.X.Dense), sparse: e.X.Sparse}
	if m.table != nil {
		e.X.Dense = m.table.encode(e.X.Dense, e.Categories)
	}
	if m.sketch != nil {
		all, n := e.X.Sparse, len(e.X.Sparse)
		for i := range n {
			if m.admits(all[i].Hash) {
				all = append(all, all[i])
			}
		}
		e.X.Sparse, undo.sparse = all[n:], all[:n]
	}
	return undo
}

// Undo is what Encode has to take back.
type Undo struct {
	dense  int
	sparse []event.Feature
}

// Undo takes the features of Encode back.
func (u Undo) Undo(e *event.Event) { e.X.Dense, e.X.Sparse = e.X.Dense[:u.dense], u.sparse }

// admits reports whether a sparse feature is one of the inner model: it came often
// enough, or has a weight that did not expire.
func (m *Model) admits(hash uint64) bool {
	return m.sketch.admits(hash) || m.recent != nil && m.recent.find(m.forget.Key(hash)) != 0
}

// freeze gives an event with encodings the features that the references see.
func (m *Model) freeze(e *event.Event, undo *Undo) {
	for i := range m.refs {
		if !m.set[i] || m.table == nil && m.sketch == nil {
			continue
		}
		v := &m.views[i]
		v.Dense, v.Sparse = append(v.Dense[:0], e.X.Dense[:undo.dense]...), undo.sparse
		if m.refs[i] != nil {
			v.Dense = m.refs[i].encode(v.Dense, e.Categories)
		}
		e.Views[i] = v
	}
}

// CheckLabel says why the model refuses a label whatever the event, if it does.
func (m *Model) CheckLabel(y float64) *event.Rejection {
	if c, ok := m.inner.(interface {
		CheckLabel(y float64) *event.Rejection
	}); ok {
		return c.CheckLabel(y)
	}
	return nil
}

// Predict evaluates the model on an event and changes nothing.
func (m *Model) Predict(e *event.Event) event.Step {
	undo := m.Encode(e)
	m.freeze(e, &undo)
	s := m.inner.Predict(e)
	e.Views = [2]*event.Vector{}
	undo.Undo(e)
	return s
}

// Score returns the prediction for an event, the same as Predict gives.
func (m *Model) Score(e *event.Event) float64 {
	undo := m.Encode(e)
	s := m.inner.Score(e)
	undo.Undo(e)
	return s
}

// Explain divides the margin of an event among its features, encoded ones included.
func (m *Model) Explain(e *event.Event) event.Explanation {
	undo := m.Encode(e)
	x := m.inner.Explain(e)
	undo.Undo(e)
	return x
}

// Weights lists the weights of the inner model.
func (m *Model) Weights() event.Weights { return m.inner.Weights() }

// Fields returns the statistics of the inner model's numeric fields, encoded ones included.
func (m *Model) Fields() []event.FieldStats { return m.inner.Fields() }

// SweepNorm adds up the squares of some weights of the inner model.
func (m *Model) SweepNorm(at uint64, budget int) (sum float64, next uint64) {
	return m.inner.SweepNorm(at, budget)
}

// Learn predicts an event with the encodings of those before it, and then learns it.
func (m *Model) Learn(e *event.Event) event.Step {
	undo := m.Encode(e)
	m.freeze(e, &undo)
	s := m.inner.Learn(e)
	e.Views = [2]*event.Vector{}
	if s.Reject != nil || e.Weight == 0 {
		undo.Undo(e)
		return s
	}
	m.events++
	m.touch(e)
	undo.Undo(e)
	if m.table != nil {
		m.table.learn(e.Categories, e.Label, e.Weight)
	}
	if m.sketch != nil {
		m.sketch.count(e.X.Sparse)
		if m.recent != nil {
			m.sketch.sweep(m.events, m.recent.after)
		}
	}
	return s
}

// touch notes the features that the inner model learned, and drops those that expire.
func (m *Model) touch(e *event.Event) {
	if m.recent == nil {
		return
	}
	for _, part := range [...][]event.Feature{e.X.Dense, e.X.Sparse} {
		for i := range part {
			m.recent.touch(m.forget.Key(part[i].Hash), m.events)
		}
	}
	for {
		key, ok := m.recent.expired(m.events)
		if !ok {
			return
		}
		m.forget.Forget(key)
	}
}

// SetReference freezes the live parameters and encodings as reference i, 0 or 1.
func (m *Model) SetReference(i int) {
	m.refs[i], m.set[i] = m.table.clone(), true
	m.inner.SetReference(i)
}

// DropReference stops evaluating reference i.
func (m *Model) DropReference(i int) {
	m.refs[i], m.set[i] = nil, false
	m.inner.DropReference(i)
}

// formatVersion is the version of both envelopes of this package.
const formatVersion = 1

// AppendBinary appends the encodings and the inner model as a sealed envelope of kind
// KindEncode:
//
//	settings: prior, half-life float64; bits, min count, expire after uvarint
//	events learned uvarint
//	with bits: the table (table.append)
//	with a min count: the sketch (sketch.append)
//	with an expiry: the recent features (recent.append)
//	the envelope of the inner model, bytes
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = wire.Begin(b, wire.KindEncode, formatVersion)
	b = m.cfg.append(b)
	b = wire.AppendUvarint(b, m.events)
	b = m.table.append(b)
	b = m.sketch.append(b)
	b = m.recent.append(b, m.events)
	b, err := m.inner.AppendBinary(b)
	return wire.Seal(b, start), err
}

// UnmarshalBinary replaces the live parameters and encodings by those that
// AppendBinary wrote. References stay. Bytes of other settings, or damaged ones, are
// refused and change nothing.
func (m *Model) UnmarshalBinary(b []byte) error {
	c, r, err := open(b, wire.KindEncode)
	if err == nil {
		err = m.cfg.compatible(c)
	}
	if err != nil {
		return fmt.Errorf("encode: read model: %w", err)
	}
	events := r.Uvarint()
	t, s := readTable(r, c), readSketch(r, c)
	l := readRecent(r, c, events)
	inner := r.Take(r.Len())
	if err := r.Close(); err != nil {
		return fmt.Errorf("encode: read model: %w", err)
	}
	if err := m.inner.UnmarshalBinary(inner); err != nil {
		return err
	}
	m.events, m.table, m.sketch, m.recent = events, t, s, l
	return nil
}

// Is reports whether bytes are what AppendBinary writes.
func Is(b []byte) bool { return wire.KindOf(b) == wire.KindEncode }

// Open returns the model that AppendBinary wrote; openInner opens the inner one.
func Open(b []byte, openInner func([]byte) (Inner, error)) (*Model, error) {
	c, r, err := open(b, wire.KindEncode)
	if err != nil {
		return nil, fmt.Errorf("encode: read model: %w", err)
	}
	events := r.Uvarint()
	t, s := readTable(r, c), readSketch(r, c)
	l := readRecent(r, c, events)
	body := r.Take(r.Len())
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("encode: read model: %w", err)
	}
	inner, err := openInner(body)
	if err != nil {
		return nil, err
	}
	m, err := New(c, inner)
	if err != nil {
		return nil, fmt.Errorf("encode: read model: %w: %w", wire.ErrCorrupt, err)
	}
	m.events, m.table, m.sketch, m.recent = events, t, s, l
	return m, nil
}

// AppendReference appends reference i as a sealed envelope of kind KindEncodeReference:
// settings and table as in AppendBinary, then the envelope of the inner reference.
func (m *Model) AppendReference(i int, b []byte) ([]byte, error) {
	start := len(b)
	b = wire.Begin(b, wire.KindEncodeReference, formatVersion)
	b = m.cfg.append(b)
	b = m.refs[i].append(b)
	b, err := m.inner.AppendReference(i, b)
	return wire.Seal(b, start), err
}

// UnmarshalReference sets reference i from what AppendReference wrote. Bytes of other
// settings, or damaged ones, are refused and change nothing.
func (m *Model) UnmarshalReference(i int, b []byte) error {
	c, r, err := open(b, wire.KindEncodeReference)
	if err == nil {
		err = m.cfg.compatible(c)
	}
	if err != nil {
		return fmt.Errorf("encode: read reference: %w", err)
	}
	t := readTable(r, c)
	inner := r.Take(r.Len())
	if err := r.Close(); err != nil {
		return fmt.Errorf("encode: read reference: %w", err)
	}
	if err := m.inner.UnmarshalReference(i, inner); err != nil {
		return err
	}
	m.refs[i], m.set[i] = t, true
	return nil
}

// append appends the settings.
func (c Config) append(b []byte) []byte {
	b = wire.AppendFloat64(wire.AppendFloat64(b, c.Prior), c.HalfLife)
	b = wire.AppendUvarint(b, uint64(c.Bits))
	b = wire.AppendUvarint(b, uint64(c.MinCount))
	return wire.AppendUvarint(b, c.ExpireAfter)
}

// open opens an envelope and reads the settings at its start.
func open(b []byte, kind wire.Kind) (Config, *wire.Reader, error) {
	version, r, err := wire.Open(b, kind)
	if err != nil {
		return Config{}, nil, err
	}
	if version != formatVersion {
		return Config{}, nil, fmt.Errorf("format version %d, this program reads version %d", version, formatVersion)
	}
	prior, half := r.Finite(), r.Finite()
	bits, least, after := r.Uvarint(), r.Uvarint(), r.Uvarint()
	if r.Err() == nil && (bits > maxBits || least == 1 || least > 255 || after > maxExpire || prior < 0 || half < 0) {
		r.Fail("prior %v, half-life %v, %d bits, min count %d, expiry after %d", prior, half, bits, least, after)
	}
	return Config{Prior: prior, HalfLife: half, Bits: int(bits), MinCount: int(least), ExpireAfter: after}, r, r.Err()
}
