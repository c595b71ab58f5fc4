package bandit

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

const (
	stepsPerHalfLife = 32
	windowBlocks     = 8
	noStep           = math.MinInt64
)

// aging counts event time in steps, 1/32 of a half-life or 1/8 of a window.
// What was learned in step s counts 2^(-(now-s)/32) with a half-life; with a
// window 1, or 0 once it is eight steps old. So the order in which events arrive
// does not matter, and the states of two streams can be merged.
type aging struct {
	unit   int64 // milliseconds of a step; 0 for no aging
	window bool
	now    int64 // newest step learned, noStep before the first
}

func newAging(c *Config) aging {
	a := aging{now: noStep, window: c.Window != 0}
	if a.window {
		a.unit = max(1, c.Window.Milliseconds()/windowBlocks)
	} else if c.HalfLife != 0 {
		a.unit = max(1, c.HalfLife.Milliseconds()/stepsPerHalfLife)
	}
	return a
}

// latest is the year 2248 in milliseconds: a time beyond it was given in another unit, and
// would make everything learned so far old.
const latest = 1 << 43

// check refuses an event without a time, or with an impossible one, if time matters.
func (a *aging) check(e *event.Event) *event.Rejection {
	if a.unit == 0 || e.Time > 0 && e.Time < latest {
		return nil
	}
	return &event.Rejection{Reason: event.TimeInvalid, Detail: fmt.Sprintf("time %d: learner.bandit.half_life and window need an event time from 1970 to 2248; name its field by source.time", e.Time)}
}

// step returns the step of an event, what the event counts, and what the sums
// so far count once its step is the newest.
func (a *aging) step(e *event.Event) (step int64, counts, before float64) {
	if a.unit == 0 {
		return noStep, 1, 1
	}
	step = e.Time / a.unit
	switch {
	case a.now == noStep || step == a.now:
		return step, 1, 1
	case step > a.now:
		return step, 1, a.left(step - a.now)
	default:
		return step, a.left(a.now - step), 1
	}
}

// left returns what counts after so many steps, of a window as of the last block.
func (a *aging) left(steps int64) float64 {
	if a.window {
		if steps >= windowBlocks {
			return 0
		}
		return 1
	}
	return portable.Exp(float64(-math.Ln2/stepsPerHalfLife) * float64(steps))
}

// expire calls gone for every block of a window that ends when step becomes the newest.
func (a *aging) expire(step int64, gone func(block int)) {
	if a.now == noStep {
		return
	}
	for s := max(a.now, step-windowBlocks) + 1; s <= step; s++ {
		gone(block(s))
	}
}

// tooOld refuses an event that no longer counts.
func tooOld(e *event.Event) *event.Rejection {
	return &event.Rejection{Reason: event.TimeInvalid, Detail: fmt.Sprintf("time %d: so old beside the newest event that it counts nothing; make learner.bandit.window or half_life longer than events are late, and look for an event with a wrong time", e.Time)}
}

func block(step int64) int { return int(step % windowBlocks) }

func (a *aging) append(b []byte) []byte { return wire.AppendVarint(b, a.now) }

func (a *aging) decode(r *wire.Reader) {
	a.now = r.Varint()
	if r.Err() == nil && a.now != noStep && (a.unit == 0 || a.now < 0) {
		r.Fail("event time step %d", a.now)
	}
}
