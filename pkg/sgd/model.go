package sgd

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/calibrate"
	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// maxWeight bounds the magnitude of a weight: the score of any accepted event stays finite.
const maxWeight = 1e100

// active is a feature of the event at hand, with its slot as it was before.
type active struct {
	x       float64 // value as the learner sees it
	r       float64 // rate of the feature (nag)
	idx     uint32
	w, g, n float64
}

// Model is a linear model of hashed features. It is not safe for concurrent
// use, except that Score may run concurrently with itself.
type Model struct {
	cfg       Config
	p         plan
	penalised bool    // p.penalised()
	varying   bool    // p.varies()
	costly    bool    // p.costly()
	threshold float64 // cfg.Threshold()

	mask    uint64     // 2^bits - 1
	slots   []slot     // of 2^bits weights, then of the intercept; see slot
	shift   uint32     // log2 of the slots of a weight
	lanes   int        // slots of a weight
	home    int        // where the slot of the intercept is
	before  featureSet // features that had been learned at the last Mark, or more; see touched
	changed []uint64   // bit j: feature j has been learned since
	exact   *directory // without hashing: the numbers of the features
	scaler  *scale.Scaler
	labels  labels
	events  uint64  // events learned
	sparse  float64 // largest magnitude of a sparse feature learned
	weight  float64 // sum of the weights learned
	row     row     // of the one linear score; of several classes that of the class at hand
	class   classRows
	rls     rls

	calibration []calibrate.Map // of each row; nil without

	refs [2]reference

	// The event at hand.
	act        []active         // intercept, then dense, then sparse features
	companions []slot           // the companions of act as they were before
	dense      int              // its numeric fields
	maxSparse  float64          // largest magnitude among its sparse features
	z, norm2   float64          // with hashing: the score of the weights of row 0; the squared norm
	coinSum    float64          // coin: nagS with it
	coinTotal  float64          // coin: nagT with it
	scores     [members]float64 // auto: the members' linear scores
	rates      []float64        // auto: the rates of the features in member 1
}

// New returns a model that has learned nothing.
func New(c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := c.plan()
	n, shift := 1<<p.bits+1, p.shift()
	m := &Model{
		cfg: c, p: p, penalised: p.penalised(), varying: p.varies(), costly: p.costly(), threshold: c.Threshold(), mask: 1<<p.bits - 1, shift: shift, lanes: p.lanes(), home: 1 << p.bits << shift,
		slots: make([]slot, n<<shift), before: newFeatureSet(n, p.bits == 0), changed: make([]uint64, (n+63)/64), scaler: scale.New(p.scaling()), class: newClassRows(p.classes),
		calibration: p.newCalibration(),
	}
	if p.bits == 0 {
		m.exact, m.home = newDirectory(), exactHome
	}
	return m, nil
}

func (p *plan) scaling() scale.Options {
	return scale.Options{Standardize: p.standardize, Clip: p.clip, Extreme: p.extreme}
}

// Config returns the settings of the model.
func (m *Model) Config() Config { return m.cfg }

// Events returns how many events were learned.
func (m *Model) Events() uint64 { return m.events }

// Predict evaluates the model on an event and changes nothing. Loss, gradient
// and references are filled when the event is labelled. It refuses the events
// that Learn would refuse for their values.
func (m *Model) Predict(e *event.Event) event.Step {
	if rej := m.gather(e, 0, false); rej != nil {
		return event.Step{Reject: rej}
	}
	if m.p.classes > 0 {
		return m.predictRows(e)
	}
	var s event.Step
	z, norm2 := m.dot(0)
	f := m.p.frame(&m.labels)
	if !e.Labelled {
		s.Prediction, s.Margin = m.p.predict(z, &f)
	} else {
		y, rej := m.label(e)
		if rej != nil {
			return event.Step{Reject: rej}
		}
		m.p.evaluate(&s, z, y, &f)
		s.GradNorm = math.Abs(s.Grad) * math.Sqrt(norm2)
		m.read(e, &s, y)
	}
	if rej := unstable(&s); rej != nil {
		return event.Step{Reject: rej}
	}
	s.Prediction = m.probability(0, s.Prediction, s.Margin)
	m.decide(&s, e.Labelled)
	return s
}

