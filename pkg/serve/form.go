package serve

import (
	"slices"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// form is how the records of decisions are written under one schema: the names of their fields, each as `,"name":`,
// nil for one that is not written.
type form struct {
	schema *event.Schema

	kind, context, id, time, key, actions, eligible []byte // of what is decided on
	arm, prob, pmf, model, version, mode, unit      []byte // of what was decided
	shown                                           []byte
}

// newForm returns the form of a schema. With a context of its own the fields that the
// schema does not name have their usual names; else they would be features, and are left out.
func newForm(s *event.Schema) *form {
	f := &form{schema: s}
	own := s.Context != ""
	for _, n := range []struct {
		to                *[]byte
		configured, usual string
	}{
		{&f.kind, "", "kind"}, {&f.context, s.Context, ""}, {&f.id, s.ID, "id"}, {&f.time, s.Time, "ts"}, {&f.key, s.Key, ""},
		{&f.actions, s.Actions, ""}, {&f.eligible, s.Eligible, ""}, {&f.arm, s.Arm, ""}, {&f.prob, s.Probability, "p"},
		{&f.pmf, "", "pmf"}, {&f.model, "", "model"}, {&f.version, "", "version"}, {&f.mode, "", "mode"}, {&f.unit, "", "unit"}, {&f.shown, "", "shown"},
	} {
		name := n.configured
		if name == "" && own {
			name = n.usual
		}
		if name != "" {
			*n.to = slices.Clip(append(appendText([]byte{','}, name), ':'))
		}
	}
	if within(s.Context, s.Key) {
		f.key = nil
	}
	return f
}

// appendName appends the name of a field, with what parts it from the one before it.
func appendName(dst, name []byte) []byte {
	if n := len(dst); n > 0 && dst[n-1] == '{' {
		name = name[1:]
	}
	return append(dst, name...)
}
