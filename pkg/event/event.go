package event

// Feature is one coordinate of a vector: the xxHash64 (seed 0) of its name and
// its value. A model with b bits keeps it in slot Hash & (1<<b - 1).
//
// Field tells which field it came from, for models that treat pairs of fields
// apart: the low 32 bits of the xxHash64 of the field's path; of the namespace
// in Vowpal Wabbit's text; 0 for libsvm, whose features have no fields.
type Feature struct {
	Hash  uint64
	Value float64
	Field uint32
}

// Vector is the features of one event or of one action. The two parts share
// one parameter space; they differ in whether a learner standardises them.
type Vector struct {
	Dense  []Feature // numeric fields: present in most events, standardised online, each Hash at most once
	Sparse []Feature // categories, bags and the features of sparse text formats: used as they are
}

// Reset empties v and keeps its memory.
func (v *Vector) Reset() { v.Dense, v.Sparse = v.Dense[:0], v.Sparse[:0] }

// Len returns the number of features.
func (v *Vector) Len() int { return len(v.Dense) + len(v.Sparse) }

// Category is the value of a field that Schema.Target or Schema.Count lists. What
// a learner knows of the category becomes dense features, see internal/encode.
type Category struct {
	Hash   uint64 // of the feature "path=value"
	Field  uint32 // see Feature
	Target uint64 // hash of "path#mean"; 0 unless Target lists the field
	Count  uint64 // hash of "path#count"; 0 unless Count lists the field
}

// Event is one decoded record. A Decoder fills it; its owner uses it again for
// the next record, so nothing in it may be kept.
type Event struct {
	Time int64  // event time, milliseconds since 1970-01-01 UTC; 0 when the record names none
	Key  []byte // value of the key field; empty when none is configured
	ID   []byte // value of the id field; empty when none is configured
	// Source says who supplied the record, by a field of it or by what came with it;
	// empty when nothing does.
	Source []byte
	// Logged is the object of Schema.Logged as it is written in the record; empty when
	// there is none.
	Logged []byte
	X      Vector // features; for a bandit the shared context
	// Products is how many of X.Sparse, at its end, are products of Schema.Cross. The
	// others come from one field each.
	Products int

	Categories []Category // those of one field side by side
	// Views[i] are the features as reference i of the model sees them; nil where they
	// are X. They are set while a model learns or predicts.
	Views [2]*Vector

	Weight float64 // importance weight h >= 0; 1 when the record names none
	Label  float64 // label: a number, or 1 (positive class) and 0; for a bandit the reward

	// Labels is the label as a set of classes, ascending, each once, with Schema.LabelType
	// multilabel; Costs the cost of each class that the event can have, ascending
	// by class, with costs. Label is then how many they are.
	Labels []uint32
	Costs  []Cost

	// Labelled is false when an event was decoded for scoring only.
	Labelled bool

	// Bandits only.
	Actions  []Vector // features of the action of each arm; empty when actions have none
	Eligible []bool   // of each arm whether it could be chosen; empty when all could
	Arm      int      // the chosen arm's index
	Value    float64  // the number that was chosen, where a number is
	Prob     float64  // its propensity, 0 < Prob <= 1, or the density of Value, as logged at decision time
	Metrics  []Metric // what the record tells of the fields of Schema.Metrics
}

// Reset empties e and keeps its memory.
func (e *Event) Reset() {
	e.Time, e.Key, e.ID = 0, e.Key[:0], e.ID[:0]
	e.Source, e.Logged = e.Source[:0], e.Logged[:0]
	e.X.Reset()
	e.Products = 0
	e.Categories = e.Categories[:0]
	e.Weight, e.Label, e.Labelled = 1, 0, false
	e.Labels, e.Costs = e.Labels[:0], e.Costs[:0]
	e.Actions, e.Eligible, e.Arm, e.Value, e.Prob, e.Metrics = e.Actions[:0], e.Eligible[:0], 0, 0, 0, e.Metrics[:0]
}

// Plain returns the sparse features that come from one field each.
func (e *Event) Plain() []Feature { return e.X.Sparse[:len(e.X.Sparse)-e.Products] }

// Cost is the cost of predicting a class.
type Cost struct {
	Class uint32
	Cost  float64
}

// Decoder turns the value of a record into an Event. It resets e first, keeps
// no reference to value, and allocates nothing once e has grown. A record that
// cannot be used yields a *Rejection and leaves e unspecified.
type Decoder interface {
	Decode(value []byte, e *Event) error
}
