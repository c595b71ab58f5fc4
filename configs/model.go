package configs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// Schema returns what the fields of a record mean.
func (m Model) Schema() event.Schema {
	var arms []string
	if m.Source.Arm != "" {
		arms = m.Learner.Bandit.ArmNames()
	}
	// What is off is left out, so that older readers can read what they know.
	f, share, separator := m.Features, m.Source.SampleNegatives, m.Source.LabelSeparator
	if separator == "," {
		separator = ""
	}
	if f.Ngrams == 1 {
		f.Ngrams = 0
	}
	if share == 1 {
		share = 0
	}
	exclude := f.Exclude
	if own := m.Source.own(); len(own) > 0 {
		exclude = append(slices.Clone(exclude), own...)
	}
	var metrics []string
	if m.Learner.Kind == "bandit" {
		metrics = m.Learner.Bandit.Metrics()
	}
	return event.Schema{
		Metrics: metrics,
		Label:   m.Source.Label, Positive: m.Source.Positive, Weight: m.Source.Weight, Time: m.Source.Time,
		Classes: m.Source.Classes, ClassWeights: m.Source.ClassWeights, SampleNegatives: share,
		LabelType: m.Source.LabelType, LabelSeparator: separator,
		Key: m.Source.Key, ID: m.Source.ID,
		Arm: m.Source.Arm, Arms: arms, Probability: m.Source.Probability, Continuous: m.interval(),
		Source: m.Guard.Source.Field, Logged: m.Guard.Inputs.Logged,
		Eligible: m.Source.Eligible, Actions: m.Source.Actions, Context: m.Source.Context,
		Include: f.Include, Exclude: exclude, Numeric: f.Numeric, Categorical: f.Categorical,
		Text: f.Text, Ngrams: f.Ngrams, Log1p: f.Log1p, Cyclic: f.Cyclic, Missing: f.Missing, Target: f.Target, Count: f.Count, Cross: f.Cross,
		MaxFeatures: f.MaxFeatures,
	}
}

// interval returns the bounds and the bandwidth of the number that a bandit chooses; nil when it chooses an arm.
func (m Model) interval() []float64 {
	if b := m.Learner.Bandit; m.Source.Arm != "" && m.Learner.Kind == "bandit" && b.Continuous() {
		low, high, bandwidth := b.Interval()
		return []float64{low, high, bandwidth}
	}
	return nil
}

// encoding returns how features are encoded, as it acts.
func (m Model) encoding() encode.Config {
	return m.Features.Encode.Resolve(len(m.Features.Target)+len(m.Features.Count) > 0)
}

// comma is the delimiter of csv records.
func (s Source) comma() (byte, bool) {
	switch {
	case s.Delimiter == "tab" || s.Delimiter == `\t`:
		return '\t', true
	case len(s.Delimiter) == 1 && s.Delimiter[0] < 0x80 && !strings.ContainsAny(s.Delimiter, "\"\r\n"):
		return s.Delimiter[0], true
	}
	return 0, false
}

// Layout returns what the records are and what their fields mean.
func (m Model) Layout() event.Layout {
	l := event.Layout{Format: m.Source.Format, Schema: m.Schema()}
	if l.Format == "csv" {
		comma, _ := m.Source.comma()
		l.Columns, l.Delimiter = m.Source.Columns, string(comma)
	}
	return l
}

// Decoder returns a decoder of the model's records. With needLabel a record
// without a label is refused.
func (m Model) Decoder(needLabel bool) (event.Decoder, error) {
	return catalog.Decoder(m.Layout(), needLabel)
}

// LearnerConfig returns what the learner of one partition is made of. Its
// decoder keeps buffers, so every partition needs a configuration of its own.
// binary is the version of the program.
func (m Model) LearnerConfig(binary string) (learner.Config, error) {
	r, err := m.reading()
	if err != nil {
		return learner.Config{}, err
	}
	defaults := DefaultModel()
	defaults.Learner.Kind = m.Learner.Kind
	evaluation, err := m.evaluation()
	if err != nil {
		return learner.Config{}, err
	}
	guard := m.Guard
	guard.Loss = catalog.LossClip(m.Learner)
	in, err := m.inputs()
	if err != nil {
		return learner.Config{}, err
	}
	return learner.Config{
		Model:    func() (learner.Model, error) { return catalog.Encoded(m.Learner, m.encoding()) },
		Decoder:  r.Decoder,
		Join:     m.learnerJoin(r.Records),
		MaxAhead: m.Source.MaxAhead.Milliseconds(),
		Guard:    guard,
		Snapshot: m.Snapshot,
		Signals:  m.signals(),
		Inputs:   in,
		Evaluate: evaluation,
		Settings: m.Settings(),
		Defaults: defaults.Settings(),
		Binary:   binary,
		Arch:     runtime.GOARCH,
		Schema:   r.Schema,
		Arms:     m.withArms,
	}, nil
}

