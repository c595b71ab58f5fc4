package ope_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/ope"
)

const dataDir = "../../../shared/data/"

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(dataDir + "bandit_vectors/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func newEvaluation(t testing.TB, change func(*ope.Config)) *ope.Evaluation {
	t.Helper()
	c := ope.Default()
	if change != nil {
		change(&c)
	}
	e, err := ope.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func add(t testing.TB, e *ope.Evaluation, d ope.Decision) {
	t.Helper()
	if problem := e.Add(d); problem != ope.None {
		t.Fatalf("%+v is refused: %v", d, problem)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if got != want && !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// vwCase is a case of ope_vw_estimators.json; numbers may be written as "inf".
type vwCase struct {
	Name   string
	Data   [][3]float64 `json:"data_p_log_r_p_pred"`
	Expect map[string]any
}

// decisions returns those of the case, made by the generator that the file describes when it lists none.
func (c vwCase) decisions(t *testing.T) (ds []ope.Decision) {
	alternate := func(n int, even, odd float64) {
		for i := range n {
			d := ope.Decision{Reward: 1, Propensity: 0.5, Target: even}
			if i%2 == 1 {
				d.Reward, d.Target = 0, odd
			}
			ds = append(ds, d)
		}
	}
	switch c.Name {
	case "alt1000":
		alternate(1000, 0.2, 0.8)
	case "alt100b":
		alternate(100, 0.8, 0.2)
	case "alt10000b":
		alternate(10_000, 0.8, 0.2)
	case "const.751":
		for range 100 {
			ds = append(ds, ope.Decision{Reward: 0.751, Propensity: 0.5, Target: 0.5})
		}
	case "p_drop":
		for range 1000 {
			ds = append(ds, ope.Decision{Reward: 1, Propensity: 1, Target: 1})
		}
		for range 500 {
			ds = append(ds, ope.Decision{Propensity: 1, Target: 1, Dropped: 0.5})
		}
	default:
		for _, row := range c.Data {
			ds = append(ds, ope.Decision{Propensity: row[0], Reward: row[1], Target: row[2]})
		}
		if ds == nil {
			t.Fatalf("%s has no data and no known generator", c.Name)
		}
	}
	return ds
}

func number(t *testing.T, v any) float64 {
	t.Helper()
	switch v := v.(type) {
	case float64:
		return v
	case string:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	t.Fatalf("%v is no number", v)
	return 0
}

// TestVowpalWabbitEstimators holds the values of the estimators library of Vowpal Wabbit, at commit 8ce3871.
func TestVowpalWabbitEstimators(t *testing.T) {
	var file struct {
		Tol   float64
		Cases []vwCase
	}
	readJSON(t, "ope_vw_estimators.json", &file)
	checked := 0
	for _, c := range file.Cases {
		e := newEvaluation(t, nil)
		var weights, rewards []float64
		for _, d := range c.decisions(t) {
			add(t, e, d)
			weights, rewards = append(weights, d.Target/d.Propensity), append(rewards, d.Reward)
		}
		for name, want := range c.Expect {
			checked++
			kind, level, isInterval := strings.Cut(name, "_ci_")
			if !isInterval {
				var got float64
				var ok bool
				if kind == "mle" {
					got, ok = ope.EmpiricalLikelihood(weights, rewards)
				} else {
					k, err := ope.ParseEstimator(strings.Replace(kind, "cressieread", "cressie-read", 1))
					if err != nil {
						t.Fatal(err)
					}
					got, ok = e.Value(k)
				}
				if !ok {
					t.Errorf("%s %s: no value", c.Name, name)
				}
				near(t, c.Name+" "+name, got, number(t, want), file.Tol)
				continue
			}
			alpha, err := strconv.ParseFloat(level, 64)
			if err != nil {
				t.Fatal(err)
			}
			var lo, hi float64
			var ok bool
			switch kind {
			case "gaussian":
				lo, hi, ok = e.Interval(ope.IPS, alpha)
			case "cressieread":
				lo, hi, ok = e.Interval(ope.CressieRead, alpha)
			case "clopper_pearson":
				lo, hi, ok = e.ClopperPearson(alpha)
			case "confidence_sequence":
				lo, hi, ok = e.ConfidenceSequence(alpha)
			default:
				t.Fatalf("unknown interval %s", kind)
			}
			if !ok {
				lo, hi = math.Inf(-1), math.Inf(1)
			}
			bounds := want.([]any)
			near(t, c.Name+" "+name+" lower", lo, number(t, bounds[0]), file.Tol)
			near(t, c.Name+" "+name+" upper", hi, number(t, bounds[1]), file.Tol)
		}
	}
	if checked < 80 {
		t.Errorf("%d values checked, want at least 80", checked)
	}
}

// TestOpenBanditPipeline holds the values of the Open Bandit Pipeline (zr-obp at 8cbd5fa).
func TestOpenBanditPipeline(t *testing.T) {
	var file struct {
		Tol            float64
		Action         []int
		Reward, PScore []float64
		PiE            [][]float64 `json:"pi_e"`
		QHat           [][]float64 `json:"q_hat"`
		Expect         map[string]float64
	}
	readJSON(t, "ope_obp.json", &file)
	// The name in the file, our estimator, and the setting that the number in the name is for.
	names := []struct {
		prefix string
		k      ope.Estimator
		set    func(*ope.Config, float64)
	}{
		{"ipw_clip_inf", ope.IPS, nil},
		{"ipw_clip_", ope.ClippedIPS, func(c *ope.Config, v float64) { c.Clip = v }},
		{"snipw", ope.SNIPS, nil}, {"sndr", ope.SNDR, nil}, {"dm", ope.DM, nil}, {"replay", ope.Replay, nil},
		{"dr_os_", ope.DROS, func(c *ope.Config, v float64) { c.Shrinkage = v }},
		{"dr", ope.DR, nil},
		{"switch_dr_", ope.SwitchDR, func(c *ope.Config, v float64) { c.Switch = v }},
		{"sg_ipw_", ope.SubGaussianIPS, func(c *ope.Config, v float64) { c.SubGaussian = v }},
		{"sg_dr_", ope.SubGaussianDR, func(c *ope.Config, v float64) { c.SubGaussian = v }},
	}
	for name, want := range file.Expect {
		found := false
		for _, n := range names {
			if !strings.HasPrefix(name, n.prefix) {
				continue
			}
			found = true
			e := newEvaluation(t, func(c *ope.Config) {
				if n.set == nil {
					return
				}
				v, err := strconv.ParseFloat(strings.TrimPrefix(name, n.prefix), 64)
				if err != nil {
					t.Fatal(err)
				}
				n.set(c, v)
			})
			for i, a := range file.Action {
				d := ope.Decision{Reward: file.Reward[i], Propensity: file.PScore[i], Target: file.PiE[i][a], Logged: file.QHat[i][a]}
				for j, p := range file.PiE[i] {
					d.Expected += p * file.QHat[i][j]
				}
				add(t, e, d)
			}
			got, ok := e.Value(n.k)
			if !ok {
				t.Errorf("%s: no value", name)
			}
			near(t, name, got, want, file.Tol)
			break
		}
		if !found {
			t.Errorf("no estimator for %s", name)
		}
	}
}

// TestSequentialTests holds the values of the formulas, computed independently.
func TestSequentialTests(t *testing.T) {
	var file struct {
		Tol   float64
		Cases []struct {
			Test                 string
			N, Delta             float64
			Sigma2, Tau2         float64
			LambdaN              float64 `json:"lambda_n"`
			P                    float64 `json:"p_value_instant"`
			Width95              float64 `json:"ci_halfwidth_95"`
			T, Sigma, Rho, Alpha float64
			HalfWidth            float64
			Daily                [][]float64
			Null                 []float64
			Concentration        float64
			PValues              []float64 `json:"p_values"`
		}
		GrowthBook struct {
			A, B ope.Sample
			P    float64    `json:"p_value"`
			CI   [2]float64 `json:"abs_ci"`
		} `json:"growthbook_literal"`
	}
	readJSON(t, "sequential_tests.json", &file)
	for _, c := range file.Cases {
		switch {
		case strings.HasPrefix(c.Test, "mSPRT"):
			v := c.Sigma2 / c.N
			logRatio := ope.LogMixtureRatio(c.Delta, v, c.Tau2)
			near(t, "ratio", math.Exp(logRatio), c.LambdaN, file.Tol*c.LambdaN)
			var p ope.AlwaysValid
			near(t, "p", p.Observe(logRatio), c.P, file.Tol)
			near(t, "half-width", ope.MixtureHalfWidth(v, c.Tau2, 0.05), c.Width95, file.Tol)
		case strings.HasPrefix(c.Test, "asymptotic"):
			near(t, "asymptotic", ope.AsymptoticHalfWidth(c.T, c.Sigma, c.Rho, c.Alpha), c.HalfWidth, file.Tol)
		case strings.HasPrefix(c.Test, "sequential SRM"):
			s, err := ope.NewSampleRatio(c.Null, c.Concentration)
			if err != nil {
				t.Fatal(err)
			}
			for i, counts := range c.Daily {
				p, err := s.Add(counts)
				if err != nil {
					t.Fatal(err)
				}
				near(t, "sample ratio", p, c.PValues[i], file.Tol*c.PValues[i])
			}
		default:
			t.Errorf("unknown test %s", c.Test)
		}
	}
	g := file.GrowthBook
	delta, lo, hi, p, ok := ope.Welch(g.A, g.B, 0.05)
	if !ok {
		t.Fatal("Welch refuses the samples")
	}
	near(t, "Welch: relative uplift", delta/g.A.Mean, 0.70732, 5e-6)
	near(t, "Welch: p", p, g.P, 5e-6)
	near(t, "Welch: lower", lo, g.CI[0], 5e-6)
	near(t, "Welch: upper", hi, g.CI[1], 5e-6)
}

// TestTightestRho: no other rho is much tighter where TightestRho aims at.
func TestTightestRho(t *testing.T) {
	const at, alpha = 128, 0.05
	best := ope.AsymptoticHalfWidth(at, 1, ope.TightestRho(at, alpha), alpha)
	for rho := 0.01; rho < 2; rho *= 1.1 {
		if w := ope.AsymptoticHalfWidth(at, 1, rho, alpha); w < best*0.99 {
			t.Errorf("rho %v gives %v, the tightest %v", rho, w, best)
		}
	}
}
