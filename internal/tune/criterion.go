package tune

import (
	"fmt"
	"math"
	"strings"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Criterion is what an event costs: configurations are compared by its
// weighted mean, the smaller the better.
type Criterion func(*event.Step) float64

// criterion is a way to compare configurations.
type criterion struct {
	name  string
	tasks []metric.Task
	of    Criterion
}

var criteria = [...]criterion{
	{"loss", []metric.Task{metric.Classification, metric.MultiClass, metric.MultiLabel, metric.CostSensitive, metric.Regression, metric.Bandit}, func(s *event.Step) float64 { return s.Loss }},
	{"log_loss", []metric.Task{metric.Classification, metric.MultiClass}, logLoss},
	{"error", []metric.Task{metric.Classification, metric.MultiClass}, misclassified},
	{"hamming_loss", []metric.Task{metric.MultiLabel}, hamming},
	{"cost", []metric.Task{metric.CostSensitive}, func(s *event.Step) float64 { return s.Cost }},
	{"squared_error", []metric.Task{metric.Regression, metric.Bandit}, func(s *event.Step) float64 {
		d := s.Prediction - s.Label
		return d * d
	}},
	{"absolute_error", []metric.Task{metric.Regression, metric.Bandit}, func(s *event.Step) float64 { return math.Abs(s.Prediction - s.Label) }},
}

// logLoss is the logarithmic loss of the probability, clipped as in internal/metric.
func logLoss(s *event.Step) float64 {
	const clip = 1e-15
	p := s.Prediction
	switch {
	case s.Probs != nil:
		p = s.Probs[int(s.Label)]
	case s.Label <= 0:
		return -math.Log1p(-min(max(p, clip), 1-clip))
	}
	return -math.Log(min(max(p, clip), 1-clip))
}

// hamming is the share of labels that are decided wrongly at p >= 0.5.
func hamming(s *event.Step) float64 {
	wrong, next := 0, 0
	for k, p := range s.Probs {
		is := next < len(s.Labels) && int(s.Labels[next]) == k
		if is {
			next++
		}
		if is != (p >= 0.5) {
			wrong++
		}
	}
	return float64(wrong) / float64(max(1, len(s.Probs)))
}

// misclassified is 1 for an event whose class was predicted wrongly.
func misclassified(s *event.Step) float64 {
	if s.Probs != nil {
		return truth(float64(s.Class) != s.Label)
	}
	return truth((s.Prediction >= 0.5) != (s.Label > 0))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Criteria are the names of the criteria that a task has, loss first.
func Criteria(task metric.Task) []string {
	var names []string
	for _, c := range criteria {
		for _, t := range c.tasks {
			if t == task {
				names = append(names, c.name)
			}
		}
	}
	return names
}

// CriterionOf returns the criterion of a name that the task has.
func CriterionOf(name string, task metric.Task) (Criterion, error) {
	names := Criteria(task)
	for _, n := range names {
		if n == name {
			for _, c := range criteria {
				if c.name == name {
					return c.of, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("%q: must be one of %s", name, strings.Join(names, ", "))
}
