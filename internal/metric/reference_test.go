package metric

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/integrate"
	"gonum.org/v1/gonum/stat"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// gonum computes the same figures in other ways, over all events at once.
func TestAgreesWithGonum(t *testing.T) {
	type scored struct {
		p, weight float64
		positive  bool
	}
	rng := rand.New(rand.NewPCG(3, 5))
	for range 50 {
		all := make([]scored, 200+rng.IntN(300))
		p, exact := New(Classification, true), 0.
		for i := range all {
			s := &all[i]
			s.p, s.weight = float64(rng.IntN(40)+1)/42, 0.5+rng.Float64() // few values: many ties
			s.positive = rng.Float64() < s.p
			p.Observe(&event.Step{Prediction: s.p, Label: label(s.positive), Loss: s.p}, s.weight)
			exact += s.weight
		}
		slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(a.p, b.p) })
		y, weights, classes := make([]float64, len(all)), make([]float64, len(all)), make([]bool, len(all))
		for i, s := range all {
			y[i], weights[i], classes[i] = s.p, s.weight, s.positive
		}
		tpr, fpr, _ := stat.ROC(nil, y, classes, weights)
		if got, want := *p.Report().ROCAUC, integrate.Trapezoidal(fpr, tpr); math.Abs(got-want) > 1e-12 {
			t.Fatalf("ROC AUC %v, gonum %v", got, want)
		}
		if got, want := *p.Report().Loss, floats.Dot(y, weights)/exact; math.Abs(got-want) > 1e-12 {
			t.Fatalf("mean loss %v, gonum %v", got, want)
		}
	}
}

func label(positive bool) float64 {
	if positive {
		return 1
	}
	return 0
}
