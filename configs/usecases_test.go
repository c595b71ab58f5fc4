package configs

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/streamlearner/streamlearner/internal/player"
	"github.com/streamlearner/streamlearner/internal/sim"
)

// played is a game that the bandit of a configuration has played through the real learner.
type played struct {
	sim.Result
	highest map[string]float64 // of every arm the highest probability that it was chosen with, once there was a version
}

// useCase plays n rounds of a scene with the only model of a file.
func useCase(t *testing.T, file string, scene sim.Scene, step int64, n, seed uint64, set ...string) played {
	t.Helper()
	cfg, err := Load(Input{File: file})
	if err != nil {
		t.Fatal(err)
	}
	m, err := cfg.Models[cfg.Names()[0]].With(set)
	if err != nil {
		t.Fatal(err)
	}
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
	out := played{highest: map[string]float64{}}
	out.Result, err = sim.NewGame(scene, f, step, seed).Play(n, func(record []byte) error {
		var d struct {
			Arm any
			P   float64
		}
		if f.Versions() > 0 {
			if err := json.Unmarshal(record, &d); err != nil {
				return err
			}
			arm := fmt.Sprint(d.Arm)
			out.highest[arm] = max(out.highest[arm], d.P)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	o := f.Learner().Finish()
	if s := f.Learner().Stats(); s.Learned != n || s.Freezes > 0 || len(o.Refused) > 0 {
		t.Errorf("%s, seed %d: learned %d of %d decisions, %d freezes, refused %v", file, seed, s.Learned, n, s.Freezes, o.Refused)
	}
	return out
}

// TestPriceLadder: the best price is found although nobody says what else visitors would have paid, within the constraints, and at
// less cost than without the knowledge that demand falls.
func TestPriceLadder(t *testing.T) {
	var free, falling float64
	for seed := uint64(1); seed <= 4; seed++ {
		p := useCase(t, "price-ladder.yaml", sim.Prices(seed), 1000, 6000, seed, "evaluate.candidates=[]")
		_, best := p.All.Fixed()
		if regret, random := p.Late.Regret(), best-p.All.Random(); regret > 0.15*random {
			t.Errorf("seed %d: regret %.4f a decision in the last half, %.4f at random", seed, regret, random)
		}
		if p.highest["34.90"] > 0.1 || p.Late.Choices[9] > 0 || p.Late.Choices[4] < 100 {
			t.Errorf("seed %d: choices %v: 34.90 is too far from today's price, which is to have 5%%", seed, p.Late.Choices)
		}
		q := useCase(t, "price-ladder.yaml", sim.Prices(seed), 1000, 6000, seed, "evaluate.candidates=[]", "learner.bandit.policy=thompson")
		free, falling = free+q.All.Regret(), falling+p.All.Regret()
	}
	if falling > 0.8*free {
		t.Errorf("regret %.4f, %.4f without falling demand", falling/4, free/4)
	}
}

// TestPriceContinuous: visitors who buy or do not teach which price is best in every city, so that more is earned than by the best price for all. With
// one city, where there is no better one, nearly as much is. What exploring costs is included.
func TestPriceContinuous(t *testing.T) {
	for cities, least := range map[int]float64{1: 0.88, sim.FaresCities: 0.85} {
		var late, fixed, all float64 // of what choosing at random leaves to be earned, mean of the seeds
		const seeds = 10
		for seed := uint64(1); seed <= seeds; seed++ {
			p := useCase(t, "price-continuous.yaml", sim.Fares(seed, cities), 1000, 8000, seed)
			share := func(s *sim.Score, earned float64) float64 {
				return (earned - s.Random()) / (s.Best/float64(s.Rounds) - s.Random())
			}
			_, price := p.Late.Fixed()
			l, f, a := share(&p.Late, p.Late.Chosen/float64(p.Late.Rounds)), share(&p.Late, price), share(&p.All, p.All.Chosen/float64(p.All.Rounds))
			t.Logf("%d cities, seed %d: %.3f, from the first decision on %.3f; best price for all %.3f", cities, seed, l, a, f)
			if cities > 1 && l < f+0.05 {
				t.Errorf("%d cities, seed %d: %.3f of what can be earned, the best price for all %.3f", cities, seed, l, f)
			}
			late, fixed, all = late+l/seeds, fixed+f/seeds, all+a/seeds
		}
		t.Logf("%d cities, mean: %.3f, from the first decision on %.3f; best price for all %.3f", cities, late, all, fixed)
		if late < least {
			t.Errorf("%d cities: %.3f of what can be earned, must be %.3f at least", cities, late, least)
		}
	}
}

// TestContent: articles that were never seen are ranked by their features.
func TestContent(t *testing.T) {
	for seed := uint64(1); seed <= 2; seed++ {
		p := useCase(t, "content.yaml", sim.Content(seed), 1000, 5000, seed)
		_, place := p.Late.Fixed()
		best := p.Late.Best / float64(p.Late.Rounds)
		if regret := p.Late.Regret(); regret > 0.15*(best-place) {
			t.Errorf("seed %d: regret %.4f a decision in the last half, of the best place %.4f", seed, regret, best-place)
		}
	}
}

// TestBids: bids by site and estimate earn more than any single bid, and the highest bid keeps its cap.
func TestBids(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		p := useCase(t, "bids.yaml", sim.Bids(seed), 1000, 10_000, seed)
		_, fixed := p.Late.Fixed()
		best := p.Late.Best / float64(p.Late.Rounds)
		if regret := p.Late.Regret(); regret > 0.8*(best-fixed) {
			t.Errorf("seed %d: regret %.4f a decision in the last half, of the best single bid %.4f", seed, regret, best-fixed)
		}
		if most := p.highest["0.60"]; most > 0.2 {
			t.Errorf("seed %d: the highest bid was chosen with probability %v, its cap is 0.2", seed, most)
		}
	}
}

// TestControl: a policy that has never seen the equations of motion keeps the pole up.
func TestControl(t *testing.T) {
	const n = 20_000
	chance := sim.Control(1)
	random, err := sim.NewGame(chance, nil, sim.ControlStep, 1).Play(n, func([]byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for seed := uint64(1); seed <= 4; seed++ {
		s := sim.Control(seed)
		p := useCase(t, "control.yaml", s, sim.ControlStep, n, seed)
		if late := p.Late.Earned / float64(p.Late.Rounds); late < 0.85 || late < 2*random.Late.Earned/float64(p.Late.Rounds) {
			t.Errorf("seed %d: mean return %.3f in the last half", seed, late)
		}
		if s.Episodes() > chance.Episodes()/3 {
			t.Errorf("seed %d: %d episodes of %d decisions, %d at random", seed, s.Episodes(), n, chance.Episodes())
		}
	}
}
