package event

import (
	"fmt"
	"slices"
	"strings"
)

// DefaultMaxFeatures is how many features a record may have when
// Schema.MaxFeatures is 0.
const DefaultMaxFeatures = 4096

// Schema says what the fields of a record mean. A field is named by its path:
// the keys of nested objects (and the indices of array elements) joined by dots.
//
// Label, Weight, Time, Key, ID, Arm, Probability, Eligible, Actions, Source and Logged
// name one field each. These fields, and all below them, are no features, with these
// exceptions: Cyclic may name Time too, Key and Source are features as well when they are
// entries of Include, Numeric, Categorical, Text, Log1p, Target or Count, and what is
// below Actions are the features of the actions.
//
// Include, Exclude, Numeric, Categorical, Text, Log1p and each list of Cross hold
// entries. The entry "geo" means the field geo and all fields below it; "geo.*"
// means all that start with "geo."; "*" means every field. Exclude beats Include.
// Of several entries of Numeric, Categorical and Text, or of one list of Cross,
// that fit a field, the longest decides, and of two of one length the one
// without *. Missing, Cyclic, Target and Count name single fields.
type Schema struct {
	// Label is the field to predict; for a bandit the reward. Text formats that
	// carry their own label (libsvm, vw) ignore it.
	Label string `koanf:"label" json:"label,omitempty"`
	// Positive is the value of the label that is the positive class. When set,
	// the label becomes 1 or 0. When empty, the label must be a number or a
	// boolean (true is 1).
	Positive string `koanf:"positive" json:"positive,omitempty"`
	// Classes are the labels in order: the label becomes the index of its class,
	// from 0. A name also stands for equal numbers: "1" for 1.0. Any other label is
	// a rejection. Of two classes the second is the positive one.
	Classes []string `koanf:"classes" json:"classes,omitempty"`
	// ClassWeights multiply the weights of records: one number for each of Classes;
	// without Classes two, for labels up to 0 and above.
	ClassWeights []float64 `koanf:"class_weights" json:"class_weights,omitempty"`
	// SampleNegatives is the share p, in (0, 1], of the negative records (label up
	// to 0) that are learned, with the weight 1/p, so that probabilities stay what
	// they are. The others get the weight 0: they are decoded, and change nothing.
	// Which ones depends on a hash of the ID, or of the whole record without one.
	// 0 means 1, all.
	SampleNegatives float64 `koanf:"sample_negatives" json:"sample_negatives,omitempty"`
	// LabelType is "multilabel" when the label is a set of Classes, or "costs" when
	// it is a cost for each of them, or for some: those that the event can have. A
	// class is named, or is an index from 0 without Classes. A set is an array, or
	// text as in "a,b"; costs are an object, an array in the order of the classes with
	// null for none, or text as in "a:0.5,b:1". Only events that are learned need them.
	LabelType string `koanf:"label_type" json:"label_type,omitempty"`
	// LabelSeparator is the character between the parts of such a text. Default ",".
	LabelSeparator string `koanf:"label_separator" json:"label_separator,omitempty"`
	// Weight is the field of the importance weight, finite and >= 0. Default:
	// every record weighs 1.
	Weight string `koanf:"weight" json:"weight,omitempty"`
	// Time is the field of the event time: an RFC 3339 string, or a number since
	// 1970-01-01 UTC, in seconds when its magnitude is below 1e11 and in
	// milliseconds otherwise (1e11 ms is in March 1973).
	Time string `koanf:"time" json:"time,omitempty"`
	// Key is the field whose text identifies the entity (card, user).
	Key string `koanf:"key" json:"key,omitempty"`
	// ID is the field whose text identifies the record.
	ID string `koanf:"id" json:"id,omitempty"`

	// Arm is the field of the chosen arm of a bandit: a name listed in Arms or
	// an index into it, from 0. A name wins over an index of the same text.
	Arm string `koanf:"arm" json:"arm,omitempty"`
	// Arms are the names of the arms in order. When empty, the arm is an index.
	Arms []string `koanf:"arms" json:"arms,omitempty"`
	// Continuous are the least and the largest number that may be chosen and the bandwidth of draws, when the choice is a number: Arm is
	// then its field, Arms are the bins of the interval, and Probability is the field of the density of the number. Default: an arm is chosen.
	Continuous []float64 `koanf:"-" json:"continuous,omitempty"`
	// Probability is the field of the propensity of the chosen arm, in (0, 1].
	// Default: every record was chosen with probability 1.
	Probability string `koanf:"probability" json:"probability,omitempty"`
	// Eligible is the field of the arms that could be chosen: an array of names or
	// indices. Default, and where it is absent: all.
	Eligible string `koanf:"eligible" json:"eligible,omitempty"`
	// Actions is the field of the features of the actions: an array of objects, one
	// for each arm, or for each of Eligible, in their order; null for an action without
	// features. A field of them has the path "actions.price", without the index, so
	// that the actions share the names of their features. Crosses, Missing, Cyclic,
	// Target and Count are not for them.
	Actions string `koanf:"actions" json:"actions,omitempty"`
	// Context is the field of an object. If it is named, only what is below it, and
	// below Actions, is a feature. Default: the whole record.
	Context string `koanf:"context" json:"context,omitempty"`

	// Source is the field whose text says who supplied the record; it may be the Key.
	// Readers need not know it, so it is not published, see Layout.Published.
	Source string `json:"-"`
	// Logged is the field that holds the features as they were when the decision was
	// made that the label is about: an object with the fields that a record would have.
	// Only JSON has it. It is not published either.
	Logged string `json:"-"`
	// Metrics are the fields of Event.Metrics: what guard rails compare beside the reward. A value is a number,
	// text of one, or a boolean; any other counts as absent. They are not published either.
	Metrics []string `json:"-"`

	// Include lists the fields that are features. Empty: all fields.
	Include []string `koanf:"include" json:"include,omitempty"`
	// Exclude lists fields that are not features.
	Exclude []string `koanf:"exclude" json:"exclude,omitempty"`
	// Numeric lists fields whose strings are read as numbers and whose booleans
	// as 1 and 0. Text that is no number is then a rejection.
	Numeric []string `koanf:"numeric" json:"numeric,omitempty"`
	// Categorical lists fields whose numbers are categories: the feature
	// "path=text", see the package comment for the text.
	Categorical []string `koanf:"categorical" json:"categorical,omitempty"`

	// Text lists fields whose strings are split into words: their longest runs of
	// letters, marks and decimal digits, in lower case. Each distinct word is the
	// feature "path=word".
	Text []string `koanf:"text" json:"text,omitempty"`
	// Ngrams is up to how many successive words of a text form one feature
	// together, "path=word word". Default 1; at most 5.
	Ngrams int `koanf:"ngrams" json:"ngrams,omitempty"`
	// Log1p lists fields whose numbers x become sign(x) log(1+|x|): counts and
	// amounts that range over orders of magnitude.
	Log1p []string `koanf:"log1p" json:"log1p,omitempty"`
	// Cyclic names fields that hold a time, as Time does; Time may be one of them.
	// They become the features of their time of day and week, in UTC, as points
	// of a circle, see the package comment.
	Cyclic []string `koanf:"cyclic" json:"cyclic,omitempty"`
	// Missing names fields with a feature "path?" of value 1 in records where they
	// are absent, null or empty.
	Missing []string `koanf:"missing" json:"missing,omitempty"`
	// Target names fields whose categories are known by the labels that came with
	// them: the mean label of a category, as far as it is known, is a numeric
	// feature "path#mean". Numbers of such a field are categories.
	Target []string `koanf:"target" json:"target,omitempty"`
	// Count names fields whose categories are known by how often they came: the
	// feature "path#count". Numbers of such a field are categories.
	Count []string `koanf:"count" json:"count,omitempty"`
	// Cross lists interactions: 2 to 4 entries each, of which the features of the
	// fields that they cover are multiplied, each with each. A field belongs to
	// the longest entry of a cross that covers it. An entry that stands there
	// twice gives pairs of different features; ["*","*"] gives all pairs. Products
	// are sparse, so they are not standardised; those of value 0 are left out.
	Cross [][]string `koanf:"cross" json:"cross,omitempty"`

	// MaxFeatures is how many features a record may have, with crosses and words.
	// Default 4096.
	MaxFeatures int `koanf:"max_features" json:"max_features,omitempty"`
}

