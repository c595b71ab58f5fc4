package factor_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/factor"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

var _ learner.Referenced = (*factor.Model)(nil)

func build(t testing.TB, c factor.Config) *factor.Model {
	t.Helper()
	m, err := factor.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// variants are the configurations that every rule is tried with.
func variants() map[string]factor.Config {
	out := map[string]factor.Config{}
	for _, model := range []string{factor.FM, factor.FFM, factor.MF} {
		for _, loss := range []string{"logistic", "squared"} {
			c := factor.Default()
			c.Model, c.Loss, c.Bits = model, loss, 12
			if model == factor.MF {
				c.User, c.Item = "user", "item"
			}
			out[model+" "+loss] = c
		}
	}
	edit := func(name string, f func(*factor.Config)) {
		c := factor.Default()
		c.Bits = 12
		f(&c)
		out[name] = c
	}
	edit("ftrl", func(c *factor.Config) { c.Optimizer, c.L1, c.L2 = "ftrl", 0.1, 0.01 })
	edit("few rows", func(c *factor.Config) { c.Model, c.Bits, c.Factors, c.L2 = factor.FFM, 3, 3, 0.01 }) // features share rows
	edit("raw", func(c *factor.Config) {
		c.Loss, c.Standardize, c.ScaleLabel, c.ClipGradient = "squared", "off", "off", 0
	})
	return out
}

func category(field, value string, x float64) event.Feature {
	return event.Feature{Hash: xxhash.Sum64String(field + "=" + value), Field: uint32(xxhash.Sum64String(field)), Value: x}
}

func number(field string, x float64) event.Feature {
	h := xxhash.Sum64String(field)
	return event.Feature{Hash: h, Field: uint32(h), Value: x}
}

// fill fills an event with a user, an item, a bag of words in which one may be
// twice, up to 80 numeric fields, and a label.
func fill(logistic bool) func(r *rand.Rand, e *event.Event) {
	return func(r *rand.Rand, e *event.Event) {
		user, item := r.IntN(60), r.IntN(40)
		e.X.Sparse = append(e.X.Sparse, category("user", strconv.Itoa(user), 1), category("item", strconv.Itoa(item), 1))
		for range r.IntN(4) {
			e.X.Sparse = append(e.X.Sparse, category("words", strconv.Itoa(r.IntN(5)), 1+float64(r.IntN(2))))
		}
		first := r.IntN(76)
		for j := range 4 {
			e.X.Dense = append(e.X.Dense, number("d"+strconv.Itoa(first+j), r.NormFloat64()*float64(1+j)+10))
		}
		z := math.Sin(float64(user)) * math.Cos(float64(item)) * 3
		e.Weight = float64(1+r.IntN(4)) / 2
		e.Labelled, e.Label = true, 50*z+r.NormFloat64()
		if logistic {
			e.Label = 0
			if r.Float64() < 1/(1+math.Exp(-z)) {
				e.Label = 1
			}
		}
	}
}

// wild fills an event with finite numbers over the whole range of float64.
func wild(logistic bool) func(r *rand.Rand, e *event.Event) {
	return func(r *rand.Rand, e *event.Event) {
		draw := func() float64 {
			switch r.IntN(6) {
			case 0:
				return 0
			case 1:
				return r.NormFloat64()
			case 2:
				return math.Ldexp(r.NormFloat64(), r.IntN(660)-330)
			case 3:
				return [...]float64{1e100, -1e100, math.SmallestNonzeroFloat64, 1e-308, math.MaxFloat64}[r.IntN(5)]
			}
			return math.Ldexp(r.NormFloat64(), r.IntN(200)-100)
		}
		for j := range 3 {
			e.X.Dense = append(e.X.Dense, number("d"+strconv.Itoa(j), draw()))
			e.X.Sparse = append(e.X.Sparse, category([...]string{"user", "item", "words"}[j], strconv.Itoa(r.IntN(9)), draw()))
		}
		e.Labelled, e.Label = true, draw()
		if logistic {
			e.Label = float64(r.IntN(2))
		}
		if r.IntN(2) == 0 {
			e.Weight = math.Abs(draw())
		}
	}
}

func refused(c factor.Config) []conform.Refused {
	sparse := func(x float64) func(e *event.Event) {
		return func(e *event.Event) { e.X.Sparse = append(e.X.Sparse, category("words", "new", x)) }
	}
	bad := []conform.Refused{
		{Name: "NaN", Reason: event.NonFinite, Spoil: func(e *event.Event) { e.X.Dense[3].Value = math.NaN() }},
		{Name: "Inf", Reason: event.NonFinite, Spoil: sparse(math.Inf(-1))},
		{Name: "Huge", Reason: event.Extreme, Spoil: func(e *event.Event) { e.X.Dense[0].Value = -1e101 }},
		{Name: "ExtremeSparse", Reason: event.Extreme, Spoil: sparse(1.1e6)},
		{Name: "Unlabelled", Reason: event.LabelMissing, Spoil: func(e *event.Event) { e.Labelled = false }},
		{Name: "LabelNaN", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = math.NaN() }},
		{Name: "WeightNegative", Reason: event.WeightInvalid, Spoil: func(e *event.Event) { e.Weight = -1 }},
		{Name: "WeightOverflows", Reason: event.Unstable, Spoil: func(e *event.Event) { e.Weight = math.MaxFloat64 }},
		// The sums of squared gradients overflow after rows were made for a new feature.
		{Name: "SumsOverflow", Reason: event.Unstable, Spoil: func(e *event.Event) {
			sparse(1)(e)
			e.Weight = 1e200
		}},
		{Name: "TooManyFields", Reason: event.TooManyFeatures, Spoil: func(e *event.Event) {
			for j := range uint64(4096) {
				e.X.Dense = append(e.X.Dense, event.Feature{Hash: j, Value: 1})
			}
		}},
	}
	if c.Loss == "logistic" {
		bad = append(bad, conform.Refused{Name: "Label2", Reason: event.LabelInvalid, Spoil: func(e *event.Event) { e.Label = 2 }})
	} else {
		bad = append(bad, conform.Refused{Name: "LabelExtreme", Reason: event.Extreme, Spoil: func(e *event.Event) { e.Label = 1e7 }})
	}
	switch c.Model {
	case factor.FFM:
		bad = append(bad, conform.Refused{Name: "TooManyPairs", Reason: event.TooManyFeatures, Spoil: func(e *event.Event) {
			for j := range 257 {
				e.X.Sparse = append(e.X.Sparse, category("words", strconv.Itoa(j), 1))
			}
		}})
	case factor.MF:
		bad = append(bad, conform.Refused{Name: "NumericItem", Reason: event.NoFeatures, Spoil: func(e *event.Event) {
			e.X.Dense = append(e.X.Dense, number("item", 17))
		}})
	}
	return bad
}

