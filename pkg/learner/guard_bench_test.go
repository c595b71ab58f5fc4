package learner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// BenchmarkGuard is what the default guard costs an event beyond what the model does itself. A
// guarded and an unguarded learner take turns on blocks of the same events, and of each kind of block the
// fastest tenth counts: what else runs on the machine can only make blocks longer. An iteration is a block of both.
//
// ns/watched is the cost of an event while one reference watches, ns/calibrated while a second one is
// calibrated beside it, and ns/event that of all, by the share that they have of the events.
func BenchmarkGuard(b *testing.B) {
	const block = 256
	for _, features := range []int{16, 30} {
		b.Run(fmt.Sprintf("features=%d", features), func(b *testing.B) {
			plain, guarded := benchLearner(b, "nag", features, false), benchLearner(b, "nag", features, true)
			var alone, watched, calibrated []float64
			b.ReportAllocs()
			for b.Loop() {
				alone = append(alone, feedBlock(b, plain, block))
				before := guarded.Calibrating()
				took := feedBlock(b, guarded, block)
				switch after := guarded.Calibrating(); {
				case before && after:
					calibrated = append(calibrated, took)
				case !before && !after:
					watched = append(watched, took)
				}
			}
			if len(watched) == 0 || len(calibrated) == 0 {
				return // too few blocks to have seen both
			}
			base := fastest(alone)
			one, two := fastest(watched)-base, fastest(calibrated)-base
			share := float64(len(calibrated)) / float64(len(watched)+len(calibrated))
			b.ReportMetric(one, "ns/watched")
			b.ReportMetric(two, "ns/calibrated")
			b.ReportMetric(one+share*(two-one), "ns/event")
			b.ReportMetric(base, "ns/unguarded")
		})
	}
}

// feedBlock feeds a block of events and returns the nanoseconds that each took.
func feedBlock(b *testing.B, l *learner.Learner, events int) float64 {
	began := time.Now()
	for range events {
		feedOne(b, l)
	}
	return float64(time.Since(began).Nanoseconds()) / float64(events)
}

// fastest returns the first decile.
func fastest(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/10]
}
