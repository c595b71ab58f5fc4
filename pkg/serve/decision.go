package serve

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Decision is what Choose decided. Its slices are valid until it is used again.
type Decision struct {
	Arm  int    // index in the table of the policy; -1 by Fallback
	Name string // of the arm
	// Value is the number that was chosen, where Continuous says so; Arm and Name are then those of its bin, and Prob its density.
	Value      float64
	Continuous bool
	Prob       float64 // probability with which the arm was chosen, above 0: its propensity
	// PMF is the probability of each arm by the policy, by index; empty in mode Baseline. AppendJSON
	// leaves it out when it is empty.
	PMF  []float64
	Mode Mode
	// Key is that of the records of the decision and of its rewards in Kafka: it brings
	// them to the partition whose model has decided.
	Key []byte

	Model     string
	Version   uint64        // number of the published version
	Partition int32         // partition whose model it is
	Age       time.Duration // time since the last record that the version has learned
	Learner   string        // mode of the learner: learning, frozen or recovering; or held
	Stale     bool          // Age is above what the model's owner allows

	// NeverShown says that nobody saw the arm, so that nothing is learned of it. The
	// caller may set it before AppendJSON.
	NeverShown bool

	schema *event.Schema // of record
	record []byte        // what was decided on: the record without its end
	unit   string
}

// reset makes d a decision of which nothing is known.
func (d *Decision) reset(model string) {
	*d = Decision{Arm: -1, Model: model, PMF: d.PMF[:0], Key: d.Key[:0], record: d.record[:0]}
}

// from notes which version decides.
func (d *Decision) from(v *served, mode Mode) {
	age := v.age(time.Now())
	d.Version, d.Age, d.Stale, d.Learner, d.Mode = v.pointer.Number, age, v.stale(age), v.pointer.Mode, mode
}

// fallback is how decisions are written while no schema is known.
func fallback() *event.Schema {
	return &event.Schema{ID: "id", Time: "ts", Context: "context", Actions: "actions", Eligible: "eligible", Arm: "arm", Probability: "p"}
}

// begin writes what is decided on as the beginning of a record. With a context of
// its own the fields that the schema does not name have their usual names; else they
// would be features, and are left out.
func (d *Decision) begin(model string, r *Request, s *event.Schema) error {
	d.reset(model)
	if err := r.check(s); err != nil {
		return err
	}
	d.schema, d.unit = s, r.Unit
	d.record = append(d.record, '{')
	if s.Context == "" {
		context := trimJSON(r.Context)
		d.record = append(d.record, trimJSON(context[1:len(context)-1])...)
	} else {
		d.record = appendText(d.field("kind"), "decision")
		d.record = append(d.field(s.Context), r.Context...)
	}
	if name := d.name(s.ID, "id"); name != "" {
		d.record = appendText(d.field(name), r.ID)
	}
	if name := d.name(s.Time, "ts"); name != "" {
		at := r.Time
		if at.IsZero() {
			at = time.Now()
		}
		d.record = strconv.AppendInt(d.field(name), at.UnixMilli(), 10)
	}
	if r.Key != "" && s.Key != "" && !within(s.Context, s.Key) {
		d.record = appendText(d.field(s.Key), r.Key)
	}
	if r.Actions != nil {
		d.record = append(d.field(s.Actions), r.Actions...)
	}
	if r.Eligible != nil {
		d.record = append(d.field(s.Eligible), '[')
		for i, a := range r.Eligible {
			if i > 0 {
				d.record = append(d.record, ',')
			}
			d.record = appendText(d.record, a)
		}
		d.record = append(d.record, ']')
	}
	return nil
}

// check finds what is wrong with a request.
func (r *Request) check(s *event.Schema) error {
	switch {
	case r.ID == "":
		return fmt.Errorf("%w: Request.ID is empty", ErrNoID)
	case r.Actions != nil && s.Actions == "":
		return fmt.Errorf("%w: Request.Actions are given, but the model does not learn from features of actions: set its source.actions", ErrSchema)
	case r.Eligible != nil && s.Eligible == "":
		return fmt.Errorf("%w: Request.Eligible is given, but the model does not read which arms could be chosen: set its source.eligible", ErrSchema)
	case !single(r.Context, '{'):
		return &event.Rejection{Reason: event.Syntax, Field: s.Context, Detail: fmt.Sprintf("Request.Context %.100q: must be one JSON object", r.Context)}
	case r.Actions != nil && !single(r.Actions, '['):
		return &event.Rejection{Reason: event.Syntax, Field: s.Actions, Detail: fmt.Sprintf("Request.Actions %.100q: must be one JSON array", r.Actions)}
	}
	return nil
}

// name is the name of a field, or empty when it is not to be written.
func (d *Decision) name(configured, usual string) string {
	if configured == "" && d.schema.Context != "" {
		return usual
	}
	return configured
}

// field begins a field of the record. Its name may be a path: a key with dots has the same.
func (d *Decision) field(name string) []byte { return appendField(d.record, name) }

// within reports whether a field lies below another.
func within(field, path string) bool {
	return field != "" && strings.HasPrefix(path, field) && len(path) > len(field) && path[len(field)] == '.'
}

// AppendJSON appends the record of the decision, which is to be logged: what was decided
// on, byte for byte, then the arm, its probability, and which version decided. docs/decisions.md lists the fields.
func (d *Decision) AppendJSON(dst []byte) []byte {
	s := d.schema
	if s == nil { // of ChooseEvent: only what was decided
		s = &event.Schema{Arm: "arm", Probability: "p", Context: "context"}
		dst = append(dst, '{')
	}
	dst = append(dst, d.record...)
	arm, p := s.Arm, s.Probability
	if s.Context != "" && p == "" {
		p = "p"
	}
	if dst = appendField(dst, arm); d.Continuous {
		dst = appendFloat(dst, d.Value)
	} else {
		dst = appendText(dst, d.Name)
	}
	if p != "" {
		dst = appendFloat(appendField(dst, p), d.Prob)
	}
	if s.Context == "" {
		return append(dst, '}')
	}
	if len(d.PMF) > 0 {
		dst = append(appendField(dst, "pmf"), '[')
		for i, v := range d.PMF {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendFloat(dst, v)
		}
		dst = append(dst, ']')
	}
	dst = appendText(appendField(dst, "model"), d.Model)
	dst[len(dst)-1] = '/'
	dst = append(strconv.AppendInt(dst, int64(d.Partition), 10), '"')
	dst = strconv.AppendUint(appendField(dst, "version"), d.Version, 10)
	dst = appendText(appendField(dst, "mode"), string(d.Mode))
	if d.unit != "" {
		dst = appendText(appendField(dst, "unit"), d.unit)
	}
	if d.NeverShown {
		dst = append(appendField(dst, "shown"), "false"...)
	}
	return append(dst, '}')
}