// entries is one list of field entries with the key that configures it.
type entries struct {
	key  string
	list []string
}

func (s *Schema) lists() []entries {
	return []entries{
		{"features.include", s.Include}, {"features.exclude", s.Exclude},
		{"features.numeric", s.Numeric}, {"features.categorical", s.Categorical},
		{"features.text", s.Text}, {"features.log1p", s.Log1p},
	}
}

// named is one field with a meaning of its own.
type named struct {
	key   string
	field string
	role  role
}

func (s *Schema) named() [11]named {
	source := s.Source
	if source == s.Key { // the one field that may have two meanings
		source = ""
	}
	return [11]named{
		{"source.label", s.Label, roleLabel}, {"source.weight", s.Weight, roleWeight},
		{"source.time", s.Time, roleTime}, {"source.key", s.Key, roleKey}, {"source.id", s.ID, roleID},
		{"source.arm", s.Arm, roleArm}, {"source.probability", s.Probability, roleProbability},
		{"guard.source.field", source, roleSource}, {"guard.inputs.logged", s.Logged, roleLogged},
		{"source.eligible", s.Eligible, roleEligible}, {"source.actions", s.Actions, roleActions},
	}
}

// Validate returns an error that names the key, the value and the remedy.
func (s *Schema) Validate() error {
	if err := s.validateNamed(); err != nil {
		return err
	}
	if err := s.validateLists(); err != nil {
		return err
	}
	if err := s.validateClasses(); err != nil {
		return err
	}
	if err := s.validateLabelType(); err != nil {
		return err
	}
	if err := s.validateShapes(); err != nil {
		return err
	}
	if err := s.validateOffer(); err != nil {
		return err
	}
	if err := s.validateMetrics(); err != nil {
		return err
	}
	switch {
	case s.Arm == "" && len(s.Arms) > 0:
		return fmt.Errorf("source.arms: %q: source.arm must name the field that holds the arm", s.Arms)
	case s.Arm == "" && s.Probability != "":
		return fmt.Errorf("source.probability: %q: source.arm must name the field that holds the arm", s.Probability)
	case len(s.Continuous) > 0 && (len(s.Continuous) != 3 || !(s.Continuous[0] < s.Continuous[1]) || !(s.Continuous[2] > 0) || len(s.Arms) < 2):
		return fmt.Errorf("continuous: %v: must be the least and the largest number and a bandwidth above 0, with at least two bins in arms (%d)", s.Continuous, len(s.Arms))
	case len(s.Continuous) > 0 && s.Probability == "":
		return fmt.Errorf("source.probability: %q: must name the field of the density when a number is chosen", s.Probability)
	case len(s.Continuous) > 0 && (s.Eligible != "" || s.Actions != ""):
		return fmt.Errorf("source.eligible, source.actions: %q, %q: must be empty when a number is chosen", s.Eligible, s.Actions)
	case s.MaxFeatures < 0:
		return fmt.Errorf("features.max_features: %d: must not be negative; 0 means %d", s.MaxFeatures, DefaultMaxFeatures)
	}
	for i, a := range s.Arms {
		for _, b := range s.Arms[:i] {
			if a == b {
				return fmt.Errorf("source.arms: %q: named twice", a)
			}
		}
	}
	return nil
}

