package consumer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func TestFencedOwnerWritesNothingMore(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(250, 0, 1)
	m := w.start(nil)
	w.exactlyOnce(0, 1)
	if _, _, err := w.store.Claim(t.Context(), w.key(0), state.Owner{Group: group, Generation: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	before := w.stored(0)
	w.produce(250, 0, 1)
	m.waitState(0, Paused, "fenced", "snapshot adopt")
	w.exactlyOnce(1)
	if got := w.stored(0); got.Next != before.Next {
		t.Errorf("the fenced owner moved the state from %+v to %+v", before, got)
	}
}

// A member that Kafka has given up, but that still reaches the store, must not
// get between the saves of the new owner.
func TestZombieIsFenced(t *testing.T) {
	w := newWorld(t, 1)
	zombie := w.start(nil)
	zombie.waitOwned(1)
	open := zombie.gate.close("")
	w.produce(1000, 0)
	zombie.net.cut()
	heir := w.start(nil)
	heir.waitOwned(1)
	w.exactlyOnce(0)
	open()
	w.produce(300, 0)
	w.exactlyOnce(0)
	if got := zombie.store.saved(0); len(got) > 0 && got[len(got)-1].next > 0 {
		t.Errorf("the zombie saved %+v", got)
	}
}

func TestForeignStateWaitsForAdoption(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(150, 0, 1)
	if _, _, err := w.store.Claim(t.Context(), w.key(1), state.Owner{Group: "other", Generation: 3}); err != nil {
		t.Fatal(err)
	}
	m := w.start(nil)
	m.waitState(1, Paused, "other", "snapshot adopt")
	w.exactlyOnce(0)
	if err := w.store.Adopt(t.Context(), w.key(1)); err != nil {
		t.Fatal(err)
	}
	w.exactlyOnce(1)
	m.waitOwned(2)
}

func TestOneBadStatePausesOnePartition(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{"corrupt", fmt.Errorf("model: %w: checksum", wire.ErrCorrupt), []string{"fraud/1", "checksum", "backup"}},
		{"other configuration", errors.New("learner.bits was 18 and is 20; set it back"), []string{"learner.bits was 18"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 3)
			w.produce(120, 0, 1, 2)
			first := w.start(nil)
			if err := first.learnAndStop(0, 1, 2); err != nil {
				t.Fatal(err)
			}
			w.produce(120, 0, 1, 2)
			m := w.start(func(_ *Config, d *Deps) {
				restore := d.Restore
				d.Restore = func(s *state.Snapshot) (Learner, error) {
					l, err := restore(s)
					if err == nil && string(s.Head) == string(first.head(1)) {
						return nil, tt.err
					}
					return l, err
				}
			})
			m.waitState(1, Paused, tt.want...)
			w.exactlyOnce(0, 2)
			if got := w.stored(1); got.Fed != 120 {
				t.Errorf("the bad partition went on to %+v", got)
			}
		})
	}
}

func TestStoreThatLostItsDataIsNotOverwritten(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(100, 0)
	m := w.start(nil)
	w.exactlyOnce(0)
	backup := w.store.(*state.Mem).Clone()
	w.produce(200, 0)
	w.exactlyOnce(0)
	if err := m.stop(); err != nil { // commits what it saved
		t.Fatal(err)
	}
	w.store = state.NewMem()
	w.produce(50, 0, 1)

	m = w.start(nil)
	m.waitState(0, Paused, "lost its data", "--init", "backup")
	w.exactlyOnce(1) // its group had consumed nothing
	if got := w.stored(0); got.Fed != 0 {
		t.Errorf("partition 0 began anew: %+v", got)
	}

	// A backup returns while the member runs. It is older than what is
	// committed, so that the partition must be read from further back.
	w.store = backup
	m.store.swap(backup)
	w.exactlyOnce(0)
	w.produce(50, 0)
	w.exactlyOnce(0)
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestInitBeginsAnew(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(300, 0)
	if err := w.start(nil).learnAndStop(0); err != nil {
		t.Fatal(err)
	}
	w.store = state.NewMem()
	w.start(func(c *Config, _ *Deps) { c.Init = true })
	w.exactlyOnce(0)
}

func TestStoreOutageIsWaitedOut(t *testing.T) {
	w := newWorld(t, 1)
	m := w.start(nil)
	m.waitOwned(1)
	m.store.failWith(func(op string, _ state.Key) error {
		if op == "save" {
			return errors.New("connection refused")
		}
		return nil
	})
	w.produce(500, 0)
	m.waitState(0, Running, "connection refused")
	m.store.failWith(nil)
	w.exactlyOnce(0)
	m.waitState(0, Running)
	if n := m.metric("streamlearner_save_errors_total", 0); n == 0 {
		t.Error("no failed save was counted")
	}
}

// A failover to a replica that lacks the last writes takes the stored state
// back; the owner, who has the newer one, writes it again.
func TestRolledBackStoreIsWrittenForward(t *testing.T) {
	for _, tt := range []struct {
		name  string
		older func(w *world) *state.Mem
	}{
		{"the claim survived", func(w *world) *state.Mem { return w.store.(*state.Mem).Clone() }},
		{"the claim is lost too", func(*world) *state.Mem { return state.NewMem() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.produce(200, 0)
			m := w.start(nil)
			w.exactlyOnce(0)
			older := tt.older(w)
			w.produce(5000, 0)
			w.exactlyOnce(0)
			m.store.swap(older)
			w.store = older
			w.produce(150, 0)
			w.exactlyOnce(0)
			if n := m.metric("streamlearner_store_rollback_total", 0); n != 1 {
				t.Errorf("%v rollbacks counted, want 1", n)
			}
			// The next owner restores what was written forward.
			if err := m.stop(); err != nil {
				t.Fatal(err)
			}
			w.produce(150, 0)
			w.start(nil)
			w.exactlyOnce(0)
		})
	}
}

func TestKnownBlobsAreNotSentAgain(t *testing.T) {
	w := newWorld(t, 1)
	m := w.start(nil)
	for range 5 { // all within the life of one blob
		w.produce(100, 0)
		w.exactlyOnce(0)
	}
	calls := m.store.saved(0)
	if len(calls) < 5 {
		t.Fatalf("%d saves, want at least 5", len(calls))
	}
	for i, c := range calls {
		if want := 1 - min(i, 1); c.blobs != want {
			t.Errorf("save %d carried %d blobs, want %d", i, c.blobs, want)
		}
	}
}

func TestRevokeGivesUpOnADeadStore(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(100, 0)
	m := w.start(func(c *Config, _ *Deps) { c.SaveTimeout = 500 * time.Millisecond })
	w.exactlyOnce(0)
	m.store.kill()
	w.produce(100, 0)
	m.waitFor("fed", func(got map[int32]PartitionStatus) bool { return got[0].Stats.Fed == 200 })
	if err := m.stop(); err == nil {
		t.Error("Run reports no error although the last save failed")
	}
	w.start(nil)
	w.exactlyOnce(0)
}

func (m *member) learnAndStop(partitions ...int32) error {
	m.w.t.Helper()
	m.w.exactlyOnce(partitions...)
	return m.stop()
}

// head returns the stored head of a partition.
func (m *member) head(p int32) []byte {
	s, _, err := m.w.store.State(context.Background(), m.w.key(p))
	if err != nil {
		return nil
	}
	return s.Head
}
