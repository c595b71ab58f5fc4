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

	form   *form
	record []byte // what was decided on: the record without its end
	end    int    // of the context in record; 0 where it has no field of its own
	unit   string
}

// reset makes d a decision of which nothing is known.
func (d *Decision) reset(model string) {
	*d = Decision{Arm: -1, Model: model, PMF: d.PMF[:0], Key: d.Key[:0], record: d.record[:0]}
}

// from notes which version decides, and when.
func (d *Decision) from(v *served, mode Mode, now time.Time) {
	age := v.age(now)
	d.Version, d.Age, d.Stale, d.Learner, d.Mode = v.pointer.Number, age, v.stale(age), v.pointer.Mode, mode
}

// begin writes what is decided on as the beginning of a record.
func (d *Decision) begin(model string, r *Request, f *form, now time.Time) error {
	d.reset(model)
	if err := r.check(f.schema); err != nil {
		return err
	}
	d.form, d.unit = f, r.Unit
	b := append(d.record, '{')
	if f.context == nil {
		context := trimJSON(r.Context)
		b = append(b, trimJSON(context[1:len(context)-1])...)
	} else {
		b = append(appendName(b, f.kind), `"decision"`...)
		b = appendName(b, f.context)
		d.end = len(b) + len(trimEnd(r.Context))
		b = append(b, r.Context...)
	}
	if f.id != nil {
		b = appendText(appendName(b, f.id), r.ID)
	}
	if f.time != nil {
		at := r.Time
		if at.IsZero() {
			at = now
		}
		b = strconv.AppendInt(appendName(b, f.time), at.UnixMilli(), 10)
	}
	if r.Key != "" && f.key != nil {
		b = appendText(appendName(b, f.key), r.Key)
	}
	if r.Actions != nil {
		b = append(appendName(b, f.actions), r.Actions...)
	}
	if r.Eligible != nil {
		b = append(appendName(b, f.eligible), '[')
		for i, a := range r.Eligible {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, a)
		}
		b = append(b, ']')
	}
	d.record = b
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
	case r.Actions != nil && !single(r.Actions, '['):
		return &event.Rejection{Reason: event.Syntax, Field: s.Actions, Detail: fmt.Sprintf("Request.Actions %.100q: must be one JSON array", r.Actions)}
	case s.Context == "": // else the decoder tells where it ended
		return r.checkContext(s)
	}
	return nil
}

// checkContext refuses a context that is not one object.
func (r *Request) checkContext(s *event.Schema) error {
	if !single(r.Context, '{') {
		return &event.Rejection{Reason: event.Syntax, Field: s.Context, Detail: fmt.Sprintf("Request.Context %.100q: must be one JSON object", r.Context)}
	}
	return nil
}

// within reports whether a field lies below another.
func within(field, path string) bool {
	return field != "" && strings.HasPrefix(path, field) && len(path) > len(field) && path[len(field)] == '.'
}

// AppendJSON appends the record of the decision, which is to be logged: what was decided
// on, byte for byte, then the arm, its probability, and which version decided. docs/decisions.md lists the fields.
// It is for decisions that were made without error.
func (d *Decision) AppendJSON(dst []byte) []byte {
	f := d.form
	if f == nil {
		return append(dst, "{}"...)
	}
	dst = append(dst, d.record...)
	switch {
	case f.arm == nil:
	case d.Continuous:
		dst = appendFloat(appendName(dst, f.arm), d.Value)
	default:
		dst = appendText(appendName(dst, f.arm), d.Name)
	}
	var prob number
	if f.prob != nil {
		dst = prob.append(appendName(dst, f.prob), d.Prob)
	}
	if f.context == nil {
		return append(dst, '}')
	}
	if len(d.PMF) > 0 {
		dst = append(appendName(dst, f.pmf), '[')
		last := prob
		for i, v := range d.PMF {
			if i > 0 {
				dst = append(dst, ',')
			}
			if v == prob.value && prob.end > 0 {
				dst = append(dst, dst[prob.begin:prob.end]...)
			} else {
				dst = last.append(dst, v)
			}
		}
		dst = append(dst, ']')
	}
	dst = appendText(appendName(dst, f.model), d.Model)
	dst[len(dst)-1] = '/'
	dst = append(strconv.AppendInt(dst, int64(d.Partition), 10), '"')
	dst = strconv.AppendUint(appendName(dst, f.version), d.Version, 10)
	dst = appendText(appendName(dst, f.mode), string(d.Mode))
	if d.unit != "" {
		dst = appendText(appendName(dst, f.unit), d.unit)
	}
	if d.NeverShown {
		dst = append(appendName(dst, f.shown), "false"...)
	}
	return append(dst, '}')
}

// number is a number that was written, and where: one that is written again is copied, since its digits take long to find.
type number struct {
	value      float64
	begin, end int // 0 before the first
}

func (n *number) append(dst []byte, v float64) []byte {
	if n.end > 0 && v == n.value {
		return append(dst, dst[n.begin:n.end]...)
	}
	n.value, n.begin = v, len(dst)
	dst = appendFloat(dst, v)
	n.end = len(dst)
	return dst
}