func (s *Schema) validateNamed() error {
	all := s.named()
	for i, n := range all {
		if strings.Contains(n.field, "*") {
			return fmt.Errorf("%s: %q: must name one field; patterns are for the lists under features", n.key, n.field)
		}
		for _, o := range all[:i] {
			if n.field != "" && n.field == o.field {
				return fmt.Errorf("%s: %q: is already named by %s; a field has one meaning", n.key, n.field, o.key)
			}
		}
	}
	return nil
}

func (s *Schema) validateLists() error {
	lists := s.lists()
	for _, l := range lists {
		for _, e := range l.list {
			if e == "" || strings.Contains(strings.TrimSuffix(e, "*"), "*") {
				return fmt.Errorf("%s: %q: must be a field, or a prefix followed by one *", l.key, e)
			}
			for _, n := range s.named() {
				if n.field != "" && n.field == e && n.role != roleActions && (!s.isFeature(n) || l.key == "features.exclude") {
					return fmt.Errorf("%s: %q: is named by %s, and so is no feature; remove one of the two", l.key, e, n.key)
				}
			}
		}
	}
	for _, pair := range [...][2]int{{0, 1}, {2, 1}, {3, 1}, {3, 2}, {4, 1}, {4, 2}, {4, 3}, {5, 1}, {5, 3}, {5, 4}} {
		a, b := lists[pair[0]], lists[pair[1]]
		for _, e := range a.list {
			for _, f := range b.list {
				if e == f {
					return fmt.Errorf("%s: %q: is also in %s; remove one of the two", a.key, e, b.key)
				}
			}
		}
	}
	for _, l := range lists[2:] {
		for _, e := range l.list {
			if len(s.Include) > 0 && !s.includes(e) {
				return fmt.Errorf("%s: %q: is not in features.include, and so is no feature; add it there", l.key, e)
			}
		}
	}
	return nil
}

