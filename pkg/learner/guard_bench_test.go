package learner_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// BenchmarkGuard is what the default guard costs an event beyond what the model does itself, on a
// stream that does not change. A guarded and an unguarded learner take turns on blocks of the same events, and
// of each kind of block the fastest tenth counts: what else runs on the machine can only make blocks longer.
// Events are always new, since a guard that sees a few of them again and again suspects a change, and then looks
// at more. An iteration is a block of both.
//
// ns/watched is the cost of an event while one reference watches, ns/calibrated while a second one is
// calibrated beside it, and ns/event that of all, by the share that they have of the events.
func BenchmarkGuard(b *testing.B) {
	const block = 256
	for _, features := range []int{16, 30} {
		b.Run(fmt.Sprintf("features=%d", features), func(b *testing.B) {
			events, r := make([]event.Event, block), rand.New(rand.NewPCG(1, 1))
			plain := benchLearner(b, "nag", &decoded{events: events}, false)
			guarded := benchLearner(b, "nag", &decoded{events: events}, true)
			for range 40_000 / block {
				drawEvents(events, features, r)
				feedBlock(b, plain, block)
				feedBlock(b, guarded, block)
			}
			if !guarded.Armed() {
				b.Fatal("not armed")
			}
			var alone, watched, calibrated []float64
			for b.Loop() {
				drawEvents(events, features, r)
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
