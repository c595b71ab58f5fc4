package configs

import (
	"math"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/player"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// rollout is what became of the versions in a game of n requests.
type rollout struct {
	sim.Result
	out      int    // requests until v3 was taken out; 0 for never
	own      uint64 // requests of v3 that were learned until then
	after    int    // decisions for v3 since, beside those that were on their way
	versions []event.ArmReport
	log      []learner.Record
	snapshot *state.Snapshot
	evidence float64 // against the logged propensities
}

func playRollout(t *testing.T, scene *sim.RolloutScene, n, seed uint64) (out rollout) {
	t.Helper()
	cfg, err := Load(Input{File: "canary.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	m := cfg.Models["rollout"]
	learns, err := m.LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	decides, err := m.LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	f, err := player.New(learns, decides.Join.Records, len(scene.Arms()))
	if err != nil {
		t.Fatal(err)
	}
	game, decided := sim.NewGame(scene, f, 1000, seed), 0
	out.Result, err = game.Play(n, func(record []byte) error {
		out.log = append(out.log, learner.Record{Offset: int64(len(out.log)), Value: record})
		if strings.HasPrefix(string(record), `{"kind":"decision"`) {
			decided++
			if out.out > 0 && decided > out.out+10 && strings.Contains(string(record), `"arm":"v3"`) {
				out.after++
			}
		}
		if v3 := f.Learner().Stats().Arms.Arms[2]; out.out == 0 && v3.Status == "draining" {
			out.out, out.own = decided, v3.Events
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	stats := f.Learner().Stats()
	if stats.Freezes > 0 {
		t.Errorf("seed %d: %d freezes", seed, stats.Freezes)
	}
	out.snapshot = f.Learner().Snapshot()
	out.versions, out.evidence = stats.Arms.Arms, stats.Arms.Evidence
	return out
}

// tau2 is the variance of differences that the mixture test looks for: of some percentage points.
const tau2 = 0.03 * 0.03

// better is the always-valid p-value that a version is as good as another.
func better(a, b event.ArmReport) float64 {
	mean := func(r event.ArmReport) float64 { return r.Rewards / float64(r.Events) }
	variance := func(r event.ArmReport) float64 { return mean(r) * (1 - mean(r)) / float64(r.Events) }
	var p ope.AlwaysValid
	if mean(a) <= mean(b) {
		return 1
	}
	return p.Observe(ope.LogMixtureRatio(mean(a)-mean(b), variance(a)+variance(b), tau2))
}

// TestCanary: in every rollout the harmful version is taken out, no decision is made for it afterwards, and the better one gets
// all that it may.
func TestCanary(t *testing.T) {
	latest, own := 0, uint64(0)
	for seed := uint64(1); seed <= 10; seed++ {
		r := playRollout(t, sim.Rollout(seed), 16_000, seed)
		latest, own = max(latest, r.out), max(own, r.own)
		if r.out == 0 || r.out > 12_000 || r.after > 0 {
			t.Errorf("seed %d: the harmful version was taken out after %d requests and got %d since", seed, r.out, r.after)
		}
		if s := r.versions[1].Status; s != "active" {
			t.Errorf("seed %d: the better version is %s", seed, s)
		}
		if share := float64(r.Late.Choices[1]) / float64(r.Late.Rounds); share < 0.2 || share > 0.27 {
			t.Errorf("seed %d: the better version got %.3f of the late requests, it may get 0.25", seed, share)
		}
		if p := better(r.versions[1], r.versions[0]); p > 0.01 {
			t.Errorf("seed %d: always-valid p-value %.2g of the better version: %+v", seed, p, r.versions)
		}
		if r.evidence > 1e4 {
			t.Errorf("seed %d: evidence %.3g that versions did not get the share that the log says", seed, r.evidence)
		}
	}
	t.Logf("the harmful version was out after %d requests at the latest, at most %d of them its own", latest, own)
}

// TestCanaryAgain: the same log takes the same version out at the same place, also in a learner that is put away and read back.
func TestCanaryAgain(t *testing.T) {
	r := playRollout(t, sim.Rollout(3), 6000, 3)
	cfg, err := Load(Input{File: "canary.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() learner.Config {
		c, err := cfg.Models["rollout"].LearnerConfig("test")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	l, err := learner.New(fresh(), state.Position{})
	if err != nil {
		t.Fatal(err)
	}
	for i, record := range r.log {
		o := l.Feed(record)
		if o.Harm != "" && !o.Save {
			t.Error("a version was taken out and the state is not saved")
		}
		if o.Harm != "" || i%1000 == 999 {
			if l, err = learner.Restore(fresh(), l.Snapshot()); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, want := l.Snapshot(), r.snapshot
	if r.out == 0 || got.Current.Number != want.Current.Number || got.Current.Sum != want.Current.Sum || l.Stats().Arms.Arms[2] != r.versions[2] {
		t.Errorf("version %d (%s) with %+v; before %d (%s) with %+v", got.Current.Number, got.Current.Sum, l.Stats().Arms.Arms[2], want.Current.Number, want.Current.Sum, r.versions[2])
	}
}

// TestCanaryWithoutHarm: versions that do no harm are left in, in every rollout.
func TestCanaryWithoutHarm(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		r := playRollout(t, sim.Rollout(seed).Alike(), 10_000, seed)
		for _, a := range r.versions {
			if a.Status != "active" {
				t.Errorf("seed %d: %s is %s, with a mean of %.4f", seed, a.Name, a.Status, a.Rewards/float64(a.Events))
			}
		}
		if mean := r.versions[2].Rewards / float64(r.versions[2].Events); math.IsNaN(mean) {
			t.Errorf("seed %d: v3 was never chosen", seed)
		}
	}
}
