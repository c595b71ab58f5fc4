package learner

import (
	"encoding/json"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// mostWarned is how many warnings of the inputs a state remembers with their evidence.
const mostWarned = 16

// warnInputs takes the warnings that the newest record has made begin or end. Those that begin
// make one audit record together.
func (l *Learner) warnInputs(o *Outcome) {
	if o.Inputs = l.input.Warnings(); len(o.Inputs) == 0 {
		return
	}
	warned, begun := slices.Clone(l.warned), []state.InputWarning{} // the old list may be in use
	for i := range o.Inputs {
		w := o.Inputs[i].Document()
		if w.Over == 0 {
			begun = append(begun, w)
		} else if n := slices.IndexFunc(warned, standing(w.Check, w.Field)); n >= 0 {
			warned[n].Over = w.Over
		}
	}
	if len(begun) > mostWarned { // those farthest above their limits
		slices.SortStableFunc(begun, func(a, b state.InputWarning) int { return b.Compare(&a) })
		begun = begun[:mostWarned]
	}
	warned = append(warned, begun...)
	l.warned = warned[max(0, len(warned)-mostWarned):]
	if len(begun) > 0 {
		l.audit(state.AuditWarning, nil).Warnings = begun
	}
}

// standing finds the warning of a check of a field that is not over.
func standing(check, field string) func(state.InputWarning) bool {
	return func(w state.InputWarning) bool { return w.Over == 0 && w.Check == check && w.Field == field }
}

// standingWarnings are the warnings that stand, the farthest above its limit first, without their evidence.
func (l *Learner) standingWarnings() []state.InputWarning {
	var out []state.InputWarning
	for _, w := range l.warned {
		if w.Over == 0 {
			w.Evidence = nil
			out = append(out, w)
		}
	}
	slices.SortStableFunc(out, func(a, b state.InputWarning) int { return b.Compare(&a) })
	return out[:min(len(out), mostListed)]
}

// settleWarnings ends those that nothing watches any more, after other settings.
func (l *Learner) settleWarnings() {
	for i := range l.warned {
		w := &l.warned[i]
		if w.Over == 0 && !l.stands(w) {
			w.Over = max(l.next.Offset, w.Offset, 1)
		}
	}
}

func (l *Learner) stands(w *state.InputWarning) bool {
	if l.input == nil {
		return false
	}
	for _, a := range l.input.Report().Active {
		if d := a.Document(); d.Check == w.Check && d.Field == w.Field {
			return true
		}
	}
	return false
}

// appendWarnings encodes the newest warnings as JSON, as audit records have them.
func (l *Learner) appendWarnings(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(l.warned)))
	for i := range l.warned {
		data, err := json.Marshal(&l.warned[i])
		if err != nil { // nothing in it is beyond JSON
			panic("learner: a warning cannot be encoded: " + err.Error())
		}
		b = wire.AppendBytes(b, data)
	}
	return b
}

// readWarnings reads what appendWarnings wrote.
func (l *Learner) readWarnings(r *wire.Reader) {
	n := r.Count(1)
	if n > mostWarned {
		r.Fail("%d warnings of the inputs, at most %d are kept", n, mostWarned)
		return
	}
	for range n {
		data := r.Bytes()
		if r.Err() != nil {
			return
		}
		var w state.InputWarning
		if err := json.Unmarshal(data, &w); err != nil {
			r.Fail("a warning of the inputs: %v", err)
		}
		l.warned = append(l.warned, w)
	}
}
