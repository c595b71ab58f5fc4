package event

import "fmt"

// LoopSchema says how the records of a decision loop are told apart: decisions,
// the rewards that come later, and activations, which say that a decision was
// shown. Schema.ID names the id of the decision in all three, Schema.Time the
// time of each, and Schema.Label the reward, in rewards alone.
type LoopSchema struct {
	Schema
	Kind                         string // field of the kind
	Decision, Reward, Activation string // its values
	Shown                        string // field of a decision that says whether it was shown; empty for none
	RewardID                     string // field of the identity of a reward; empty for none
}

// MessageKind is what a record of a loop is.
type MessageKind uint8

// The kinds of records.
const (
	DecisionMessage MessageKind = iota
	RewardMessage
	ActivationMessage
)

// Visibility is what a decision says of whether it was shown.
type Visibility uint8

// The visibilities.
const (
	Unsaid Visibility = iota
	Shown
	NeverShown
)

// Message is what a record of a loop says besides what an Event holds.
type Message struct {
	Kind     MessageKind
	Shown    Visibility
	RewardID []byte // identity of a reward; empty for none
}

// part is which part of an event a record has.
type part uint8

const (
	wholeEvent   part = iota
	withoutLabel      // a decision: its reward comes later
	labelOnly         // a reward: it has no features
)

// Loop decodes the records of a loop, which are JSON objects. Like every
// decoder it reuses its memory, and is not safe for concurrent use.
type Loop struct {
	schema                             LoopSchema
	head, decision, reward, activation *JSON
	first                              Event
}

// NewLoop returns a decoder of the records of a loop.
func NewLoop(s LoopSchema) (*Loop, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	l := &Loop{schema: s}
	var err error
	if l.head, err = newJSON(Schema{ID: s.Kind, Key: s.Shown, Include: nothing()}, false, labelOnly); err != nil {
		return nil, err
	}
	decision := s.Schema
	decision.Exclude = append(append([]string(nil), s.Exclude...), s.own()...)
	decision.Label, decision.Positive, decision.Classes = "", "", nil
	if l.decision, err = newJSON(decision, true, withoutLabel); err != nil {
		return nil, err
	}
	if l.activation, err = newJSON(Schema{Time: s.Time, ID: s.ID, Include: nothing()}, false, labelOnly); err != nil {
		return nil, err
	}
	l.reward, err = newJSON(Schema{
		Label: s.Label, Positive: s.Positive, Classes: s.Classes, Time: s.Time, ID: s.ID, Key: s.RewardID, Metrics: s.Metrics, Include: nothing(),
	}, true, labelOnly)
	return l, err
}

// nothing is a list of features that includes none: a path is valid UTF-8.
func nothing() []string { return []string{"\xff"} }

// own are the fields that are no features of a decision.
func (s *LoopSchema) own() (out []string) {
	for _, f := range []string{s.Kind, s.Label, s.Shown, s.RewardID} {
		if f != "" {
			out = append(out, f)
		}
	}
	return out
}

// Validate returns an error that names the key, the value and the remedy.
func (s *LoopSchema) Validate() error {
	if err := s.Schema.Validate(); err != nil {
		return err
	}
	switch {
	case s.Label == "":
		return fmt.Errorf("source.label: empty: must name the field of the reward, in the records of rewards")
	case s.ID == "":
		return fmt.Errorf("source.id: empty: must name the field of the decision's id, by which rewards are joined")
	case s.Time == "":
		return fmt.Errorf("source.time: empty: must name the field of the event time, in which windows are measured")
	case s.Kind == "":
		return fmt.Errorf("source.join.kind: empty: must name the field that tells decisions and rewards apart")
	case s.LabelType != "":
		return fmt.Errorf("source.label_type: %q: must be empty with source.join, which joins one number", s.LabelType)
	case len(s.ClassWeights) > 0:
		return fmt.Errorf("source.class_weights: %v: must be empty with source.join: the class is not known when a decision is read; weigh with source.weight", s.ClassWeights)
	case s.SampleNegatives > 0 && s.SampleNegatives < 1:
		return fmt.Errorf("source.sample_negatives: %v: must be 1 with source.join: the class is not known when a decision is read", s.SampleNegatives)
	}
	keys := [...]struct{ key, field string }{
		{"source.join.kind", s.Kind}, {"source.join.shown", s.Shown}, {"source.join.reward_id", s.RewardID},
	}
	for i, k := range keys {
		for _, n := range s.named() {
			if k.field != "" && k.field == n.field {
				return fmt.Errorf("%s: %q: is already named by %s; a field has one meaning", k.key, k.field, n.key)
			}
		}
		for _, o := range keys[:i] {
			if k.field != "" && k.field == o.field {
				return fmt.Errorf("%s: %q: is already named by %s; a field has one meaning", k.key, k.field, o.key)
			}
		}
	}
	for _, k := range keys {
		if k.field != "" && s.metricOf(k.field) != roleNone {
			return fmt.Errorf("%s: %q: is a metric of learner.bandit.guard_rails; a field has one meaning", k.key, k.field)
		}
	}
	values := [...]struct{ key, value string }{
		{"source.join.decision", s.Decision}, {"source.join.reward", s.Reward}, {"source.join.activation", s.Activation},
	}
	for i, v := range values {
		if v.value == "" {
			return fmt.Errorf("%s: empty: must be the value that %s has in these records", v.key, s.Kind)
		}
		for _, o := range values[:i] {
			if v.value == o.value {
				return fmt.Errorf("%s: %q: is the value of %s too; they could not be told apart", v.key, v.value, o.key)
			}
		}
	}
	return nil
}

// Decode decodes a record. Of a decision it fills e with all but the reward,
// of a reward with label, time and id alone, of an activation with time and id.
// m is valid until the next call. A record that cannot be used yields a *Rejection.
func (l *Loop) Decode(value []byte, e *Event, m *Message) error {
	if err := l.head.Decode(value, &l.first); err != nil {
		return err
	}
	*m = Message{}
	var err error
	switch s := &l.schema; string(l.first.ID) {
	case s.Decision:
		if m.Shown, err = l.visibility(); err == nil {
			err = l.decision.Decode(value, e)
		}
	case s.Reward:
		m.Kind = RewardMessage
		err = l.reward.Decode(value, e)
		m.RewardID = e.Key
	case s.Activation:
		m.Kind = ActivationMessage
		err = l.activation.Decode(value, e)
	default:
		return &Rejection{Reason: KindUnknown, Field: s.Kind, Detail: fmt.Sprintf("%s: must be %s, %s or %s", excerpt(l.first.ID), s.Decision, s.Reward, s.Activation)}
	}
	if err == nil && len(e.ID) == 0 {
		err = &Rejection{Reason: IDMissing, Field: l.schema.ID, Detail: "absent, null or empty: decisions and rewards are joined by it"}
	}
	return err
}

func (l *Loop) visibility() (Visibility, error) {
	if l.schema.Shown == "" {
		return Unsaid, nil
	}
	switch text := l.first.Key; string(text) {
	case "":
		return Unsaid, nil
	case "true", "1":
		return Shown, nil
	case "false", "0":
		return NeverShown, nil
	default:
		return Unsaid, &Rejection{Reason: KindUnknown, Field: l.schema.Shown, Detail: fmt.Sprintf("%s: must be true or false", excerpt(text))}
	}
}

// Again decodes a decision that Decode has accepted, of this loop or of one with fewer arms.
func (l *Loop) Again(value []byte, e *Event) error {
	l.decision.offer.again = true
	err := l.decision.Decode(value, e)
	l.decision.offer.again = false
	return err
}
