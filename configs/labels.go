package configs

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Points are the points of operation at which the model is measured: the
// threshold is that of the costs of wrong decisions, if they have costs.
func (m Model) Points() metric.Points {
	p := m.Metrics
	if m.Learner.Kind == "sgd" && m.Learner.Threshold() != 0.5 {
		p.Threshold = m.Learner.Threshold()
	}
	return p
}

// checkLabels finds labels that the learner cannot learn.
func (m *Model) checkLabels(v *checker) {
	task, classes, named := catalog.Task(m.Learner), m.Learner.Classes, len(m.Source.Classes)
	want := map[metric.Task]string{metric.MultiLabel: event.LabelSet, metric.CostSensitive: event.LabelCosts}[task]
	if got := m.Source.LabelType; got != want && (got == "" || got == event.LabelSet || got == event.LabelCosts) {
		detail := "must be empty unless learner.loss is multilabel or csoaa"
		if want != "" {
			detail = fmt.Sprintf("must be %s with learner.loss %s", want, m.Learner.Loss)
		}
		v.fail("source.label_type", got, detail)
	}
	switch task {
	case metric.MultiClass, metric.MultiLabel, metric.CostSensitive:
		if named > 0 && classes > 1 && named != classes {
			v.fail("learner.classes", classes, fmt.Sprintf("must be %d, as many as source.classes names", named))
		}
	case metric.Classification:
		if named > 2 {
			v.fail("source.classes", m.Source.Classes, "must name two classes with a loss for two; set learner.loss to ova or softmax, and learner.classes to their number")
		}
	case metric.Regression, metric.Bandit:
	}
	if t := m.Points().Threshold; m.Metrics.Threshold != metric.DefaultPoints().Threshold && t != m.Metrics.Threshold {
		v.fail("metrics.threshold", m.Metrics.Threshold, fmt.Sprintf("must be 0.5 (the default) with learner.false_positive_cost and learner.false_negative_cost, which make it %.6g", t))
	}
}
