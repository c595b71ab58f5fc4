package sgd

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A reference that has a view of an event reads it as an event of those features,
// and the other reference reads the event itself.
func TestViewsAreReadInsteadOfTheEvent(t *testing.T) {
	for name, edit := range map[string]func(*Config){
		"one score": nil,
		"classes":   func(c *Config) { c.Loss, c.Classes = "ova", 2 },
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, edit)
			events := phishing(t)[:600]
			run(t, m, events[:500])
			m.SetReference(0)
			m.SetReference(1)
			for i := range events[500:599] {
				e, other := events[500+i], events[501+i]
				other.Label = e.Label
				want := *m.Predict(&other).Ref[0]
				want.J, want.X = slices.Clone(want.J), slices.Clone(want.X)
				own := *m.Predict(&e).Ref[1]
				own.J, own.X = slices.Clone(own.J), slices.Clone(own.X)
				e.Views[0] = &other.X
				s := m.Learn(&e)
				if d := cmp.Diff(want, *s.Ref[0]); d != "" {
					t.Fatalf("event %d by its view: %s", i, d)
				}
				if d := cmp.Diff(own, *s.Ref[1]); d != "" {
					t.Fatalf("event %d without: %s", i, d)
				}
			}
		})
	}
}
