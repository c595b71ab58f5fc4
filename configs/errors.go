package configs

import (
	"fmt"
	"strings"
)

// Error is one fault of a configuration.
type Error struct {
	Where  string `json:"where,omitempty"` // file:line, variable or flag; empty for a default
	Key    string `json:"key,omitempty"`   // path of the setting
	Value  string `json:"value,omitempty"` // what was given
	Detail string `json:"detail"`          // what is wrong and what is allowed
}

func (e Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Where, e.Key, e.Value} {
		if part != "" {
			b.WriteString(part)
			b.WriteString(": ")
		}
	}
	b.WriteString(e.Detail)
	return b.String()
}

// Errors are all faults of a configuration, in the order of the file.
type Errors []Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// show renders a value for an error message, short and quoted where it is text.
func show(v any) string {
	s := fmt.Sprint(v)
	if t, ok := v.(string); ok {
		s = fmt.Sprintf("%q", t)
	}
	if len(s) > 80 {
		s = s[:77] + "..."
	}
	return s
}
