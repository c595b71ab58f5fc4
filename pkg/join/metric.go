package join

import "slices"

// MaxMetrics is how many metrics of one decision are kept.
const MaxMetrics = 64

// Metric is a number that came with a reward, under the hash of its name.
type Metric struct {
	Name  uint64
	Value float64
}

// told is a metric with the time of its record.
type told struct {
	Metric
	time int64
}

// tell keeps a metric, unless a newer one of that name is there, or there are too many names.
func (e *Entry) tell(t told) {
	i, found := slices.BinarySearchFunc(e.metrics, t.Name, func(m told, name uint64) int {
		switch {
		case m.Name < name:
			return -1
		case m.Name > name:
			return 1
		}
		return 0
	})
	switch {
	case found && e.metrics[i].time > t.time:
	case found:
		e.metrics[i] = t
	case len(e.metrics) < MaxMetrics:
		e.metrics = slices.Insert(e.metrics, i, t)
	}
}

// Metrics is how many metrics came with the rewards of a decision, and Metric one of them, in the order of
// their names. A decision that was closed has none from the next record on.
func (e *Entry) Metrics() int { return len(e.metrics) }

// Metric returns the newest value of a metric.
func (e *Entry) Metric(i int) Metric { return e.metrics[i].Metric }
