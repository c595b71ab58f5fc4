package metric

import (
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// By hand, of three labels and three events, the first of weight 2: decisions
// {0,1} of {0,2}, {} of {}, {2} of {2}. True positives 2+1, false positives 2, false negatives 2; of
// 12 decisions 4 are wrong, and events of weight 2 of 4 are right.
func TestMultiLabel(t *testing.T) {
	p := New(MultiLabel, true)
	for _, c := range []struct {
		probs  []float64
		labels []uint32
		weight float64
	}{
		{[]float64{0.5, 0.9, 0.4}, []uint32{0, 2}, 2}, {[]float64{0.1, 0.2, 0}, nil, 1}, {[]float64{0, 0, 1}, []uint32{2}, 1},
	} {
		p.Observe(&event.Step{Probs: c.probs, Labels: c.labels, Label: float64(len(c.labels)), Loss: 1}, c.weight)
	}
	r := p.Report()
	for name, f := range map[string]struct {
		got  *float64
		want float64
	}{"hamming loss": {r.HammingLoss, 4. / 12}, "subset accuracy": {r.SubsetAccuracy, 0.5}, "micro F1": {r.MicroF1, 6. / 10}, "loss": {r.Loss, 1}} {
		if f.got == nil || math.Abs(*f.got-f.want) > 1e-15 {
			t.Errorf("%s %v, want %v", name, f.got, f.want)
		}
	}
	if r.Accuracy != nil || r.MAE != nil || r.Cost != nil {
		t.Errorf("figures of other tasks: %+v", r)
	}
}

func TestCostSensitive(t *testing.T) {
	p := New(CostSensitive, false)
	p.Observe(&event.Step{Cost: 3, Regret: 2}, 1)
	p.Observe(&event.Step{Cost: 1}, 3)
	r := p.Report()
	if *r.Cost != 1.5 || *r.Regret != 0.5 || *r.Accuracy != 0.75 {
		t.Errorf("cost %v, regret %v, accuracy %v, want 1.5, 0.5 and 0.75", *r.Cost, *r.Regret, *r.Accuracy)
	}
}

// Bins give the calibration error of all predictions to 3 digits.
func TestBinnedCalibration(t *testing.T) {
	exact, binned := New(Classification, true), New(Classification, false)
	for i := range 20_000 {
		q := float64(i*7919%20_000) / 20_000
		s := event.Step{Prediction: q * q, Label: 0}
		if float64(i*104_729%1000)/1000 < q {
			s.Label = 1
		}
		exact.Observe(&s, 1)
		binned.Observe(&s, 1)
	}
	a, b := exact.Report().CalibrationError, binned.Report().CalibrationError
	if a == nil || b == nil || math.Abs(*a-*b) > 1e-3 || *a < 0.1 {
		t.Errorf("calibration error %v, by bins %v", a, b)
	}
}
