package learner_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// watched is config with additional detectors.
func watched(tb testing.TB, detectors ...learner.DetectorConfig) learner.Config {
	c := config(tb)
	c.Guard.Detectors = detectors
	c.Guard.Loss = drift.ClipLogistic
	c.Signals = learner.Signals{
		Detector: catalog.Detector,
		Wrong:    func(s *event.Step) bool { return (s.Prediction >= 0.5) != (s.Label > 0) },
	}
	return c
}

// everySignal has a nervous detector on each of them.
func everySignal() []learner.DetectorConfig {
	clock := map[string]string{"clock": "1", "delta": "0.5"}
	return []learner.DetectorConfig{
		{Detector: "adwin", Signal: "loss", Set: clock},
		{Detector: "adwin", Signal: "loss", At: "live", Set: clock},
		{Detector: "ddm", Signal: "error"},
		{Detector: "hddm_w", Signal: "error", At: "reference", Action: "freeze"},
		{Detector: "kswin", Signal: "gradient_norm"},
		{Detector: "kswin", Signal: "gradient_norm", At: "live"},
		{Detector: "page_hinkley", Signal: "gradient_direction", Set: map[string]string{"threshold": "3"}},
		{Detector: "adwin", Signal: "update_ratio", Set: clock},
		{Detector: "eddm", Signal: "label_rate"},
		{Detector: "adwin", Signal: "feature_mean(amount)", Action: "freeze", Set: map[string]string{"clock": "4"}},
		{Detector: "mewma", Signal: "score", Set: map[string]string{"reference": "100", "arl": "1000"}},
	}
}

// A learner that was stored and restored anywhere goes on like one that was not.
func TestDetectorsResume(t *testing.T) {
	const events = 1_600
	cfg := func() learner.Config { return watched(t, everySignal()...) }
	whole, s := newLearner(t, cfg()), sim.Fraud(3)
	feed(whole, s, events)
	end := whole.Snapshot().Head
	for _, d := range whole.Stats().Detectors {
		t.Logf("%+v", d)
	}
	if whole.Stats().Freezes == 0 {
		t.Error("no freeze: the modes are not tried")
	}
	for _, cut := range []int{0, 1, 60, 451, 520, 777, 1_001, 1_599} {
		first, s := newLearner(t, cfg()), sim.Fraud(3)
		feed(first, s, cut)
		second, err := learner.Restore(cfg(), first.Snapshot())
		if err != nil {
			t.Fatalf("after %d events: %v", cut, err)
		}
		feed(second, s, events-cut)
		if !bytes.Equal(end, second.Snapshot().Head) {
			t.Errorf("restored after %d events: another state at the end", cut)
		}
	}
}

// flip is a record of two classes that x tells apart, or the opposite way.
func flip(r *rand.Rand, id int, opposite bool) []byte {
	x := r.NormFloat64()
	label := x > 0
	if r.Float64() < .1 || opposite {
		label = !label
	}
	y := 0
	if label {
		y = 1
	}
	return fmt.Appendf(nil, `{"is_fraud":%d,"amount":%.6f,"tx_id":"%d","ts":%d,"card":"c"}`, y, x, id, 1_700_000_000_000+id)
}

// flipped feeds calm records and then, until a change of mode, up to 300 with the opposite labels.
func flipped(l *learner.Learner, calm int) (alarms []learner.Alarm, change *learner.Transition) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range calm + 300 {
		o := l.Feed(learner.Record{Offset: int64(i), LeaderEpoch: -1, Value: flip(r, i, i >= calm)})
		if o.Alarm != nil {
			alarms = append(alarms, *o.Alarm)
		}
		if o.Change != nil {
			c := *o.Change
			return alarms, &c
		}
	}
	return alarms, nil
}