func TestConformance(t *testing.T) {
	for name, c := range variants() {
		logistic := c.Loss == "logistic"
		t.Run(name, func(t *testing.T) {
			conform.Model(t, conform.Models{
				New:  func(t testing.TB) learner.Model { return build(t, c) },
				Fill: fill(logistic), Wild: wild(logistic), Refused: refused(c),
			})
		})
	}
}

// stream returns n events of fill.
func stream(logistic bool, seed uint64, n int) []event.Event {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]event.Event, n)
	for i := range out {
		out[i].Reset()
		fill(logistic)(r, &out[i])
	}
	return out
}

// Readers score with many goroutines.
func TestScoreConcurrently(t *testing.T) {
	for name, c := range variants() {
		m, events := build(t, c), stream(c.Loss == "logistic", 1, 300)
		for i := range events {
			m.Learn(&events[i])
		}
		probe := stream(c.Loss == "logistic", 2, 50) // some features were never learned
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range probe {
					m.Score(&probe[i])
				}
			})
		}
		wg.Wait()
		for i := range probe {
			if got, want := m.Score(&probe[i]), m.Predict(&probe[i]).Prediction; got != want {
				t.Errorf("%s: score %v, want %v", name, got, want)
			}
		}
		if n := testing.AllocsPerRun(100, func() { m.Score(&probe[0]) }); n != 0 {
			t.Errorf("%s: Score allocates %v times", name, n)
		}
	}
}

func TestValidate(t *testing.T) {
	for key, edit := range map[string]func(*factor.Config){
		"model":         func(c *factor.Config) { c.Model = "svd" },
		"loss":          func(c *factor.Config) { c.Loss = "hinge" },
		"optimizer":     func(c *factor.Config) { c.Optimizer = "adam" },
		"standardize":   func(c *factor.Config) { c.Standardize = "yes" },
		"scale_label":   func(c *factor.Config) { c.ScaleLabel = "" },
		"factors":       func(c *factor.Config) { c.Factors = 65 },
		"bits":          func(c *factor.Config) { c.Bits = 31 },
		"rate":          func(c *factor.Config) { c.Rate = -1 },
		"rate_factors":  func(c *factor.Config) { c.RateFactors = math.NaN() },
		"beta":          func(c *factor.Config) { c.Beta = 0 },
		"l1":            func(c *factor.Config) { c.L1 = 1 },
		"l2":            func(c *factor.Config) { c.L2 = -1 },
		"l2_factors":    func(c *factor.Config) { c.L2Factors = 2 },
		"init":          func(c *factor.Config) { c.Init = 0 },
		"clip_gradient": func(c *factor.Config) { c.ClipGradient = -1 },
		"clip":          func(c *factor.Config) { c.Clip = math.Inf(1) },
		"extreme":       func(c *factor.Config) { c.Extreme = -1 },
		"user":          func(c *factor.Config) { c.Model, c.Item = factor.MF, "item" },
		"item":          func(c *factor.Config) { c.Model, c.User, c.Item = factor.MF, "a", "a" },
	} {
		c := factor.Default()
		edit(&c)
		if _, err := factor.New(c); err == nil || !strings.HasPrefix(err.Error(), "learner.factor."+key+": ") {
			t.Errorf("%s: error %v", key, err)
		}
	}
	c := factor.Default()
	c.User = "user"
	if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "learner.factor.user: ") {
		t.Errorf("a user without mf: %v", err)
	}
}
