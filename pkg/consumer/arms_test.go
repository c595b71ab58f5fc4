package consumer

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// armCollector exposes the metrics of some arms.
type armCollector struct {
	armMetrics
	stats learner.ArmStats
}

func (a *armCollector) Describe(ch chan<- *prometheus.Desc) { a.describe(ch) }
func (a *armCollector) Collect(ch chan<- prometheus.Metric) {
	a.collect(collector{ch, "0"}, &a.stats)
}

// However many arms there are, few have series of their own, and none is missing from the sums.
func TestArmSeriesAreBounded(t *testing.T) {
	a := &armCollector{armMetrics: newArmMetrics(func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, append([]string{"partition"}, labels...), nil)
	})}
	a.stats = learner.ArmStats{Policy: state.PolicyShadow, Evidence: 3}
	for i := range 250 {
		a.stats.Arms = append(a.stats.Arms, event.ArmReport{Name: fmt.Sprint("arm", i), Status: "active", Gone: i < 20, Events: 2, Rewards: 1, Got: 0.3, Due: 0.25})
	}
	a.stats.Arms[30].Status, a.stats.Arms[30].Out = "draining", "latency_ms"
	a.stats.Arms = append(a.stats.Arms, event.ArmReport{Name: otherArms, Events: 2, Rewards: 1})
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(a)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*dto.MetricFamily{}
	for _, f := range families {
		byName[f.GetName()] = f
	}
	events, series := 0.0, byName["arm_events_total"].GetMetric()
	for _, m := range series {
		events += m.GetCounter().GetValue()
		if m.GetLabel()[0].GetValue() == "arm19" {
			t.Errorf("an arm that is gone has the series %v", m)
		}
	}
	if len(series) != maxArmSeries+1 || events != 2*231 || len(byName["arm_status"].GetMetric()) != maxArmSeries {
		t.Errorf("%d series of %v events, %d of statuses", len(series), events, len(byName["arm_status"].GetMetric()))
	}
	if n := len(byName["arm_share"].GetMetric()); n != 2*maxArmSeries {
		t.Errorf("%d series of shares", n)
	}
	if out := byName["arm_taken_out"].GetMetric(); len(out) != 1 || out[0].GetLabel()[0].GetValue() != "arm30" || out[0].GetLabel()[1].GetValue() != "latency_ms" {
		t.Errorf("taken out: %v", out)
	}
	for _, m := range byName["policy"].GetMetric() {
		want := 0.0
		if m.GetLabel()[1].GetValue() == state.PolicyShadow {
			want = 1
		}
		if m.GetGauge().GetValue() != want {
			t.Errorf("policy %v", m)
		}
	}
}
