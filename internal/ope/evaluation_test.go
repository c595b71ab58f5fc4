package ope_test

import (
	"bytes"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/ope"
)

var update = flag.Bool("update", false, "rewrite the golden file")

var all = []ope.Estimator{
	ope.IPS, ope.ClippedIPS, ope.SNIPS, ope.DM, ope.DR, ope.SNDR, ope.SwitchDR, ope.DROS, ope.SubGaussianIPS, ope.SubGaussianDR,
	ope.CressieRead, ope.Replay,
}

// draw makes a log of rewards in [-1, 3] with a model; some rows stand for dropped ones.
func draw(n int, seed uint64) (ds []ope.Decision) {
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		d := ope.Decision{
			Reward: 4*r.Float64() - 1, Propensity: 0.05 + 0.95*r.Float64(), Target: r.Float64(), Expected: r.Float64(), Logged: r.Float64(),
		}
		if i%3 == 0 {
			d.Dropped = 0.5
		}
		if i%7 == 0 {
			d.Target = 1
		}
		ds = append(ds, d)
	}
	return ds
}

func wide(c *ope.Config) { c.RewardMin, c.RewardMax = -1, 3 }

func evaluate(t testing.TB, ds []ope.Decision) *ope.Evaluation {
	t.Helper()
	e := newEvaluation(t, wide)
	for _, d := range ds {
		add(t, e, d)
	}
	return e
}

// TestMerge: evaluations of two partitions add up to that of the whole log.
func TestMerge(t *testing.T) {
	ds := draw(400, 1)
	whole, a, b := evaluate(t, ds), evaluate(t, ds[:150]), evaluate(t, ds[150:])
	if err := a.Merge(b); err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		got, _ := a.Value(k)
		want, _ := whole.Value(k)
		near(t, k.String(), got, want, 1e-12)
		lo, hi, ok := a.Interval(k, 0.1)
		wantLo, wantHi, _ := whole.Interval(k, 0.1)
		near(t, k.String()+" lower", lo, wantLo, 1e-9)
		near(t, k.String()+" upper", hi, wantHi, 1e-9)
		if ok == (k == ope.Replay) || ok && k != ope.DM && (lo > want || hi < want) {
			t.Errorf("%v: interval [%v, %v] %v around %v", k, lo, hi, ok, want)
		}
	}
	if d, w := a.Diagnostics(), whole.Diagnostics(); math.Abs(d.EffectiveSize-w.EffectiveSize) > 1e-9 || d.MaxWeight != w.MaxWeight ||
		d.ClippedShare != w.ClippedShare || d.Rows != 400 {
		t.Errorf("diagnostics %+v, want %+v", d, w)
	}
	if err := a.Merge(newEvaluation(t, nil)); err == nil {
		t.Error("evaluations with different reward ranges were merged")
	}
}

// TestDeltaIntervals compares the closed sums with the sum over decisions of the squared influence.
func TestDeltaIntervals(t *testing.T) {
	const z = 1.959963984540054
	ds := draw(300, 2)
	e := evaluate(t, ds)
	var n, w, we, dm float64
	for _, d := range ds {
		g := 1 / (1 - d.Dropped)
		n += g
		w += g * d.Target / d.Propensity
		we += g * d.Target / d.Propensity * (d.Reward - d.Logged)
		dm += g * d.Expected
	}
	snips, _ := e.Value(ope.SNIPS)
	var varSNIPS, varSNDR float64
	for _, d := range ds {
		g := 1 / (1 - d.Dropped)
		weight := g * d.Target / d.Propensity
		influence := weight / w * (d.Reward - snips)
		varSNIPS += influence * influence
		influence = g*(d.Expected-dm/n)/n + weight/w*(d.Reward-d.Logged-we/w)
		varSNDR += influence * influence
	}
	for k, variance := range map[ope.Estimator]float64{ope.SNIPS: varSNIPS, ope.SNDR: varSNDR} {
		v, _ := e.Value(k)
		lo, hi, ok := e.Interval(k, 0.05)
		if !ok {
			t.Errorf("%v: no interval", k)
		}
		near(t, k.String()+" lower", lo, v-z*math.Sqrt(variance), 1e-9)
		near(t, k.String()+" upper", hi, v+z*math.Sqrt(variance), 1e-9)
	}
}

