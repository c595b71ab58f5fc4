package sgd

import (
	"testing"
)

func squared(c *Config) { c.Loss = "squared" }

// The figures that the defaults must reach in one pass in file order. A
// prototype of the same race reached, in this order, .910, .894, .8990 and
// .3324, .889, .983, .280 and 89.5.
func TestDefaultsReach(t *testing.T) {
	for _, c := range []struct {
		name  string
		read  func(testing.TB) table
		edit  func(*Config)
		check func(*testing.T, *progress)
	}{
		{"elec2", elec2, nil, func(t *testing.T, p *progress) { atLeast(t, "accuracy", p.accuracy, .90) }},
		{"phishing", phishing, nil, func(t *testing.T, p *progress) { atLeast(t, "accuracy", p.accuracy, .893) }},
		{"a9a", a9a, nil, func(t *testing.T, p *progress) {
			atLeast(t, "auc", p.auc(), .8985)
			atMost(t, "log loss", p.logLoss, .333)
		}},
		{"sea", sea, nil, func(t *testing.T, p *progress) { atLeast(t, "accuracy", p.accuracy, .887) }},
		{"spam", spam, nil, func(t *testing.T, p *progress) { atLeast(t, "accuracy", p.accuracy, .981) }},
		{"chicks", chicks, squared, func(t *testing.T, p *progress) { atMost(t, "mae", p.mae, 23.7587) }}, // River's LinearRegression
		{"trump", trump, squared, func(t *testing.T, p *progress) { atMost(t, "mae", p.mae, .30) }},
		{"bike", bike, squared, func(t *testing.T, p *progress) { atMost(t, "mae", p.mae, 90) }},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, run(t, newModel(t, c.edit), c.read(t))) })
	}
}

func atLeast(t *testing.T, what string, got, want float64) {
	t.Helper()
	t.Logf("%s %.6f", what, got)
	if !(got >= want) {
		t.Errorf("%s %v, want at least %v", what, got, want)
	}
}

func atMost(t *testing.T, what string, got, want float64) {
	t.Helper()
	t.Logf("%s %.6f", what, got)
	if !(got <= want) {
		t.Errorf("%s %v, want at most %v", what, got, want)
	}
}

// Vowpal Wabbit printed these average losses for its own test files
// (bandit_vectors/optimizer_vw_refs.json).
func TestVowpalWabbitLosses(t *testing.T) {
	for _, c := range []struct {
		name, file string
		edit       func(*Config)
		want       float64
	}{
		{"nag", "vw/0001.dat", func(*Config) {}, 0.195759},
		{"nag", "vw/0002.dat", func(*Config) {}, 0.003499},
		{"coin", "vw/0001.dat", func(c *Config) { c.Optimizer = "coin" }, 0.193569},
		{"coin", "vw/0002.dat", func(c *Config) { c.Optimizer = "coin" }, 0.0041},
		{"ftrl", "vw/0001.dat", func(c *Config) { c.Optimizer, c.Rate, c.Beta, c.L1 = "ftrl", 0.01, 0, 2 }, 0.379717},
		{"invariant", "vw/0002.dat", func(c *Config) { c.Optimizer, c.Rate, c.Power = "sgd", 10, 0.5 }, 0.003382},
	} {
		p := run(t, newModel(t, func(cfg *Config) { cfg.Loss, cfg.Compat, cfg.Bits = "squared", "vw", 0; c.edit(cfg) }), vw(t, c.file))
		if d := p.loss - c.want; d > 5e-7 || d < -5e-7 {
			t.Errorf("%s on %s: average loss %.7f, Vowpal Wabbit prints %.6f", c.name, c.file, p.loss, c.want)
		}
	}
}

// With default settings AdaGrad on the sparse a9a reaches what is published for
// it (unscaled, rate 0.1): accuracy .844, AUC .8988, log loss .3327.
func TestAdaGradOnSparse(t *testing.T) {
	p := run(t, newModel(t, func(c *Config) { c.Optimizer = "adagrad" }), a9a(t))
	atLeast(t, "accuracy", p.accuracy, .8435)
	atLeast(t, "auc", p.auc(), .8985)
	atMost(t, "log loss", p.logLoss, .333)
}

// Plain gradient descent on bike sharing diverges to a mean absolute error of
// 8e61 when labels are taken as they are. Scaled labels keep it in their range.
func TestBikeNeverDiverges(t *testing.T) {
	events := bike(t)
	for _, o := range []string{"auto", "nag", "sgd", "adagrad"} {
		p := run(t, newModel(t, func(c *Config) { c.Loss, c.Optimizer = "squared", o }), events)
		atMost(t, o+" mae", p.mae, 131.8) // the running mean
	}
}