func TestDetectorFreezesOrWarns(t *testing.T) {
	for _, d := range []learner.DetectorConfig{
		{Detector: "hddm_w", Signal: "error"},
		{Detector: "page_hinkley", Signal: "loss", At: "live", Set: map[string]string{"mode": "up", "delta": "0.2"}},
		{Detector: "hddm_a", Signal: "error"},
		{Detector: "adwin", Signal: "error", At: "reference", Set: map[string]string{"clock": "4"}},
		{Detector: "adwin", Signal: "gradient_direction", Set: map[string]string{"mode": "up", "clock": "8"}},
		{Detector: "mewma", Signal: "score", Set: map[string]string{"reference": "800"}},
	} {
		for _, action := range []string{"warn", "freeze"} {
			d.Action = action
			c := watched(t, d)
			c.Audit = true
			c.Guard.Block, c.Guard.Window, c.Guard.ReferenceAfter, c.Guard.ReferenceEvery = 100, 4_000, 1_000, 4_000
			c.Guard.FalseFreezeEvery = 1e15 // the guard's own detector comes later
			c.Snapshot = learner.SnapshotConfig{Every: 100, Quarantine: 300, Keep: 5}
			l := newLearner(t, c)
			alarms, change := flipped(l, 6_000)
			if len(alarms) == 0 || alarms[0].Event < 6_000 {
				t.Errorf("%s, action %s: alarms %+v, want the first after event 6000", d, action, alarms)
				continue
			}
			if alarms[0].Detector != d.Name() || alarms[0].Threshold != 0 {
				t.Errorf("alarm %+v of %s", alarms[0], d.Name())
			}
			st := l.Stats().Detectors[0]
			if st.Alarms == 0 || st.Signal != d.Signal || st.Action != action {
				t.Errorf("%s: stats %+v", d, st)
			}
			switch {
			case action == "warn" && change != nil && strings.Contains(change.Detail, d.Name()):
				t.Errorf("%s: %+v, although it only warns", d, change)
			case action == "freeze" && (change == nil || change.To != learner.Frozen || !strings.HasPrefix(change.Detail, d.Name()+" at ")):
				t.Errorf("%s: change of mode %+v, want a freeze", d, change)
			}
			// Every alarm is audited with its evidence, also one that does not freeze.
			kind := map[string]string{"warn": state.AuditAlarmed, "freeze": state.AuditFreeze}[action]
			records := slices.DeleteFunc(chainOf(t, l.Snapshot()), func(r state.AuditRecord) bool { return r.Kind != kind })
			if len(records) == 0 || records[0].Alarm.Detector != d.Name() || records[0].Alarm.Evidence.To != alarms[0].Offset {
				t.Errorf("%s, action %s: audited %+v", d, action, records)
			}
		}
	}
}

// Detectors may be added, removed and changed between two runs: what is still
// there goes on, what is new begins.
func TestDetectorsMayChange(t *testing.T) {
	errors := learner.DetectorConfig{Detector: "hddm_a", Signal: "error"}
	labels := learner.DetectorConfig{Detector: "adwin", Signal: "label_rate"}
	before := watched(t, errors, labels)
	before.Settings += "guard.detectors=a\n"
	l, s := newLearner(t, before), sim.Fraud(5)
	feed(l, s, 300)
	errors.Action = "freeze"
	after := watched(t, learner.DetectorConfig{Detector: "kswin", Signal: "loss", At: "live"}, errors)
	after.Settings += "guard.detectors=b\n"
	restored, err := learner.Restore(after, l.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	feed(restored, s, 100)
	if n := len(restored.Stats().Detectors); n != 2 {
		t.Errorf("%d detectors", n)
	}
	if _, err := learner.Restore(after, restored.Snapshot()); err != nil {
		t.Error(err)
	}
}

func TestDetectorsAreValidated(t *testing.T) {
	for _, c := range []struct {
		d    learner.DetectorConfig
		edit func(*learner.Config)
		want string
	}{
		{d: learner.DetectorConfig{Detector: "adwn", Signal: "loss"}, want: `adwn(loss): detector "adwn": must be one of`},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "lss"}, want: `signal "lss" must be one of loss, error,`},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "feature_mean"}, want: `signal "feature_mean" must be`},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "feature_mean()"}, want: `signal "feature_mean()" must be`},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "loss(x)"}, want: `signal "loss(x)" must be`},
		{d: learner.DetectorConfig{Detector: "ddm", Signal: "loss"}, want: "ddm takes 0 or 1, and loss is any number"},
		{d: learner.DetectorConfig{Detector: "hddm_a", Signal: "gradient_norm"}, want: "hddm_a takes 0 to 1"},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "score"}, want: "score is a vector"},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "loss", At: "snapshot"}, want: `at "snapshot" must be live or reference`},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "gradient_direction", At: "live"}, want: "at the reference alone"},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "label_rate", At: "reference"}, want: "does not depend on a reference"},
		{d: learner.DetectorConfig{Detector: "adwin", Signal: "loss", Action: "stop"}, want: `action "stop" must be freeze or warn`},
		{
			d: learner.DetectorConfig{Detector: "adwin", Signal: "loss"}, edit: func(c *learner.Config) { c.Guard.Enabled = false },
			want: "no reference with guard.enabled: false",
		},
		{
			d: learner.DetectorConfig{Detector: "ddm", Signal: "error"}, edit: func(c *learner.Config) { c.Signals.Wrong = nil },
			want: "predicts no classes",
		},
		{
			d: learner.DetectorConfig{Detector: "ddm", Signal: "error", At: "reference"}, edit: func(c *learner.Config) { c.Guard.Loss = drift.ClipQuantile },
			want: "with a logistic loss alone",
		},
		{
			d: learner.DetectorConfig{Detector: "ddm", Signal: "label_rate"}, edit: func(c *learner.Config) { c.Guard.Loss = drift.ClipQuantile },
			want: "ddm takes 0 or 1, and label_rate is any number",
		},
	} {
		cfg := watched(t, c.d)
		if c.edit != nil {
			c.edit(&cfg)
		}
		if _, err := learner.New(cfg, state.Position{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.d, err, c.want)
		}
	}
	twice := learner.DetectorConfig{Detector: "adwin", Signal: "loss"}
	if _, err := learner.New(watched(t, twice, twice), state.Position{}); err == nil || !strings.Contains(err.Error(), "is there twice") {
		t.Errorf("the same detector twice: %v", err)
	}
}
