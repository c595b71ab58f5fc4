package configs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// WithSettings returns m with the settings of a stored state, as Settings has
// written them. A key that they lack has its default: the program that stored
// them did not know it.
func (m Model) WithSettings(settings string) (Model, error) {
	want := strings.Split(strings.TrimSuffix(settings, "\n"), "\n")
	defaults := DefaultModel()
	for _, line := range want {
		if kind, ok := strings.CutPrefix(line, "learner.kind="); ok {
			defaults.Learner.Kind = plain(kind)
		}
	}
	now := strings.Split(m.Settings(), "\n")
	for line := range strings.Lines(defaults.Settings()) {
		key, _, _ := strings.Cut(line, "=")
		if !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(w, key+"=") }) {
			want = append(want, strings.TrimSuffix(line, "\n"))
		}
	}
	var sets []string
	for _, line := range want {
		if slices.Contains(now, line) {
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		sets = append(sets, key+"="+plain(value))
	}
	out, err := m.With(sets)
	if err != nil {
		return Model{}, fmt.Errorf("stored settings: %w", err)
	}
	now = strings.Split(out.Settings(), "\n")
	for _, line := range want {
		if !slices.Contains(now, line) {
			return Model{}, fmt.Errorf("stored settings have %s, which this program or the configuration cannot express: use the configuration file of then", line)
		}
	}
	return out, nil
}

// plain takes the quotes from a text that Settings has put into quotes.
func plain(value string) string {
	if s, err := strconv.Unquote(value); err == nil {
		return s
	}
	return value
}