// Learn predicts an event and then learns it. An event of weight 0 is only
// predicted. A refused event changes nothing.
func (m *Model) Learn(e *event.Event) (s event.Step) {
	if !e.Labelled {
		return event.Step{Reject: &event.Rejection{Reason: event.LabelMissing, Detail: "an event without label cannot be learned"}}
	}
	h := e.Weight
	if !(h >= 0 && finite(h)) {
		return event.Step{Reject: &event.Rejection{Reason: event.WeightInvalid, Detail: fmt.Sprintf("weight %v: must be finite and not negative", h)}}
	}
	if h == 0 {
		return m.Predict(e)
	}
	if m.p.river {
		m.learnAsRiver(&s, e, h)
	} else {
		m.take(&s, e, h)
	}
	return s
}

// take screens and learns an event of weight h, and fills s.
func (m *Model) take(s *event.Step, e *event.Event, h float64) {
	y, rej := m.label(e)
	if rej == nil {
		rej = m.gather(e, h, true)
	}
	switch {
	case rej != nil:
		*s = event.Step{Reject: rej}
	case m.exact != nil:
		m.learnExact(s, e, y, h)
	default:
		m.learnGathered(s, e, y, h)
	}
}

// learnGathered learns an event that has been accepted and gathered, and fills s.
func (m *Model) learnGathered(s *event.Step, e *event.Event, y, h float64) {
	if m.p.classes > 0 {
		*s = m.learnClasses(e, y, h)
	} else if rej := m.learn(s, e, y, h); rej != nil {
		*s = event.Step{Reject: rej}
	}
}

// learn is learnGathered for one linear score.
func (m *Model) learn(s *event.Step, e *event.Event, y, h float64) *event.Rejection {
	before := m.p.frame(&m.labels)
	after := m.labels
	if !m.p.binary() {
		after = m.labels.Add(y, h)
	}
	if m.p.vw { // the current label belongs to its range
		before = m.p.frame(&after)
	}
	next := &before
	if m.p.scaleLabel {
		f := m.p.frame(&after)
		next = &f
	}
	z, norm2 := m.dot(h)
	u := newUpdate(z, norm2, y, h)
	m.readScores(e)
	m.p.aim(&u, s, &before, next)
	m.readLosses(e, s, y) // beside aim, so that a processor can do both at once
	s.GradNorm = math.Abs(s.Grad) * math.Sqrt(norm2)
	rej := unstable(s)
	if rej == nil && !(finite(m.weight+h) && after.Valid()) {
		rej = &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("weight %v overflows the sum of the weights", h)}
	}
	if rej == nil {
		s.UpdateNorm, rej = m.learnFrom(&u, s.Loss, &before, next)
	}
	if rej != nil {
		return rej
	}
	if m.p.scaleLabel {
		s.UpdateNorm = float64(s.UpdateNorm * before.SD)
	}
	m.commit(after, h)
	s.Prediction = m.probability(0, s.Prediction, s.Margin)
	m.decide(s, true)
	m.calibrateBy(0, s.Margin, y, h)
	return nil
}

// commit takes over everything but the slots, which the optimizer has written.
func (m *Model) commit(after labels, h float64) {
	known := m.scaler.Len()
	m.scaler.Commit()
	if m.scaler.Len() != known {
		m.enroll(known)
	}
	m.labels = after
	m.weight += h
	m.events++
	m.sparse = max(m.sparse, m.maxSparse)
	if m.exact != nil {
		m.change()
		return
	}
	words, act, shift := m.changed, m.act, m.shift
	for i := range act {
		a := &act[i]
		if a.x == 0 {
			continue
		}
		j := a.idx >> (shift & 31)
		words[j>>6] |= 1 << (j & 63)
	}
}

// unstable refuses a step with a loss or a margin that is not finite.
func unstable(s *event.Step) *event.Rejection {
	if finite(s.Margin) && finite(s.Loss) && finite(s.GradNorm) {
		return nil
	}
	return &event.Rejection{Reason: event.Unstable, Detail: fmt.Sprintf("margin %v, loss %v, gradient norm %v are not all finite; lower learner.rate, or use learner.optimizer nag", s.Margin, s.Loss, s.GradNorm)}
}

