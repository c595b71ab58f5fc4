package consumer

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// seekTo gives the order of an operator.
func (w *world) seekTo(partition int32, id string, a state.Args) {
	w.t.Helper()
	c := state.Command{ID: id, Kind: learner.CommandSeek, Who: "ana", Why: "test", Args: a}
	if err := w.store.Send(w.t.Context(), w.key(partition), c); err != nil {
		w.t.Fatal(err)
	}
	w.waitAck(partition, id)
}

// reaches waits until a partition runs and is saved at an offset with so many records fed.
func (m *member) reaches(partition int32, offset int64, fed uint64) {
	m.w.t.Helper()
	m.waitFor("the partition goes on", func(got map[int32]PartitionStatus) bool {
		return got[partition].State == Running && got[partition].SavedNext.Offset == offset && got[partition].Stats.Fed == fed
	})
	if s := m.w.stored(partition); s.Next.Offset != offset || s.Fed != fed {
		m.w.t.Errorf("stored %+v, want offset %d after %d records", s, offset, fed)
	}
}

func TestSeekEndsAGap(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(100, 0, 1)
	m := w.start(nil)
	w.exactlyOnce(0, 1)
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	w.produce(100, 0, 1)
	w.deleteBefore(0, 150)
	m = w.start(nil)
	m.waitState(0, Paused, "from offset 100 to 149")
	w.exactlyOnce(1)
	w.seekTo(0, "s1", state.Args{To: "start"})
	m.reaches(0, 200, 150)
	w.produce(20, 0)
	m.reaches(0, 220, 170)
}

// A topic that was deleted and made anew holds other records at the offsets
// that the state has learned. Apache Kafka and Redis.
func TestRealRecreatedTopic(t *testing.T) {
	w := newRealWorld(t, testbed.Kafka(t), testbed.Redis(t), 2)
	w.produce(100, 0, 1)
	if err := w.start(nil).learnAndStop(0, 1); err != nil {
		t.Fatal(err)
	}
	adm := kadm.NewClient(w.client)
	if _, err := adm.DeleteTopic(t.Context(), w.topic); err != nil {
		t.Fatal(err)
	}
	wait(t, func() (bool, string) {
		_, err := adm.CreateTopic(t.Context(), 2, 1, nil, w.topic)
		return err == nil, "the topic made anew"
	})
	w.client.PurgeTopicsFromClient(w.topic)
	w.chains = map[int32]*tallyBody{0: {}, 1: {}}
	w.produce(60, 0, 1)
	m := w.start(nil)
	for p := range int32(2) {
		m.waitState(p, Paused, "up to offset 100", "ends at offset 60", "seek", "--to")
	}
	w.seekTo(0, "s1", state.Args{To: "start"})
	w.seekTo(1, "s1", state.Args{To: "end"})
	m.reaches(0, 60, 160)
	w.produce(5, 1)
	m.reaches(1, 65, 105)
}
