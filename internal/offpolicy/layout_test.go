package offpolicy_test

import (
	"slices"
	"testing"

	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// TestLayoutHidesTheOutcome: what tells of the decision or of its outcome is no context, whether the log or the
// model's own schema says so.
func TestLayoutHidesTheOutcome(t *testing.T) {
	arms := offpolicy.NewArms([]string{"a", "b"})
	schema := event.Schema{Label: "click", Arm: "item", Arms: []string{"b", "a"}, Probability: "q", Eligible: "could", ID: "id", Exclude: []string{"junk", "p"}}
	l := offpolicy.Layout(jsonFormat, offpolicy.Fields{Action: "a", Reward: "revenue", Propensity: "p", Dropped: "lost"}, arms, schema, "pi_*")
	want := []string{"junk", "p", "pi_*", "revenue", "lost", "click", "q", "item"}
	if !slices.Equal(l.Exclude, want) {
		t.Errorf("excluded are %q, want %q", l.Exclude, want)
	}
	if l.Label != "" || l.Arm != "a" || l.Eligible != "could" || !slices.Equal(l.Arms, arms.Names()) || l.ID != "id" {
		t.Errorf("%+v", l)
	}
	if err := l.Validate(); err != nil {
		t.Error(err)
	}
	if schema.Exclude[0] != "junk" || len(schema.Exclude) != 2 {
		t.Errorf("the schema was changed: %q", schema.Exclude)
	}
}