// gather fills m.act from the event and screens its values. With hashing it
// takes the score of most models in the same pass.
func (m *Model) gather(e *event.Event, h float64, learning bool) *event.Rejection {
	seasoned := scale.Seasoned(m.events)
	staged, rej := m.scaler.Stage(e.X.Dense, h, learning, seasoned)
	if rej != nil {
		return rej
	}
	m.dense = len(staged)
	n := 1 + m.dense + len(e.X.Sparse)
	m.act = slices.Grow(m.act[:0], n)[:n]
	if m.lanes == 2 {
		m.companions = slices.Grow(m.companions[:0], n)[:n]
		m.rates = slices.Grow(m.rates[:0], n)[:n]
	}
	m.act[0].x, m.act[0].idx = 1, uint32(m.home)
	slots, mask, shift := m.slots, m.mask, m.shift
	z, norm2 := slots[m.home].W, 1.0
	act, dense, sparse := m.act[1:1+len(staged)], e.X.Dense[:len(staged)], e.X.Sparse
	for i := range staged {
		a, x, idx := &act[i], staged[i].X, uint32(dense[i].Hash&mask)<<(shift&31)
		a.x, a.idx = x, idx
		z += float64(x * slots[idx].W)
		norm2 += float64(x * x)
	}
	act = m.act[1+len(staged):][:len(sparse)]
	limit := float64(scale.Largest)
	if seasoned {
		limit = scale.Limit(m.p.extreme, m.sparse)
	}
	largest := 0.0
	for i := range sparse {
		f, a := &sparse[i], &act[i]
		x, idx := f.Value, uint32(f.Hash&mask)<<(shift&31)
		ax := math.Abs(x)
		if !(ax <= limit) {
			return scale.Refuse(f, limit)
		}
		if ax > largest {
			largest = ax
		}
		a.x, a.idx = x, idx
		z += float64(x * slots[idx].W)
		norm2 += float64(x * x)
	}
	m.maxSparse, m.z, m.norm2 = largest, z, norm2
	if m.exact != nil {
		m.locate(e)
	}
	return nil
}

// dot returns the linear score of the gathered event and its squared
// Euclidean norm, intercept included. h is the weight with which it is learned, 0 if it is not.
func (m *Model) dot(h float64) (z, norm2 float64) {
	switch m.p.optimizer {
	case optAuto:
		return m.dotRace()
	case optCoin:
		return m.dotCoin(h)
	default:
		return m.dotFirst()
	}
}

// dotFirst is dot for the weights of the first slots.
func (m *Model) dotFirst() (z, norm2 float64) {
	if m.exact == nil && m.p.classes == 0 {
		return m.z, m.norm2
	}
	slots, act := m.slots, m.act
	for i := range act {
		a := &act[i]
		z += float64(a.x * slots[a.idx].W)
		norm2 += float64(a.x * a.x)
	}
	return z, norm2
}

// Score returns the prediction for an event, the same as Predict gives. It
// writes nothing, so many goroutines may call it while nobody learns. The
// values of the event must be finite.
func (m *Model) Score(e *event.Event) float64 {
	if m.p.classes > 0 {
		return m.scoreClass(e)
	}
	f := m.p.frame(&m.labels)
	prediction, margin := m.p.predict(m.score(e, 0), &f)
	return m.probability(0, prediction, margin)
}

// score returns the linear score of an event in row k. It touches no scratch.
func (m *Model) score(e *event.Event, k int) float64 {
	if m.p.optimizer == optCoin {
		return m.scoreCoin(e, k)
	}
	at, served := k*m.lanes, m.rowAt(k).race.served
	z := m.weightAt(m.home+at, served)
	for i := range e.X.Dense {
		f := &e.X.Dense[i]
		z += float64(m.scaler.Value(*f) * m.weightAt(m.position(f.Hash)+at, served))
	}
	for i := range e.X.Sparse {
		f := &e.X.Sparse[i]
		z += float64(f.Value * m.weightAt(m.position(f.Hash)+at, served))
	}
	return z
}
