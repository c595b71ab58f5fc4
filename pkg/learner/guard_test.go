package learner

import (
	"testing"

	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Calibration makes the blocks of a dependent stream longer, and so the threshold of that reference lower.
func TestTheThresholdIsThatOfTheReferenceThatWatches(t *testing.T) {
	var g guard
	cfg := DefaultGuard()
	if err := g.init(&cfg); err != nil {
		t.Fatal(err)
	}
	longer := cfg.ScoreConfig
	longer.Block *= 4
	var err error
	if g.scores[1], err = drift.NewScore(longer, event.Coordinates); err != nil {
		t.Fatal(err)
	}
	for watching, want := range map[int]float64{none: 4_000, 0: 4_000, 1: 1_000} {
		if g.watching = watching; g.threshold() != want {
			t.Errorf("reference %d watches: threshold %v, want %v", watching, g.threshold(), want)
		}
	}
}