// TestCoverage: the confidence sequence holds the true value at all times, also of evaluations that are merged.
func TestCoverage(t *testing.T) {
	const runs, n, alpha, truth = 100, 300, 0.1, 0.62 // 0.8*0.7 + 0.2*0.3
	missed, width := 0, 0.0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 3))
		parts := []*ope.Evaluation{newEvaluation(t, nil), newEvaluation(t, nil)}
		wrong := false
		for i := range n {
			d := ope.Decision{Propensity: 0.4, Target: 0.8}
			chance := 0.7
			if r.Float64() >= 0.4 {
				d.Propensity, d.Target, chance = 0.6, 0.2, 0.3
			}
			if r.Float64() < chance {
				d.Reward = 1
			}
			add(t, parts[i%2], d)
			if i%10 != 9 {
				continue
			}
			sum := newEvaluation(t, nil)
			for _, p := range parts {
				if err := sum.Merge(p); err != nil {
					t.Fatal(err)
				}
			}
			lo, hi, _ := sum.ConfidenceSequence(alpha)
			wrong = wrong || lo > truth || hi < truth
			if i == n-1 {
				width += (hi - lo) / runs
			}
		}
		if wrong {
			missed++
		}
	}
	if missed > runs*alpha || width > 0.5 {
		t.Errorf("the true value was outside at some time in %d of %d runs; mean width at the end %v", missed, runs, width)
	}
}

func TestRefusals(t *testing.T) {
	nan := math.NaN()
	good := ope.Decision{Reward: 1, Propensity: 0.5, Target: 0.5}
	e := newEvaluation(t, nil)
	for want, change := range map[ope.Problem][]func(*ope.Decision){
		ope.BadPropensity:    {func(d *ope.Decision) { d.Propensity = nan }},
		ope.ZeroPropensity:   {func(d *ope.Decision) { d.Propensity = 0 }, func(d *ope.Decision) { d.Propensity = -1 }},
		ope.LargePropensity:  {func(d *ope.Decision) { d.Propensity = 1.01 }, func(d *ope.Decision) { d.Propensity = math.Inf(1) }},
		ope.BadTarget:        {func(d *ope.Decision) { d.Target = nan }, func(d *ope.Decision) { d.Target = -0.1 }, func(d *ope.Decision) { d.Target = 2 }},
		ope.BadReward:        {func(d *ope.Decision) { d.Reward = nan }},
		ope.RewardOutOfRange: {func(d *ope.Decision) { d.Reward = 1.5 }, func(d *ope.Decision) { d.Reward = math.Inf(-1) }},
		ope.BadDropped:       {func(d *ope.Decision) { d.Dropped = 1 }, func(d *ope.Decision) { d.Dropped = nan }},
		ope.BadModel:         {func(d *ope.Decision) { d.Expected = nan }, func(d *ope.Decision) { d.Logged = math.Inf(1) }},
		ope.LargeWeight:      {func(d *ope.Decision) { d.Propensity = 1e-300 }},
	} {
		for _, f := range change {
			d := good
			f(&d)
			if got := e.Add(d); got != want {
				t.Errorf("%+v: %v, want %v", d, got, want)
			}
		}
	}
	if _, ok := e.Value(ope.IPS); ok || e.Diagnostics().Rows != 0 {
		t.Error("refused decisions were counted")
	}
	c := ope.Default()
	c.RewardMin = 1
	if _, err := ope.New(c); err == nil {
		t.Error("an empty reward range is taken")
	}
	if _, err := ope.ParseEstimator("ipss"); err == nil {
		t.Error("a misspelt estimator is found")
	}
	for _, shares := range [][]float64{{1}, {0.5, 0.6}, {0, 1}} {
		if _, err := ope.NewSampleRatio(shares, 100); err == nil {
			t.Errorf("shares %v are taken", shares)
		}
	}
}

