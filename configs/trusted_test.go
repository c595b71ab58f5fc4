package configs

import (
	"strings"
	"testing"
)

// What names trusted events has to be there, and survives a restart from stored settings.
func TestTrustedEvents(t *testing.T) {
	for _, c := range []struct {
		sets []string
		want string // of the fault; empty for none
	}{
		{[]string{"guard.trusted.keys=panel-1"}, "source.key must name the field"},
		{[]string{"guard.trusted.sources=panel"}, "guard.source.field or guard.source.header must say"},
		{[]string{"guard.trusted.sources=panel,chargebacks", "guard.source.field=team"}, ""},
		{[]string{"guard.trusted.sources=panel", "guard.source.header=origin"}, ""},
		{[]string{"guard.trusted.keys=panel-1", "source.key=card"}, ""},
	} {
		m, err := DefaultModel().With(append([]string{"source.label=y"}, c.sets...))
		if err != nil {
			if c.want == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q: %v, want %q", c.sets, err, c.want)
			}
			continue
		}
		if faults := m.check("m"); c.want != "" {
			if len(faults) == 0 || !strings.Contains(faults.Error(), c.want) {
				t.Errorf("%q: %v, want %q", c.sets, faults, c.want)
			}
			continue
		}
		again, err := DefaultModel().WithSettings(m.Settings())
		if err != nil || again.Settings() != m.Settings() {
			t.Errorf("%q: stored settings come back as other ones: %v", c.sets, err)
		}
	}
}
