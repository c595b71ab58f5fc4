package consumer

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// railCollector exposes the metrics of some guard rails.
type railCollector struct {
	railMetrics
	arms  learner.ArmStats
	rails []event.RailReport
}

func (r *railCollector) Describe(ch chan<- *prometheus.Desc) { r.describe(ch) }
func (r *railCollector) Collect(ch chan<- prometheus.Metric) {
	r.collect(collector{ch, "0"}, &r.arms, r.rails)
}

// What is not known has no series, nor has an arm without series of its own.
func TestRailSeries(t *testing.T) {
	r := &railCollector{railMetrics: newRailMetrics(func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"partition"}, labels...), nil)
	})}
	mean := 5.0
	for i := range maxArmSeries + 1 {
		name := fmt.Sprint("arm", i)
		r.arms.Arms = append(r.arms.Arms, event.ArmReport{Name: name, Status: "active", Baseline: i == 0})
		report := event.RailReport{Arm: name, Metric: "latency_ms", Values: uint64(i)}
		if i > 0 {
			report.Mean, report.Difference, report.Harm = &mean, &event.Interval{Value: 2, Low: 1, High: 3}, 7
		}
		r.rails = append(r.rails, report)
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(r)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"guard_rail_values_total": maxArmSeries, "guard_rail_absent_total": maxArmSeries, "guard_rail_mean": maxArmSeries - 1,
		"guard_rail_difference": 3 * (maxArmSeries - 1), "guard_rail_evidence": 3 * (maxArmSeries - 1),
	}
	for _, f := range families {
		if n := len(f.GetMetric()); n != want[f.GetName()] {
			t.Errorf("%s has %d series, want %d", f.GetName(), n, want[f.GetName()])
		}
		delete(want, f.GetName())
	}
	if len(want) > 0 {
		t.Errorf("no series of %v", want)
	}
}
