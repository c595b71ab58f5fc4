package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

func see(p *Progressive, prediction, label, weight float64) {
	p.Observe(&event.Step{Prediction: prediction, Label: label}, weight)
}

// The example of scikit-learn's roc_curve (y = 0 0 1 1, scores .1 .4 .35 .8,
// https://scikit-learn.org/stable/modules/generated/sklearn.metrics.roc_curve.html):
// fpr 0 0 .5 .5 1, tpr 0 .5 .5 1 1.
func TestRecallAtFPROfScikitLearnsExample(t *testing.T) {
	for rate, want := range map[float64]float64{0.01: 0.5, 0.49: 0.5, 0.5: 1, 0.99: 1} {
		p := New(Classification, true).At(Points{Threshold: 0.5, PrecisionAtK: 0.25, RecallAtFPR: rate})
		for i, score := range []float64{.1, .4, .35, .8} {
			see(p, score, float64(i/2), 1)
		}
		if r := p.Report(); *r.RecallAtFPR != want || r.RecallAtFPRError != nil {
			t.Errorf("recall at false-positive rate %v is %v, want %v", rate, *r.RecallAtFPR, want)
		}
	}
}

// By hand: five events with predictions .9+ .8- .7+ .7- .1-, weights 1. The top
// 20% are one event, a hit; the top 60% are three: .9, .8, and half of each of
// the two at .7, which have one positive: (1 + 1/2)/3.
func TestPrecisionAtKByHand(t *testing.T) {
	for share, want := range map[float64]float64{0.2: 1, 0.4: 0.5, 0.6: 0.5, 0.8: 0.5, 0.999999: 2 / 4.999995} {
		for _, exact := range []bool{true, false} {
			p := New(Classification, exact).At(Points{Threshold: 0.75, PrecisionAtK: share, RecallAtFPR: 0.4})
			for _, e := range [][2]float64{{.9, 1}, {.7, 0}, {.1, 0}, {.8, 0}, {.7, 1}} {
				see(p, e[0], e[1], 1)
			}
			r := p.Report()
			if math.Abs(*r.PrecisionAtK-want) > 1e-12 {
				t.Errorf("exact %v: precision of the top %v is %v, want %v", exact, share, *r.PrecisionAtK, want)
			}
			// At 0.75: one hit, one false alarm, one miss. At rate 0.4 one of three negatives may pass: the threshold is 0.8.
			if *r.Precision != 0.5 || *r.Recall != 0.5 || *r.F1 != 0.5 || *r.Accuracy != 0.6 || *r.RecallAtFPR != 0.5 {
				t.Errorf("exact %v: %v", exact, *r.RecallAtFPR)
			}
		}
	}
}

// A weight counts as so many events; the order of events does not count; and
// the bins are right within the error that they state.
func TestPointsOfManyEvents(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for trial := range 20 {
		points := Points{Threshold: 0.5, PrecisionAtK: math.Ldexp(r.Float64(), -r.IntN(8)), RecallAtFPR: math.Ldexp(r.Float64(), -r.IntN(8))}
		exact, again, binned := New(Classification, true).At(points), New(Classification, true).At(points), New(Classification, false).At(points)
		type seen struct{ prediction, label float64 }
		var all []seen
		for range 3000 {
			label := float64(r.IntN(10) / 9)
			e := seen{1 / (1 + math.Exp(-r.NormFloat64()*2-2*label+1)), label}
			if trial%2 == 0 {
				e.prediction = math.Round(e.prediction*50) / 50 // ties
			}
			weight := 1 + r.IntN(2)
			for range weight {
				all = append(all, e)
			}
			see(exact, e.prediction, e.label, float64(weight))
			see(binned, e.prediction, e.label, float64(weight))
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, e := range all {
			see(again, e.prediction, e.label, 1)
		}
		a, b, c := exact.Report(), again.Report(), binned.Report()
		if math.Abs(*a.PrecisionAtK-*b.PrecisionAtK) > 1e-12 || math.Abs(*a.RecallAtFPR-*b.RecallAtFPR) > 1e-12 {
			t.Errorf("weights: %v, %v; repetition: %v, %v", *a.PrecisionAtK, *a.RecallAtFPR, *b.PrecisionAtK, *b.RecallAtFPR)
		}
		if d := math.Abs(*c.PrecisionAtK - *a.PrecisionAtK); d > *c.PrecisionAtKError+1e-12 {
			t.Errorf("top %v: binned precision %v +- %v, exact %v", points.PrecisionAtK, *c.PrecisionAtK, *c.PrecisionAtKError, *a.PrecisionAtK)
		}
		if d := *a.RecallAtFPR - *c.RecallAtFPR; d < -1e-12 || d > *c.RecallAtFPRError+1e-12 {
			t.Errorf("rate %v: binned recall %v + %v, exact %v", points.RecallAtFPR, *c.RecallAtFPR, *c.RecallAtFPRError, *a.RecallAtFPR)
		}
		// By definition: the best threshold of all.
		var best, negatives, positives float64
		slices.SortFunc(all, func(x, y seen) int { return int(math.Copysign(1, y.prediction-x.prediction)) })
		for _, e := range all {
			positives += e.label
			negatives += 1 - e.label
		}
		tp, fp := 0.0, 0.0
		for i, e := range all {
			tp, fp = tp+e.label, fp+1-e.label
			if i+1 < len(all) && all[i+1].prediction == e.prediction {
				continue
			}
			if fp/negatives <= points.RecallAtFPR {
				best = max(best, tp/positives)
			}
		}
		if math.Abs(best-*a.RecallAtFPR) > 1e-12 {
			t.Errorf("rate %v: recall %v, by definition %v", points.RecallAtFPR, *a.RecallAtFPR, best)
		}
	}
}

func TestPointsOfOneClass(t *testing.T) {
	p := New(Classification, true)
	if r := p.Report(); r.PrecisionAtK != nil || r.RecallAtFPR != nil {
		t.Error("figures of nothing")
	}
	see(p, 0.2, 1, 1)
	if r := p.Report(); *r.PrecisionAtK != 1 || r.RecallAtFPR != nil {
		t.Errorf("one positive: %v, %v", *r.PrecisionAtK, r.RecallAtFPR)
	}
}

func TestPointsAreValidated(t *testing.T) {
	if err := DefaultPoints().Validate(); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"threshold", "precision_at_k", "recall_at_fpr"} {
		for _, v := range []float64{0, 1, -1, math.NaN()} {
			p := DefaultPoints()
			*map[string]*float64{"threshold": &p.Threshold, "precision_at_k": &p.PrecisionAtK, "recall_at_fpr": &p.RecallAtFPR}[key] = v
			if err := p.Validate(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("metrics.%s: %v: must be", key, v)) {
				t.Errorf("%s %v: %v", key, v, err)
			}
		}
	}
}
