package consumer

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// shortSessions are what the brokers set under KIP-848.
func shortSessions() kfake.Opt {
	return kfake.BrokerConfigs(map[string]string{
		"group.initial.rebalance.delay.ms":     "0",
		"group.consumer.session.timeout.ms":    "1000",
		"group.consumer.heartbeat.interval.ms": "100",
	})
}

func TestConsumerProtocolSharesAndHandsOver(t *testing.T) {
	w := newWorld(t, 4, shortSessions())
	w.protocol = ProtocolConsumer
	beats := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ConsumerGroupHeartbeat}, Group: group, Observe: true, TopLevel: true, Count: -1})
	w.handOver()
	if beats.Hits() == 0 {
		t.Error("the group was managed by the classic protocol")
	}
}

// handOver lets members share, die and be paused over, with each record learned once.
func (w *world) handOver() {
	a := w.start(nil)
	w.produce(500, 0, 1, 2, 3)
	a.waitOwned(4)
	b := w.start(nil)
	a.waitOwned(2)
	b.waitOwned(2)
	w.produce(500, 0, 1, 2, 3)
	w.exactlyOnce(0, 1, 2, 3)

	// A zombie keeps the store, but not the group.
	open := b.gate.close("")
	w.produce(500, 0, 1, 2, 3)
	b.net.cut()
	a.waitOwned(4)
	w.exactlyOnce(0, 1, 2, 3)
	saves := len(b.store.saved(0)) + len(b.store.saved(1)) + len(b.store.saved(2)) + len(b.store.saved(3))
	open()
	w.produce(500, 0, 1, 2, 3)
	w.exactlyOnce(0, 1, 2, 3)
	if n := len(b.store.saved(0)) + len(b.store.saved(1)) + len(b.store.saved(2)) + len(b.store.saved(3)); n != saves {
		w.t.Errorf("the zombie stored %d states", n-saves)
	}
	if err := a.stop(); err != nil {
		w.t.Error(err)
	}
}

// A member that is fenced and joins again under its name gets its partition
// back in the same generation. What its earlier session has under way must not
// come between the saves of the new one.
func TestRejoinInPlaceFencesTheEarlierSession(t *testing.T) {
	w := newWorld(t, 1, shortSessions())
	w.protocol = ProtocolConsumer
	w.produce(300, 0)
	m := w.start(nil)
	w.exactlyOnce(0)
	var first, second state.Claim
	for range 5 { // the epoch may go on meanwhile, since the broker has seen a topic change
		first = m.Status()[0].Claim
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ConsumerGroupHeartbeat}, Group: group, Err: kerr.FencedMemberEpoch, TopLevel: true})
		m.waitFor("the next assignment", func(got map[int32]PartitionStatus) bool {
			second = got[0].Claim
			return second.Number > first.Number && got[0].State == Running
		})
		if second.Generation == first.Generation {
			break
		}
	}
	if second.Member != first.Member || second.Generation != first.Generation || second.Assignment <= first.Assignment {
		t.Errorf("claim %+v after %+v: want the same member and generation, and a later assignment", second, first)
	}
	s, _, err := w.store.State(t.Context(), w.key(0))
	if err != nil {
		t.Fatal(err)
	}
	late := *s
	late.Seq++
	if err := w.store.Save(t.Context(), w.key(0), first, s.Seq, &late, 20); !errors.Is(err, state.ErrFenced) {
		t.Errorf("save of the earlier session: %v, want it fenced", err)
	}
	if _, _, err := w.store.Claim(t.Context(), w.key(0), first.Owner); !errors.Is(err, state.ErrFenced) {
		t.Errorf("late claim of the earlier session: %v, want it fenced", err)
	}
	w.produce(300, 0)
	w.exactlyOnce(0)
}

// The same on Apache Kafka and Redis. A group whose protocol is changed while
// nobody runs counts its generations anew, and its states wait for adoption.
func TestRealConsumerProtocol(t *testing.T) {
	w := newRealWorld(t, testbed.Kafka(t), testbed.Redis(t), 4)
	w.protocol = ProtocolConsumer
	w.handOver()

	w.protocol = ProtocolClassic
	w.produce(300, 0, 1, 2, 3)
	m := w.start(nil)
	for p := range int32(4) {
		m.waitState(p, Paused, "generation", "kafka.group_protocol", "snapshot adopt")
		if err := w.store.Adopt(t.Context(), w.key(p)); err != nil {
			t.Fatal(err)
		}
	}
	w.exactlyOnce(0, 1, 2, 3)
}