// includes reports whether an entry of Include covers what the entry e covers, or
// a part of it.
func (s *Schema) includes(e string) bool {
	if _, ok := longest(s.Include, e); ok {
		return true
	}
	prefix, ok := strings.CutSuffix(e, "*")
	return ok && slices.ContainsFunc(s.Include, func(i string) bool { return strings.HasPrefix(i, prefix) })
}

// matches reports whether a list entry covers a path.
func matches(entry, path string) bool {
	if prefix, ok := strings.CutSuffix(entry, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return below(entry, path)
}

// below reports whether path is the field or lies below it.
func below(field, path string) bool {
	return strings.HasPrefix(path, field) && (len(path) == len(field) || path[len(field)] == '.')
}

// longest returns the rank of the longest entry that covers path. A longer one
// has a higher rank; of a name and a prefix of one length, the name has.
func longest(list []string, path string) (n int, ok bool) {
	for _, e := range list {
		if matches(e, path) {
			n, ok = max(n, rank(e)), true
		}
	}
	return n, ok
}

func rank(entry string) int {
	if prefix, ok := strings.CutSuffix(entry, "*"); ok {
		return 2 * len(prefix)
	}
	return 2*len(entry) + 1
}

// isFeature reports whether a field with a meaning of its own, of the key or of the
// source, is a feature as well.
func (s *Schema) isFeature(n named) bool {
	if n.field == "" || n.role != roleKey && n.role != roleSource {
		return false
	}
	for _, l := range append(s.lists(), entries{list: s.Target}, entries{list: s.Count}) {
		if l.key != "features.exclude" && slices.Contains(l.list, n.field) {
			return true
		}
	}
	return false
}

// besides returns what the value of a feature is as well: the key or the source.
func (s *Schema) besides(path string) role {
	for _, n := range s.named() {
		if n.field == path && s.isFeature(n) {
			return n.role
		}
	}
	return roleNone
}

// role tells what the value at a path is for.
func (s *Schema) role(path string) role {
	for _, n := range s.named() {
		if n.field == "" || !below(n.field, path) || s.isFeature(n) {
			continue
		}
		if len(path) == len(n.field) {
			return n.role
		}
		if n.role != roleActions {
			return roleSkip
		}
	}
	if r := s.metricOf(path); r != roleNone {
		return r
	}
	if s.outside(path) {
		return roleSkip
	}
	if _, out := longest(s.Exclude, path); out {
		return roleSkip
	}
	if _, in := longest(s.Include, path); len(s.Include) > 0 && !in {
		return roleSkip
	}
	num, isNum := longest(s.Numeric, path)
	cat, isCat := longest(s.Categorical, path)
	txt, isTxt := longest(s.Text, path)
	switch {
	case isTxt && (!isNum || txt > num) && (!isCat || txt > cat):
		return roleText
	case isNum && (!isCat || num > cat):
		return roleNumeric
	case isCat || slices.Contains(s.Target, path) || slices.Contains(s.Count, path):
		return roleCategorical
	}
	return roleAuto
}
