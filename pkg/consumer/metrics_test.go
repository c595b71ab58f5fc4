package consumer

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// The package comment lists every metric, and none that does not exist.
func TestEveryMetricIsDocumented(t *testing.T) {
	w := newWorld(t, 1)
	w.poison(150, 0)
	m := w.start(func(cfg *Config, d *Deps) {
		audited(cfg, d)
		d.Progress = func() *metric.Progressive { return metric.New(metric.Regression, false) }
		restore := d.New
		d.New = func(start state.Position) (Learner, error) {
			l, err := restore(start)
			return published{l}, err
		}
	})
	w.exactlyOnce(0)
	for _, c := range []counter{m.metrics.duplicates, m.metrics.letterErrors, m.metrics.saveErrors, m.metrics.rollbacks, m.metrics.letters,
		m.metrics.auditBreaks, m.metrics.mirrorErrors} {
		c.add(0, 0)
	}
	wait(t, func() (bool, string) {
		got := metricNames(t, m.registry)
		diff := cmp.Diff(documented(t), got)
		return diff == "", "metrics (-documented +exposed):\n" + diff
	})
	var own []*dto.MetricFamily
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "streamlearner_kafka_") {
			own = append(own, f)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(own).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// published is a learner with an additional detector and a guard of the inputs that has published a version, of events with weight 1.
type published struct{ Learner }

func (p published) Feed(r learner.Record) *learner.Outcome {
	o := p.Learner.Feed(r)
	o.Events, o.Weight = 1, 1
	return o
}

func (p published) Capture() func() *state.Snapshot {
	seal := p.Learner.Capture()
	return func() *state.Snapshot {
		s := seal()
		s.Current = &state.Pointer{Version: state.Version{Number: 7, Sum: s.Refs[0], Created: 1}, Mode: learner.Learning.String()}
		return s
	}
}

func (p published) Stats() learner.Stats {
	s := p.Learner.Stats()
	s.Descent = learner.Descent{WeightNorm: 1, LossBest: 1}
	s.Join = &learner.JoinStats{Watermark: 1}
	s.Inputs = &inputs.Report{Fields: []inputs.Field{{Name: "amount"}}, Active: []inputs.Warning{{Check: inputs.PSI, Field: "amount", Value: 1, Limit: 0.25}}}
	s.Arms = &learner.ArmStats{Arms: []event.ArmReport{{Name: "a", Status: "draining", Out: "latency_ms", Events: 3, Rewards: 2, Got: 0.5, Due: 0.5}}, Policy: state.PolicyOnline}
	s.Detectors = []learner.DetectorStats{{Detector: "adwin", Signal: "loss", At: learner.AtLive, Action: learner.ActionWarn}}
	return s
}

func (p published) Evaluations() []learner.EvaluationStats {
	v, low, high := 0.5, 0.4, 0.6
	s := ope.Summary{Decisions: 1000, Estimates: []ope.Estimate{{Estimator: "ips", Value: &v, Low: &low, High: &high}}, Sequence: &[2]float64{0.3, 0.7}}
	better := s
	better.Sequence = &[2]float64{0.8, 0.9}
	return []learner.EvaluationStats{{Name: "logged", Summary: s}, {Name: "uniform", Summary: better}}
}

func (p published) Judge() []event.RailReport {
	mean := 93.5
	return []event.RailReport{{Arm: "a", Metric: "latency_ms", Mean: &mean, Difference: &event.Interval{Value: 1}}}
}

func metricNames(t *testing.T, reg *prometheus.Registry) (all []string) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "streamlearner_kafka_") {
			all = append(all, f.GetName())
		}
	}
	slices.Sort(all)
	return all
}

// documented returns the names in the package comment.
func documented(t *testing.T) (all []string) {
	t.Helper()
	file, err := os.Open("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "//\tstreamlearner_"); ok && !strings.HasPrefix(name, "kafka_") {
			all = append(all, "streamlearner_"+strings.Fields(name)[0])
		}
	}
	slices.Sort(all)
	return all
}

func TestPartitionsThatLeaveTakeTheirSeriesAlong(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(10, 0, 1)
	a := w.start(nil)
	a.waitOwned(2)
	if n := a.metric("streamlearner_fed_total", 0) + a.metric("streamlearner_fed_total", 1); n == 0 {
		w.exactlyOnce(0, 1)
	}
	b := w.start(nil)
	a.waitOwned(1)
	b.waitOwned(1)
	w.exactlyOnce(0, 1)
	for _, p := range []int32{0, 1} {
		if n := a.metric("streamlearner_next_offset", p) + b.metric("streamlearner_next_offset", p); n != 10 {
			t.Errorf("both members together show partition %d at %v, want one of them at 10", p, n)
		}
	}
}

func TestTwoModelsShareARegistry(t *testing.T) {
	reg := prometheus.NewRegistry()
	for _, model := range []string{"fraud", "pricing"} {
		cfg, deps := validConfig(), someDeps()
		cfg.Model, deps.Registerer = model, reg
		if _, err := New(cfg, deps); err != nil {
			t.Fatal(err)
		}
	}
	cfg, deps := validConfig(), someDeps()
	deps.Registerer = reg
	if _, err := New(cfg, deps); err == nil {
		t.Error("the metrics of one model are registered twice")
	}
}
