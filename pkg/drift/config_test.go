package drift

import (
	"math"
	"testing"
)

func TestValidation(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"block", scoreErr(func(c *ScoreConfig) { c.Block = 5 }), "guard.block: 5: must be between 10 and 10000 events"},
		{"window", scoreErr(func(c *ScoreConfig) { c.Window = 999 }), "guard.window: 999: must be between 1000 and 100000 events (40 to 4000 blocks of guard.block = 25)"},
		{"arl", scoreErr(func(c *ScoreConfig) { c.FalseFreezeEvery = nan }), "guard.false_freeze_every: NaN: must be between 250 (10 blocks) and 1e+15 events"},
		{"default", scoreErr(func(*ScoreConfig) {}), ""},
		{"adwin delta", adwinErr(func(p *ADWINParams) { p.Delta = 1 }), "adwin: delta: 1: must be between 0 and 1, both excluded"},
		{"adwin clock", adwinErr(func(p *ADWINParams) { p.Clock = 0 }), "adwin: clock: 0: must be between 1 and 1000000"},
		{"adwin buckets", adwinErr(func(p *ADWINParams) { p.MaxBuckets = 1 }), "adwin: max_buckets: 1: must be between 2 and 1000"},
		{"adwin mode", adwinErr(func(p *ADWINParams) { p.Mode = "sideways" }), `adwin: mode: "sideways": must be up, down or both`},
		{"page-hinkley threshold", phErr(func(p *PageHinkleyParams) { p.Threshold = nan }), "page_hinkley: threshold: NaN: must be above 0 and at most 1e+100"},
		{"page-hinkley alpha", phErr(func(p *PageHinkleyParams) { p.Alpha = 1.5 }), "page_hinkley: alpha: 1.5: must be above 0 and at most 1"},
		{"e-detector reference", eErr(func(p *EDetectorParams) { p.Reference = 10 }), "e_detector: reference: 10: must be between 1000 and 200000 (20 to 4000 blocks of 50)"},
		{"e-detector arl", eErr(func(p *EDetectorParams) { p.ARL = 1 }), "e_detector: arl: 1: must be between 500 (10 blocks) and 1e+15"},
	} {
		got := ""
		if c.err != nil {
			got = c.err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := NewScore(DefaultScoreConfig(), 0); err == nil {
		t.Error("a dimension of 0 is accepted")
	}
}

func scoreErr(set func(*ScoreConfig)) error {
	c := DefaultScoreConfig()
	set(&c)
	_, err := NewScore(c, 4)
	return err
}

func adwinErr(set func(*ADWINParams)) error {
	p := DefaultADWINParams()
	set(&p)
	_, err := NewADWIN(p)
	return err
}

func phErr(set func(*PageHinkleyParams)) error {
	p := DefaultPageHinkleyParams()
	set(&p)
	_, err := NewPageHinkley(p)
	return err
}

func eErr(set func(*EDetectorParams)) error {
	p := DefaultEDetectorParams()
	set(&p)
	_, err := NewEDetector(p)
	return err
}