// reading returns how a learner reads records, and how readers are told to.
func (m Model) reading() (r learner.Reading, err error) {
	if r.Decoder, err = m.Decoder(true); err != nil {
		return r, err
	}
	if m.Source.Join.On() {
		if r.Records, err = event.NewLoop(m.loop()); err != nil {
			return r, err
		}
	}
	r.Schema, err = json.Marshal(m.Layout().Published())
	return r, err
}

// withArms is reading for a bandit that has other arms by now.
func (m Model) withArms(names []string) (learner.Reading, error) {
	m.Learner.Bandit.Arms = names
	return m.reading()
}

// signals are what additional detectors of the guard need.
func (m Model) signals() learner.Signals {
	return learner.Signals{Detector: catalog.Detector, Wrong: catalog.Wrong(m.Learner)}
}

// inputs are what the guard of the inputs needs.
func (m Model) inputs() (inputs.Deps, error) {
	d := inputs.Deps{Schema: m.Schema()}
	if !m.Guard.Inputs.Watch {
		return d, nil
	}
	layout := m.Layout().Published()
	named, err := catalog.Decoder(layout, false)
	if err != nil {
		return d, err
	}
	d.Name = inputs.Names(named.(event.Named)) // every decoder of the catalog can keep names
	if m.Guard.Inputs.Logged != "" {
		d.Logged, err = catalog.Decoder(layout, false)
	}
	return d, err
}

// shapeless are the settings that leave no trace in a state.
var shapeless = [...]string{
	"source.start", "source.dead_letter", "source.join.topic", "source.join.partition", "source.copies.topics", "source.copies.partition", "audit.topic", "audit.keep", "evaluate.alpha", "metrics.threshold", "metrics.precision_at_k", "metrics.recall_at_fpr",
}

// Settings are all settings that shape the state of a partition, one
// "key=value" a line, sorted by key.
func (m Model) Settings() string {
	var lines []string
	for _, k := range keysOf(reflect.TypeFor[Model]()) {
		if !slices.Contains(shapeless[:], k.path) && !m.otherKind(k.path) {
			lines = append(lines, k.path+"="+text(value(reflect.ValueOf(m), k.path)))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// otherKind reports whether a setting belongs to a family that the model is not
// of; only bandits are evaluated. The keys of the family sgd stand in the section learner itself.
func (m Model) otherKind(path string) bool {
	if strings.HasPrefix(path, "evaluate.") {
		return m.Learner.Kind != "bandit"
	}
	name, ok := strings.CutPrefix(path, "learner.")
	if !ok || name == "kind" {
		return false
	}
	family, _, nested := strings.Cut(name, ".")
	if !nested {
		family = "sgd"
	}
	return family != m.Learner.Kind
}

// value returns the field of a struct that a path names.
func value(v reflect.Value, path string) reflect.Value {
	name, rest, more := strings.Cut(path, ".")
	for i := range v.NumField() {
		tag, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("koanf"), ",")
		switch {
		case option == "squash":
			if f := value(v.Field(i), path); f.IsValid() {
				return f
			}
		case tag == name && more:
			return value(v.Field(i), rest)
		case tag == name:
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

// text renders a value so that equal values give equal text.
func text(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = text(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.String:
		return strconv.Quote(v.String())
	}
	return fmt.Sprint(v.Interface())
}

// PublishDelay is what readers can expect at some rate of events.
type PublishDelay struct {
	Rate   float64       // events a second in one partition
	First  time.Duration // from the first event to the first published version
	Every  time.Duration // between two published versions
	Oldest time.Duration // greatest age of what the served version has learned last
	Armed  time.Duration // from the first event to the first armed reference of the guard; 0 when it is off
}

// PublishDelay returns how late versions are published at a rate of events a
// second in one partition. A checkpoint is taken every snapshot.every events
// and published once snapshot.quarantine more have passed without an alarm.
func (m Model) PublishDelay(rate float64) PublishDelay {
	after := func(events uint64) time.Duration {
		return time.Duration(float64(events) / rate * float64(time.Second))
	}
	every, quarantine := m.Snapshot.Every, m.Snapshot.Quarantine
	wait := m.Source.Join.wait()
	d := PublishDelay{Rate: rate, First: wait + after(every+quarantine), Every: after(every), Oldest: wait + after(every+quarantine)}
	if m.Guard.Enabled {
		d.Armed = wait + after(m.Guard.ReferenceAfter+uint64(m.Guard.Window))
	}
	return d
}
