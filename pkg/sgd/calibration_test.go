package sgd

import (
	"testing"

	"github.com/streamlearner/streamlearner/internal/metric"
)

// The calibration error of the margins of hinge loss, and of a concept that changes,
// falls to a fraction, at next to the same area under the ROC curve.
func TestCalibration(t *testing.T) {
	for _, c := range []struct {
		name, loss string
		read       func(testing.TB) table
		method     string
		share      float64 // of the error that is left at most
	}{
		{"spam", "hinge", spam, "platt", 0.2},
		{"spam", "hinge", spam, "isotonic", 0.1},
		{"sea", "hinge", sea, "isotonic", 0.1},
		{"sea", "logistic", sea, "isotonic", 0.1},
	} {
		events := c.read(t)
		report := func(method string) metric.Report {
			m := newModel(t, func(cfg *Config) { cfg.Loss, cfg.Calibrate = c.loss, method })
			p := metric.New(metric.Classification, true)
			for i := range events {
				s := m.Learn(&events[i])
				p.Observe(&s, events[i].Weight)
			}
			return p.Report()
		}
		raw, got := report("none"), report(c.method)
		atMost(t, c.name+" calibration error by "+c.method, *got.CalibrationError, c.share**raw.CalibrationError)
		atMost(t, c.name+" log loss by "+c.method, *got.LogLoss, *raw.LogLoss)
		atLeast(t, c.name+" area by "+c.method, *got.ROCAUC, *raw.ROCAUC-0.004)
	}
}
