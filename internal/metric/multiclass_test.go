package metric

import (
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

func TestMultiClass(t *testing.T) {
	p := New(MultiClass, true)
	for _, c := range []struct {
		class, label int
		probs        []float64
		weight       float64
	}{
		{2, 2, []float64{0.1, 0.2, 0.7}, 3},
		{0, 1, []float64{0.5, 0.25, 0.25}, 1},
		{1, 0, []float64{0, 1, 0}, 1},
	} {
		p.Observe(&event.Step{Class: c.class, Label: float64(c.label), Probs: c.probs, Loss: 2}, c.weight)
	}
	r := p.Report()
	if r.Accuracy == nil || *r.Accuracy != 0.6 {
		t.Errorf("accuracy %v, want 0.6", r.Accuracy)
	}
	want := -(3*math.Log(0.7) + math.Log(0.25) + math.Log(1e-15)) / 5
	if r.LogLoss == nil || math.Abs(*r.LogLoss-want) > 1e-12 {
		t.Errorf("log loss %v, want %v", r.LogLoss, want)
	}
	if r.Loss == nil || *r.Loss != 2 || r.MAE != nil || r.ROCAUC != nil {
		t.Errorf("report %+v", r)
	}
}
