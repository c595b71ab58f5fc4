package serve_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// broken is a store whose blobs cannot be read from some moment on.
type broken struct {
	state.Reader
	err error
}

func (b *broken) Blob(ctx context.Context, k state.Key, s state.Sum) ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	return b.Reader.Blob(ctx, k, s)
}

// Readers are put to the baseline although they cannot load the version beside the order, or do not trust a
// store that went back to an older one.
func TestTheKillSwitchNeedsNoVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := state.NewMem()
		store := &broken{Reader: mem}
		w := newWriter(t, mem, state.Key{Model: "fraud"})
		_, first := trainedBandit(t, func(c *bandit.Config) { c.Policy = bandit.Greedy })
		_, second := trainedBandit(t, func(c *bandit.Config) { c.Policy = bandit.LinUCB })
		w.publish(5, "learning", first)
		c := open(t, serve.Options{Store: store, Hold: time.Minute})
		reads := func(version uint64, policy string) {
			t.Helper()
			served, _ := c.Status()
			if p := served[0].Pointer; p.Number != version || p.ReaderPolicy() != policy {
				t.Fatalf("readers have version %d and policy %s, want version %d and %s", p.Number, p.ReaderPolicy(), version, policy)
			}
		}
		reads(5, state.PolicyOnline)
		store.err = errors.New("out of reach")
		w.policy = state.PolicyBaseline
		w.publish(8, "learning", second)
		if err := c.Refresh(t.Context()); !errors.Is(err, store.err) {
			t.Fatalf("refresh: %v", err)
		}
		reads(5, state.PolicyBaseline)

		store.err = nil
		refresh(t, c)
		reads(8, state.PolicyBaseline)
		w.policy = state.PolicyShadow
		w.publish(5, "learning", first) // a failover
		refresh(t, c)
		reads(8, state.PolicyShadow)
		w.policy = ""
		w.publish(8, "learning", second)
		refresh(t, c)
		reads(8, state.PolicyOnline)
	})
}
