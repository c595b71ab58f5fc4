package event

import (
	"fmt"
	"math"
)

// kind is the type of a value in a record.
type kind uint8

const (
	kindNumber kind = iota
	kindText
	kindBool
	kindContainer // an object or array
)

// value is one value of a record. Num is set for numbers and is infinite when
// the literal is too large; for booleans it is 1 or 0. Text is the literal of a
// number or boolean, or the content of a string.
type value struct {
	kind kind
	text []byte
	num  float64
}

// filler puts the values of the configured fields into an Event and keeps the
// first reason to refuse it. Every decoder has one.
type filler struct {
	schema      Schema
	needLabel   bool
	part        part
	classes     classes
	reweighs    bool    // the weight depends on the label
	positive    float64 // Schema.Positive as a number
	positiveNum bool
	limit       int
	shaper
	metrics []uint64          // names of Schema.Metrics
	names   map[uint64]string // nil unless they are kept

	e          *Event
	rejection  *Rejection
	sawArm     bool
	sawPropens bool
	offer      offer
}

func newFiller(s Schema, needLabel bool) (filler, error) {
	if err := s.Validate(); err != nil {
		return filler{}, err
	}
	f := filler{schema: s, needLabel: needLabel, limit: s.MaxFeatures, shaper: newShaper(&s), classes: newClasses(s.Classes)}
	f.reweighs = needLabel && (len(s.ClassWeights) > 0 || s.SampleNegatives > 0 && s.SampleNegatives < 1)
	if f.limit == 0 {
		f.limit = DefaultMaxFeatures
	}
	f.positive, f.positiveNum = parseText([]byte(s.Positive))
	for _, m := range s.Metrics {
		f.metrics = append(f.metrics, MetricName(m))
	}
	return f, nil
}

// begin starts a record.
func (f *filler) begin(e *Event) {
	e.Reset()
	f.e, f.rejection, f.sawArm, f.sawPropens = e, nil, false, false
	f.shaper.begin()
	f.offer.begin()
	if f.names != nil {
		clear(f.names)
	}
}

// fail refuses the record, unless it already is refused.
func (f *filler) fail(reason Reason, field, format string, args ...any) {
	if f.rejection == nil {
		f.rejection = &Rejection{Reason: reason, Field: field, Detail: fmt.Sprintf(format, args...)}
	}
}

// end checks what the whole record must have, finishes what depends on all of
// it, and returns its verdict.
func (f *filler) end(record []byte) error {
	if f.needLabel && !f.e.Labelled && f.part != withoutLabel {
		f.fail(LabelMissing, f.schema.Label, "absent, null or empty: every record needs a label to learn from")
	}
	if f.schema.Arm != "" {
		if f.needLabel && !f.sawArm {
			f.fail(ArmUnknown, f.schema.Arm, "absent or null: every record needs the arm that was chosen")
		}
		if f.schema.Probability == "" {
			f.e.Prob = 1
		} else if f.needLabel && !f.sawPropens {
			f.fail(PropensityInvalid, f.schema.Probability, "absent or null: every record needs the probability of its arm")
		}
	}
	if f.offer.sawEligible || f.offer.sawActions {
		f.endOffer()
	}
	if f.rejection == nil {
		plain := len(f.e.X.Sparse)
		f.cross()
		f.e.Products = len(f.e.X.Sparse) - plain
		if f.reweighs && f.e.Labelled {
			f.reweight(record)
		}
	}
	f.checkLimit()
	f.e = nil
	if f.rejection != nil {
		return f.rejection
	}
	return nil
}

// needFeatures adds the features of absent fields, and refuses a record without
// any. The context of a bandit may be empty.
func (f *filler) needFeatures() {
	if f.part == labelOnly {
		return
	}
	f.addMissing()
	if f.e.X.Len() == 0 && f.schema.Arm == "" {
		f.fail(NoFeatures, "", "no field of the record is a feature; see features.include and features.exclude")
	}
}

// checkLimit reports whether the record still has no more features than allowed.
func (f *filler) checkLimit() bool {
	if f.e.X.Len() <= f.limit {
		return true
	}
	f.fail(TooManyFeatures, "", "more than %d features; raise features.max_features or exclude fields", f.limit)
	return false
}

// dense adds a numeric feature.
func (f *filler) dense(hash uint64, path []byte, v float64) {
	if math.IsInf(v, 0) {
		f.fail(NonFinite, string(path), "too large for a 64-bit float")
		return
	}
	f.e.X.Dense = append(f.e.X.Dense, Feature{hash, v, uint32(hash)})
	if f.names != nil {
		f.keepName(hash, string(path))
	}
}

