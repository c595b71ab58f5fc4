package consumer

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff waits longer after each failure: exponential from first to most,
// with half of each wait random, so that partitions do not retry in step.
type backoff struct {
	first, most time.Duration
	failures    int
}

// wait sleeps and returns an error when ctx ended meanwhile.
func (b *backoff) wait(ctx context.Context) error {
	d := min(b.first<<min(b.failures, 20), b.most)
	b.failures++
	t := time.NewTimer(d/2 + rand.N(d/2+1))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
