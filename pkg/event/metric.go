package event

import (
	"fmt"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// MaxMetrics is how many fields Schema.Metrics may name.
const MaxMetrics = 8

// Metric is a number that a record tells of a decision beside the reward, such as how long the answer took.
type Metric struct {
	Name  uint64 // xxHash64 (seed 0) of the path of its field
	Value float64
}

// MetricName returns what Metric.Name is for the field of a path.
func MetricName(path string) uint64 { return xxhash.Sum64String(path) }

// Metric returns the value of a metric, which is the last of that name; not ok when there is none.
func (e *Event) Metric(name uint64) (v float64, ok bool) {
	for i := len(e.Metrics) - 1; i >= 0; i-- {
		if e.Metrics[i].Name == name {
			return e.Metrics[i].Value, true
		}
	}
	return 0, false
}

// metricOf returns the role of a field that is a metric, or lies below one; roleNone for others.
func (s *Schema) metricOf(path string) role {
	for i, m := range s.Metrics {
		switch {
		case m == path:
			return roleMetric + role(i)
		case below(m, path):
			return roleSkip
		}
	}
	return roleNone
}

// metric takes the value of the metric with index i. What is no finite number counts as absent.
func (f *filler) metric(i int, v value) {
	x, ok := v.number()
	if v.kind == kindBool {
		x, ok = v.num, true
	}
	name := f.metrics[i]
	f.e.Metrics = slices.DeleteFunc(f.e.Metrics, func(m Metric) bool { return m.Name == name })
	if ok && !math.IsInf(x, 0) && !math.IsNaN(x) {
		f.e.Metrics = append(f.e.Metrics, Metric{name, x})
	}
}

func (s *Schema) validateMetrics() error {
	if len(s.Metrics) > MaxMetrics {
		return fmt.Errorf("learner.bandit.guard_rails: %q: at most %d fields", s.Metrics, MaxMetrics)
	}
	for i, m := range s.Metrics {
		if slices.Contains(s.Metrics[:i], m) {
			return fmt.Errorf("learner.bandit.guard_rails: %q: is there twice", m)
		}
		if err := s.validateMetric(m); err != nil {
			return err
		}
	}
	return nil
}

func (s *Schema) validateMetric(m string) error {
	for _, n := range s.named() {
		if n.field != "" && (below(n.field, m) || below(m, n.field)) {
			return fmt.Errorf("learner.bandit.guard_rails: %q: is a part of what %s names, or has it inside; a field has one meaning", m, n.key)
		}
	}
	for _, l := range append(s.lists(), entries{"features.target", s.Target}, entries{"features.count", s.Count}, entries{"features.cyclic", s.Cyclic}, entries{"features.missing", s.Missing}) {
		if slices.Contains(l.list, m) && l.key != "features.exclude" {
			return fmt.Errorf("%s: %q: is a metric of learner.bandit.guard_rails, and so is no feature; remove one of the two", l.key, m)
		}
	}
	return nil
}