// numeric adds a numeric feature from text or a boolean. Empty text means an absent value.
func (f *filler) numeric(hash uint64, path []byte, v value) {
	if v.kind == kindText {
		text := trim(v.text)
		if len(text) == 0 {
			return
		}
		var ok bool
		if v.num, ok = parseText(text); !ok {
			f.fail(NonFinite, string(path), "%s is no number; features.numeric lists this field", excerpt(v.text))
			return
		}
	}
	f.dense(hash, path, v.num)
}

// special puts the value of a field that is no feature where it belongs.
func (f *filler) special(r role, v value) {
	switch r {
	case roleLabel:
		f.label(f.schema.Label, v)
	case roleWeight:
		f.weight(f.schema.Weight, v)
	case roleTime:
		f.time(v)
	case roleKey:
		if v.kind != kindContainer {
			f.e.Key = append(f.e.Key[:0], v.text...)
			if f.schema.Source == f.schema.Key {
				f.e.Source = append(f.e.Source[:0], v.text...)
			}
		}
	case roleSource:
		if v.kind != kindContainer {
			f.e.Source = append(f.e.Source[:0], v.text...)
		}
	case roleID:
		if v.kind != kindContainer {
			f.e.ID = append(f.e.ID[:0], v.text...)
		}
	case roleArm:
		f.arm(v)
	case roleProbability:
		f.probability(v)
	case roleEligible:
		f.fail(ArmUnknown, f.schema.Eligible, "%s: must be an array of the arms that could be chosen", v.excerpt())
	case roleActions:
		f.fail(ActionsInvalid, f.schema.Actions, "%s: must be an array of the features of each action", v.excerpt())
	default:
		if r >= roleMetric && r < roleMetric+MaxMetrics {
			f.metric(int(r-roleMetric), v)
		}
	}
}

// number reads a value that must be a number; text may hold one too.
func (v value) number() (n float64, ok bool) {
	switch v.kind {
	case kindNumber:
		return v.num, true
	case kindText:
		return parseText(trim(v.text))
	}
	return 0, false
}

func (f *filler) weight(field string, v value) {
	if v.kind == kindText && len(trim(v.text)) == 0 {
		return
	}
	w, ok := v.number()
	if !ok || !(w >= 0) || math.IsInf(w, 0) {
		f.fail(WeightInvalid, field, "%s: must be a finite number >= 0", v.excerpt())
		return
	}
	f.e.Weight = w
}

func (f *filler) time(v value) {
	if v.kind == kindText && len(trim(v.text)) == 0 {
		return
	}
	if ms, ok := f.instant(f.schema.Time, v); ok {
		f.e.Time = ms
	}
}

// instant reads a time, in milliseconds since 1970.
func (f *filler) instant(field string, v value) (ms int64, ok bool) {
	if n, isNumber := v.number(); isNumber {
		ms, ok = millis(n)
	} else if v.kind == kindText {
		ms, ok = parseTime(trim(v.text))
	}
	if !ok {
		f.fail(TimeInvalid, field, "%s: must be RFC 3339 text, or a number of seconds or milliseconds since 1970 up to the year 9999", v.excerpt())
	}
	return ms, ok
}

func (f *filler) arm(v value) {
	f.sawArm = true
	if len(f.schema.Continuous) > 0 {
		f.value(v)
		return
	}
	a, ok := f.armOf(v)
	f.e.Arm = a
	if !ok && f.needLabel {
		f.fail(ArmUnknown, f.schema.Arm, "%s: must be an index below %d or one of source.arms %q", v.excerpt(), f.armsEnd(), f.schema.Arms)
	}
}

func (f *filler) probability(v value) {
	f.sawPropens = true
	p, ok := v.number()
	if ok && p > 0 && (p <= 1 || len(f.schema.Continuous) > 0 && p <= math.MaxFloat64) {
		f.e.Prob = p
		return
	}
	switch {
	case f.needLabel && len(f.schema.Continuous) > 0:
		f.fail(PropensityInvalid, f.schema.Probability, "%s: must be a density, a number above 0", v.excerpt())
	case f.needLabel:
		f.fail(PropensityInvalid, f.schema.Probability, "%s: must be a number in (0, 1]", v.excerpt())
	}
}

// trim removes spaces and tabs around b.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// maxExcerpt is how many bytes of a bad value a rejection quotes.
const maxExcerpt = 64

// excerpt quotes text for a person.
func excerpt(text []byte) string {
	if len(text) > maxExcerpt {
		return fmt.Sprintf("%q...", text[:maxExcerpt])
	}
	return fmt.Sprintf("%q", text)
}

func (v value) excerpt() string {
	if v.kind == kindContainer {
		return "an object or array"
	}
	return excerpt(v.text)
}
