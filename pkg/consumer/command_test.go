package consumer

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func (w *world) send(partition int32, id, kind string) {
	w.t.Helper()
	if err := w.store.Send(w.t.Context(), w.key(partition), state.Command{ID: id, Kind: kind, Who: "ops", Why: "test"}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) waitAck(partition int32, id string) (a state.Ack) {
	w.t.Helper()
	wait(w.t, func() (bool, string) {
		var err error
		a, err = w.store.Ack(w.t.Context(), w.key(partition), id)
		return err == nil, fmt.Sprint("ack: ", err)
	})
	return a
}

func TestCommandsAreTakenOnceAndAnsweredAfterTheSave(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(150, 0, 1)
	var changes atomic.Int32
	m := w.start(func(_ *Config, d *Deps) {
		d.OnOutcome = func(partition int32, o *learner.Outcome, _ []string) {
			if o.Change == nil || partition != 1 {
				t.Errorf("outcome %+v of partition %d is not notable", o, partition)
			}
			changes.Add(1)
		}
	})
	w.exactlyOnce(0, 1)

	w.send(1, "c1", learner.CommandFreeze) // no records flow
	if a := w.waitAck(1, "c1"); a.Offset != 150 || a.Error != "" {
		t.Errorf("ack %+v, want offset 150 and no error", a)
	}
	if got := w.stored(1); !got.Frozen {
		t.Errorf("acknowledged, but the state is %+v", got)
	}
	m.waitFor("the mode", func(got map[int32]PartitionStatus) bool { return got[1].Stats.Mode == learner.Frozen })

	// Commands that come while the store takes no saves are taken once all the same.
	m.store.failWith(func(op string, _ state.Key) error {
		if op == "save" {
			return errors.New("timeout")
		}
		return nil
	})
	w.send(1, "c2", learner.CommandUnfreeze)
	m.waitState(1, Running, "timeout")
	w.send(1, "c3", learner.CommandFreeze)
	w.produce(50, 1)
	m.store.failWith(nil)
	w.waitAck(1, "c2")
	w.waitAck(1, "c3")
	w.exactlyOnce(1)
	if diff := cmp.Diff([]string{"c1", "c2", "c3"}, w.stored(1).Taken); diff != "" {
		t.Errorf("commands taken (-want +got):\n%s", diff)
	}
	if n := changes.Load(); n != 3 {
		t.Errorf("%d changes reported, want 3", n)
	}
	if got := w.stored(0).Taken; len(got) > 0 {
		t.Errorf("partition 0 took %v", got)
	}
}

// A failover brings a command back whose answer it has lost: it is answered again, and applied once.
func TestAnswersSurviveAFailover(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(150, 0)
	m := w.start(nil)
	w.exactlyOnce(0)
	refuse := func(refused string) func(string, state.Key) error {
		return func(op string, _ state.Key) error {
			if op == refused {
				return errors.New("timeout")
			}
			return nil
		}
	}
	m.store.failWith(refuse("save"))
	w.send(0, "c1", learner.CommandFreeze)
	m.waitFor("the command", func(got map[int32]PartitionStatus) bool { return got[0].Stats.Mode == learner.Frozen })
	older := w.store.(*state.Mem).Clone() // the command waits there
	m.store.failWith(refuse("inbox"))     // nothing tells the owner that it is gone
	w.waitAck(0, "c1")
	w.store = older
	m.store.swap(older)
	w.produce(150, 0)
	w.exactlyOnce(0)
	m.store.failWith(nil)
	w.waitAck(0, "c1")
	if diff := cmp.Diff([]string{"c1"}, w.stored(0).Taken); diff != "" {
		t.Errorf("commands taken (-want +got):\n%s", diff)
	}
}

func TestCommandsReachALearnerUnderLoad(t *testing.T) {
	w := newWorld(t, 1)
	m := w.start(nil)
	m.waitOwned(1)
	open := m.gate.close("event")
	w.produce(5000, 0)
	w.send(0, "c1", learner.CommandFreeze)
	open()
	w.waitAck(0, "c1")
	w.exactlyOnce(0)
}