// TestExtremes: everything is finite, and a wrong propensity is noticed.
func TestExtremes(t *testing.T) {
	e := newEvaluation(t, func(c *ope.Config) { c.RewardMin, c.RewardMax = -1e60, 1e60 })
	for _, d := range []ope.Decision{
		{Reward: 1e60, Propensity: 1e-12, Target: 1, Expected: 1e60, Logged: -1e60}, {Reward: -1e60, Propensity: 1, Target: 5e-324},
		{Propensity: 0.5, Target: 1e-6, Dropped: 1 - 1e-6}, {Reward: -1e60, Propensity: 1e-12, Target: 1},
	} {
		add(t, e, d)
		requireFinite(t, e)
	}
	wrong := newEvaluation(t, nil)
	for _, d := range draw(2000, 4) {
		d.Reward, d.Propensity, d.Target = 1, 0.5, 0.9 // the weight is always 1.8
		add(t, wrong, d)
	}
	if doubts := wrong.Diagnostics().Doubts(); !slices.Contains(doubts, ope.WrongWeights) {
		t.Errorf("a mean weight of 1.8 raises %q only", doubts)
	}
}

func requireFinite(t *testing.T, e *ope.Evaluation) {
	t.Helper()
	finite := func(what string, vs ...float64) {
		for _, v := range vs {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: %v", what, vs)
			}
		}
	}
	for _, k := range all {
		v, _ := e.Value(k)
		lo, hi, _ := e.Interval(k, 0.05)
		finite(k.String(), v, lo, hi)
	}
	lo, hi, _ := e.ConfidenceSequence(0.05)
	finite("confidence sequence", lo, hi)
	lo, hi, _ = e.ClopperPearson(0.05)
	finite("Clopper-Pearson", lo, hi)
	d := e.Diagnostics()
	finite("diagnostics", d.MeanWeight, d.MeanWeightSE, d.MaxWeight, d.EffectiveSize)
}

func TestAddAllocatesNothing(t *testing.T) {
	e := newEvaluation(t, nil)
	d := ope.Decision{Reward: 1, Propensity: 0.5, Target: 0.5, Dropped: 0.1}
	if n := testing.AllocsPerRun(100, func() { e.Add(d) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestGolden holds the bytes of a state.
func TestGolden(t *testing.T) {
	const name = "testdata/evaluation.golden"
	e := evaluate(t, draw(100, 5))
	b, err := e.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Error("the state has other bytes than the golden file; rewrite it with -update if the layout was changed on purpose")
	}
	var back ope.Evaluation
	if err := back.UnmarshalBinary(want); err != nil {
		t.Fatal(err)
	}
	if back != *e {
		t.Error("the state is read as something else")
	}
	for n := range want {
		if err := back.UnmarshalBinary(want[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken", n, len(want))
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	b, err := evaluate(f, draw(20, 6)).AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var e ope.Evaluation
		if e.UnmarshalBinary(b) != nil {
			return
		}
		again, err := e.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatal("the state is not written as it was read")
		}
	})
}

// FuzzAdd: whatever decisions are taken, all estimates are finite.
func FuzzAdd(f *testing.F) {
	f.Add(1.0, 0.5, 0.5, 0.0, 0.1, 0.2)
	f.Add(0.0, 1e-12, 1.0, 0.5, -3.0, 1e60)
	f.Fuzz(func(t *testing.T, reward, propensity, target, dropped, expected, logged float64) {
		e := newEvaluation(t, nil)
		for _, d := range draw(3, 7) {
			d.Reward = 0.5
			add(t, e, d)
		}
		e.Add(ope.Decision{Reward: reward, Propensity: propensity, Target: target, Dropped: dropped, Expected: expected, Logged: logged})
		requireFinite(t, e)
	})
}

// Propensities that are too small make both bounds too tight, until they cross.
func TestBoundsThatCrossAreNoSequence(t *testing.T) {
	e := newEvaluation(t, nil)
	for i := range 5000 {
		add(t, e, ope.Decision{Reward: float64(i % 2), Propensity: 0.2, Target: float64(i%3) / 2})
	}
	s := e.Summary(all, false, 0.05)
	if s.Sequence != nil {
		t.Errorf("confidence sequence %v where the bounds leave no value", *s.Sequence)
	}
	if !slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "leave no value") }) {
		t.Errorf("warnings %q", s.Warnings)
	}
}
