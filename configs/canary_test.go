package configs

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/player"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/bandit"
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
	rails    []event.RailReport
	log      []learner.Record
	snapshot *state.Snapshot
	evidence float64 // against the logged propensities
}

// rolloutPlayer returns a service that decides by what the model of canary.yaml publishes, and learns.
func rolloutPlayer(t *testing.T, arms int) *player.Player {
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
	f, err := player.New(learns, decides.Join.Records, arms)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func playRollout(t *testing.T, scene *sim.RolloutScene, n, seed uint64) (out rollout) {
	t.Helper()
	f := rolloutPlayer(t, len(scene.Arms()))
	game, decided := sim.NewGame(scene, f, 1000, seed), 0
	var err error
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
	out.versions, out.rails, out.evidence = stats.Arms.Arms, f.Learner().Judge(), stats.Arms.Evidence
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

// TestCanaryThatIsSlow: a version whose rewards are as good is taken out because its answers take longer, in every rollout.
func TestCanaryThatIsSlow(t *testing.T) {
	latest, own := 0, uint64(0)
	for seed := uint64(1); seed <= 10; seed++ {
		r := playRollout(t, sim.Rollout(seed).Slow(), 9_000, seed)
		latest, own = max(latest, r.out), max(own, r.own)
		v3 := r.versions[2]
		if r.out == 0 || v3.Out != "latency_ms" || r.after > 0 {
			t.Errorf("seed %d: the slow version was taken out for %q after %d requests and got %d since", seed, v3.Out, r.out, r.after)
		}
		if s := r.versions[1].Status; s != "active" {
			t.Errorf("seed %d: the better version is %s", seed, s)
		}
		want := map[string]string{"v2 reward": event.Better, "v3 latency_ms": event.Harmful}
		for _, rail := range r.rails {
			d := rail.Difference
			if rail.Arm != "v1" && !(d.Low <= d.Value && d.Value <= d.High) {
				t.Errorf("seed %d: %+v has the interval %+v", seed, rail, *d)
			}
			if verdict := want[rail.Arm+" "+rail.Metric]; verdict != "" && rail.Verdict != verdict || rail.Verdict == event.Harmful && verdict != event.Harmful {
				t.Errorf("seed %d: %s by %s of %s, want %q", seed, rail.Verdict, rail.Metric, rail.Arm, verdict)
			}
			// Of a request that failed nothing is heard.
			if rail.Metric == "latency_ms" && (rail.Absent == 0 || rail.Absent > rail.Values/5) {
				t.Errorf("seed %d: %d latencies of %s, %d are absent", seed, rail.Values, rail.Arm, rail.Absent)
			}
		}
	}
	t.Logf("the slow version was out after %d requests at the latest, at most %d of them its own", latest, own)
}

// deaf is a service that gives a part of the requests of v1 to v3, and logs them with the probability of v3.
type deaf struct {
	sim.Player
	n, every int
}

func (d *deaf) Choose(record []byte) (arm int, p float64, err error) {
	arm, p, err = d.Player.Choose(record)
	if d.n++; arm == 0 && d.n%d.every == 0 {
		return 2, min(1, p/4), err
	}
	return arm, p, err
}

// TestCanaryOfADeafService: a service that does not give versions the shares it logs is found by the sample-ratio check, and
// the version that gets too much is named; one that does is not.
func TestCanaryOfADeafService(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		for _, every := range []int{1 << 30, 10} {
			f := rolloutPlayer(t, 3)
			game := sim.NewGame(sim.Rollout(seed).Alike(), f, 1000, seed)
			game.Player = &deaf{Player: f, every: every}
			if _, err := game.Play(6000, func([]byte) error { return nil }); err != nil {
				t.Fatal(err)
			}
			arms := f.Learner().Stats().Arms.Arms
			v3 := arms[2]
			switch wrong := every < 1<<30; {
			case wrong && !(v3.Evidence > 1e6 && v3.Got > 1.2*v3.Due):
				t.Errorf("seed %d: evidence %.3g, v3 got %.3f of the requests where %.3f were due", seed, v3.Evidence, v3.Got, v3.Due)
			case !wrong && !(v3.Evidence < 1e4 && math.Abs(v3.Got/v3.Due-1) < 0.2):
				t.Errorf("seed %d: evidence %.3g of an honest service, v3 got %.3f of the requests where %.3f were due", seed, v3.Evidence, v3.Got, v3.Due)
			case arms[0].Evidence > 1e4 || arms[1].Evidence > 1e4:
				t.Errorf("seed %d: evidence %.3g and %.3g against v1 and v2", seed, arms[0].Evidence, arms[1].Evidence)
			}
		}
	}
}

// TestCanaryUnderPeeking: of versions that are as much worse as both margins allow, at most the alphas together are ever
// taken out, though every event is looked at.
func TestCanaryUnderPeeking(t *testing.T) {
	const runs, n, alpha = 200, 1500, 0.05
	c := bandit.Default()
	c.Policy, c.Arms, c.Baseline, c.BaselineFloor = bandit.Thompson, []string{"v1", "v2"}, "v1", 0.5
	c.GuardRails = []bandit.GuardRail{{Metric: "reward", Margin: "0.02", Alpha: alpha}, {Metric: "latency_ms", Worse: bandit.HigherIsWorse, Max: 300, Margin: "5%", Alpha: alpha}}
	out := 0
	for i := range uint64(runs) {
		m, err := bandit.New(c)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(i, 7))
		e := event.Event{Weight: 1, Labelled: true, Metrics: make([]event.Metric, 1)}
		for k := range n {
			e.Arm, e.Prob, e.Label, e.Time = r.IntN(2), 0.5, 0, int64(k)
			good, latency := 0.9, 100.0
			if e.Arm == 1 {
				good, latency = 0.88, 105
			}
			if r.Float64() < good {
				e.Label = 1
			}
			e.Metrics[0] = event.Metric{Name: event.MetricName("latency_ms"), Value: min(300, latency*(0.5+r.Float64()))}
			if s := m.Learn(&e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
			if arm, _ := m.Harm(); arm != "" {
				out++
				break
			}
		}
	}
	t.Logf("%d of %d versions at the margins were taken out", out, runs)
	if out > 2*alpha*runs {
		t.Errorf("%d of %d versions at the margins were taken out, at most %v are allowed", out, runs, 2*alpha*runs)
	}
}
