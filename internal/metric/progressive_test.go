package metric

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// sample is one predicted event.
type sample struct{ pred, label, weight float64 }

func observe(p *Progressive, samples []sample) *Progressive {
	for _, s := range samples {
		p.Observe(&event.Step{Prediction: s.pred, Label: s.label, Loss: (s.pred - s.label) * (s.pred - s.label)}, s.weight)
	}
	return p
}

func unit(pred, label []float64) []sample {
	var out []sample
	for i := range pred {
		out = append(out, sample{pred[i], label[i], 1})
	}
	return out
}

var approx = cmpopts.EquateApprox(0, 1e-12)

func TestReportByHand(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		name    string
		task    Task
		samples []sample
		want    Report
	}{
		{
			// The example in scikit-learn's roc_auc_score documentation has scores
			// .1 .4 .35 .8 for classes 0 0 1 1 and area .75: of the four pairs only
			// (.35, .4) is in the wrong order. At .5 only the last event is called
			// positive: TP 1, FN 1, TN 2. The gaps prediction - label are, in order of the
			// prediction, .1 -.65 .4 -.2; they would add up to 1.35, but the borders
			// between events lie inside of the bins [.8, 1.0667), [1.8667, 2.1333) and
			// [2.9333, 3.2), where opposite gaps cancel .04, .10667 and .05333.
			"classes", Classification, unit([]float64{.1, .4, .35, .8}, []float64{0, 0, 1, 1}),
			Report{
				Loss: f((.01 + .16 + .4225 + .04) / 4), Accuracy: f(.75), ROCAUC: f(.75), Precision: f(1), Recall: f(.5), F1: f(2. / 3),
				LogLoss:          f(-(math.Log(.9) + math.Log(.6) + math.Log(.35) + math.Log(.8)) / 4),
				CalibrationError: f((1.35 - .2) / 4), PrecisionAtK: f(1), RecallAtFPR: f(.5),
			},
		},
		{
			// Labels -1 and 1 mean the same as 0 and 1. A prediction of exactly .5 is
			// positive, one of 0 costs -log(1e-15), and two tied scores of both classes
			// count one half. The weight 2 counts as two events.
			"ties, weights, clipping", Classification,
			[]sample{{.5, 1, 2}, {.5, -1, 1}, {0, 1, 1}, {.7, 1, 0}},
			Report{
				Loss: f((2*.25 + 2.25 + 1) / 4), Accuracy: f(.5), ROCAUC: f((2*.5 + 0) / 3), Precision: f(2. / 3), Recall: f(2. / 3), F1: f(2. / 3),
				LogLoss:          f((3*math.Ln2 - math.Log(1e-15)) / 4),
				CalibrationError: f((1*1 + 3*(2./3-.5)) / 4), PrecisionAtK: f(2. / 3), RecallAtFPR: f(0),
			},
		},
		{
			"one class", Classification, unit([]float64{.2, .3}, []float64{0, 0}),
			Report{Loss: f(.065), Accuracy: f(1), LogLoss: f(-(math.Log(.8) + math.Log(.7)) / 2), CalibrationError: f(.25), PrecisionAtK: f(0)},
		},
		{
			// The example in scikit-learn's r2_score documentation: truth 3 -.5 2 7,
			// predictions 2.5 0 2 8, r2 .9486..., MAE .5, MSE .375.
			"regression", Regression, unit([]float64{2.5, 0, 2, 8}, []float64{3, -.5, 2, 7}),
			Report{Loss: f(.375), MAE: f(.5), RMSE: f(math.Sqrt(.375)), R2: f(1 - 1.5/29.1875)},
		},
		{
			"bandit", Bandit, []sample{{.5, 1, 1}, {.5, 0, 3}},
			Report{Loss: f(.25), MAE: f(.5), RMSE: f(.5), MeanReward: f(.25)},
		},
		{"nothing", Classification, nil, Report{}},
		{"no regression", Regression, nil, Report{}},
		{"no bandit", Bandit, nil, Report{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, observe(New(c.task, true), c.samples).Report(), approx); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestJSONKeepsZerosAndOmitsTheRest(t *testing.T) {
	b, err := json.Marshal(observe(New(Regression, true), unit([]float64{1, 1}, []float64{1, 1})).Report())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), `{"loss":0,"mae":0,"rmse":0}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRejectedEventsDoNotCount(t *testing.T) {
	p := New(Classification, false)
	p.Observe(&event.Step{Prediction: 1, Loss: 5, Reject: &event.Rejection{Reason: event.Extreme}}, 1)
	if r := p.Report(); r.Loss != nil || p.Weight() != 0 {
		t.Errorf("a rejected event was counted: %+v", r)
	}
}

// samples draws events whose scores often tie.
func samples(t *rapid.T) []sample {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sample {
		p := rapid.Float64Range(0, 1).Draw(t, "p")
		if rapid.Bool().Draw(t, "coarse") {
			p = math.Round(p*8) / 8
		}
		return sample{p, float64(rapid.IntRange(0, 1).Draw(t, "y")), rapid.SampledFrom([]float64{1, 1, 1, .5, 3}).Draw(t, "w")}
	}), 2, 60).Draw(t, "samples")
}

// pairs is the definition of the area under the ROC curve.
func pairs(s []sample) (area float64, ok bool) {
	var won, all float64
	for _, a := range s {
		for _, b := range s {
			if a.label == 1 && b.label == 0 {
				w := a.weight * b.weight
				all += w
				if a.pred > b.pred {
					won += w
				} else if a.pred == b.pred {
					won += w / 2
				}
			}
		}
	}
	return won / all, all > 0
}

func TestAUCCountsPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := samples(t)
		want, ok := pairs(s)
		exact, binned := observe(New(Classification, true), s).Report(), observe(New(Classification, false), s).Report()
		if !ok {
			if exact.ROCAUC != nil || binned.ROCAUC != nil {
				t.Fatal("an area without both classes")
			}
			return
		}
		if math.Abs(*exact.ROCAUC-want) > 1e-12 {
			t.Fatalf("exact %v, pair counting %v", *exact.ROCAUC, want)
		}
		if math.Abs(*binned.ROCAUC-want) > *binned.AUCError+1e-12 {
			t.Fatalf("binned %v +- %v, pair counting %v", *binned.ROCAUC, *binned.AUCError, want)
		}
	})
}

// Nothing but the binned figures that have an error may depend on the mode, and nothing on the order
// of the events or on writing an event of weight 3 as three events.
func TestInvariances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := samples(t)
		var reordered []sample
		for _, v := range rapid.Permutation(s).Draw(t, "order") {
			if v.weight == 3 {
				v.weight = 1
				reordered = append(reordered, v, v)
			}
			reordered = append(reordered, v)
		}
		want := observe(New(Classification, true), s).Report()
		if d := cmp.Diff(want, observe(New(Classification, true), reordered).Report(), approx); d != "" {
			t.Fatal(d)
		}
		binned := observe(New(Classification, false), reordered).Report()
		if d := cmp.Diff(want, binned, approx, cmpopts.IgnoreFields(Report{}, "ROCAUC", "AUCError", "CalibrationError", "PrecisionAtK", "PrecisionAtKError", "RecallAtFPR", "RecallAtFPRError")); d != "" {
			t.Fatal(d)
		}
	})
}

func TestBinsAscend(t *testing.T) {
	previous := -1
	for _, p := range []float64{
		math.Inf(-1), -1, 0, 1e-300, 1e-10, 2e-10, 1e-3, 1.02e-3, .25, .3, .49999, .5, .500001, .7, .75, .99, .999, 1 - 1e-9, 1, 2, math.Inf(1),
	} {
		b := binOf(p)
		if b < previous || b < 0 || b >= binCount {
			t.Errorf("bin of %v is %d after %d", p, b, previous)
		}
		previous = b
	}
	if binOf(.49) == binOf(.5) || binOf(0) != 0 || binOf(1) != binCount-1 || binOf(math.NaN()) != 0 {
		t.Error("the outermost or the middle bins are wrong")
	}
	seen := map[int]bool{}
	for i := range 1 << 20 {
		x := 24 * (float64(i)/(1<<19) - 1) // log-odds
		seen[binOf(1/(1+math.Exp(-x)))] = true
	}
	if len(seen) != binCount {
		t.Errorf("%d bins in use of %d", len(seen), binCount)
	}
}

// A calibrated stream has a small error, a shifted one about its shift.
func TestCalibration(t *testing.T) {
	const n = 30_000
	good, shifted := New(Classification, true), New(Classification, true)
	for i := range n {
		p := .1 + .6*float64(i)/n
		y := 0.
		if math.Mod(float64(i)*math.Phi, 1) < p { // low-discrepancy labels with rate p
			y = 1
		}
		good.Observe(&event.Step{Prediction: p, Label: y}, 1)
		shifted.Observe(&event.Step{Prediction: p + .2, Label: y}, 1)
	}
	if e := *good.Report().CalibrationError; e > .01 {
		t.Errorf("calibrated: %v", e)
	}
	if e := *shifted.Report().CalibrationError; math.Abs(e-.2) > .01 {
		t.Errorf("shifted by .2: %v", e)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	for _, task := range []Task{Classification, Regression, Bandit} {
		p := New(task, false)
		s := event.Step{Prediction: .3, Label: 1, Loss: .5}
		if n := testing.AllocsPerRun(100, func() { p.Observe(&s, 2) }); n != 0 {
			t.Errorf("%v: %v allocations", task, n)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	for _, exact := range []bool{false, true} {
		b.Run(map[bool]string{false: "binned", true: "exact"}[exact], func(b *testing.B) {
			p := New(Classification, exact)
			s := event.Step{Loss: .5}
			b.ReportAllocs()
			for i := range b.N {
				s.Prediction, s.Label = math.Mod(float64(i)*math.Phi, 1), float64(i&1)
				p.Observe(&s, 1)
			}
		})
	}
}
