package conform

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Explainer is a model that divides its margin among the features of an event.
type Explainer interface {
	Explain(e *event.Event) event.Explanation
	Predict(e *event.Event) event.Step
}

// Explained fails unless the intercept and the contributions of all features, the
// largest first, add up to the margin. It returns the explanation, what Predict says of
// the event without its label, and whether both have the same margin but for rounding.
func Explained(t testing.TB, m Explainer, e *event.Event) (x event.Explanation, s event.Step, same bool) {
	t.Helper()
	x = m.Explain(e)
	if len(x.Terms) != e.X.Len() {
		t.Fatalf("%d terms of %d features", len(x.Terms), e.X.Len())
	}
	sum, size := x.Intercept, math.Abs(x.Intercept)
	for _, f := range x.Terms {
		sum += f.Contribution
		size += math.Abs(f.Contribution)
	}
	rounding := 1e-12 * max(1, size)
	if !(math.Abs(sum-x.Margin) <= rounding) {
		t.Fatalf("contributions add up to %v, margin %v", sum, x.Margin)
	}
	if !slices.IsSortedFunc(x.Terms, func(a, b event.Term) int { return cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution)) }) {
		t.Fatal("terms are not sorted")
	}
	unlabelled := *e
	unlabelled.Labelled = false
	s = m.Predict(&unlabelled)
	return x, s, math.Abs(x.Margin-s.Margin) <= rounding
}
