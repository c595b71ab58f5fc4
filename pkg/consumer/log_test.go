package consumer

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// seekTo gives the order of an operator, and waits until it is answered.
func (w *world) seekTo(partition int32, id string, a state.Args) {
	w.t.Helper()
	w.sendSeek(partition, id, a)
	w.waitAck(partition, id)
}

func (w *world) sendSeek(partition int32, id string, a state.Args) {
	w.t.Helper()
	c := state.Command{ID: id, Kind: learner.CommandSeek, Who: "ana", Why: "test", Args: a}
	if err := w.store.Send(w.t.Context(), w.key(partition), c); err != nil {
		w.t.Fatal(err)
	}
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

// stand gives a partition a state that stands somewhere.
func (w *world) stand(partition int32, log string, next state.Position) {
	w.t.Helper()
	claim, _, err := w.store.Claim(w.t.Context(), w.key(partition), state.Owner{Group: group})
	if err != nil {
		w.t.Fatal(err)
	}
	l := newTally(100, next)
	s := l.snapshot()
	s.Seq, s.Log = 1, log
	if err := w.store.Save(w.t.Context(), w.key(partition), claim, 0, s, 20); err != nil {
		w.t.Fatal(err)
	}
}

// Of two orders that wait the first one ends the gap: from then on records of
// the new log may have been learned, and the second must not go back over them.
func TestSecondSeekDoesNotGoBack(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(60, 0)
	w.stand(0, topic+"/another", state.Position{Offset: 100, LeaderEpoch: -1})
	w.sendSeek(0, "first", state.Args{Offset: 40, To: "40"})
	w.sendSeek(0, "second", state.Args{To: "start"})
	m := w.start(nil)
	if a := w.waitAck(0, "first"); a.Error != "" {
		t.Errorf("the first seek was refused: %s", a.Error)
	}
	if a := w.waitAck(0, "second"); a.Error == "" {
		t.Error("the second seek went back over a log that the partition stands in already")
	}
	m.reaches(0, 60, 20)
}

// The partition is not held at a gap that a seek has left behind.
func TestSeekOvertakesTheSearchForAGap(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(100, 0)
	m := w.start(nil)
	w.exactlyOnce(0)
	w.deleteBefore(0, 60)
	p := m.partition(0)
	if !p.explain(40, kerr.OffsetOutOfRange) {
		t.Error("the search for a gap goes on behind the position of the partition")
	}
	if g := p.missed(); g != nil {
		t.Errorf("held at %v", g)
	}
	w.produce(10, 0)
	w.exactlyOnce(0)
	m.waitState(0, Running)
}

// shows reports whether the metrics say that a partition is in a state.
func (m *member) shows(partition int32, want State) bool {
	families, err := m.registry.Gather()
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range metric.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "streamlearner_partition_state" && labels["partition"] == fmt.Sprint(partition) && labels["state"] == string(want) {
				return metric.GetGauge().GetValue() == 1
			}
		}
	}
	return false
}

// An unclean election of a leader leaves a log that ends earlier, or that goes
// on in another epoch. What cannot be told apart is not read on.
func TestStateAndLogDisagree(t *testing.T) {
	w := newWorld(t, 5)
	w.produce(60, 0, 1, 2, 3, 4)
	w.stand(0, "", state.Position{Offset: 100, LeaderEpoch: -1})
	w.stand(1, "", state.Position{Offset: 60, LeaderEpoch: 7})
	w.stand(2, topic+"/another", state.Position{Offset: 10, LeaderEpoch: 0})
	w.stand(3, "", state.Position{Offset: 60, LeaderEpoch: 0})
	m := w.start(nil)
	m.waitState(0, Paused, "up to offset 100", "ends at offset 60", "streamlearner seek fraud/0 --to end")
	m.waitState(1, Paused, "up to offset 60", "in leader epoch 7", "streamlearner seek fraud/1 --to start")
	m.waitState(2, Paused, "was payments/another", "streamlearner seek fraud/2 --to start")
	m.waitState(3, Running)
	w.exactlyOnce(4)
	for p, want := range []State{Paused, Paused, Paused, Running, Running} {
		if !m.shows(int32(p), want) {
			t.Errorf("streamlearner_partition_state does not show partition %d as %s", p, want)
		}
	}

	w.seekTo(0, "back", state.Args{Offset: 60, To: "60"})
	w.seekTo(1, "beyond", state.Args{Offset: 61, To: "61"})
	ack, err := w.store.Ack(t.Context(), w.key(1), "beyond")
	if err != nil || ack.Error == "" {
		t.Errorf("answer %+v, %v to a seek beyond the log: want a refusal", ack, err)
	}
	m.waitState(1, Paused, "in leader epoch 7")
	w.produce(5, 0, 3)
	m.reaches(0, 65, 5)
	m.reaches(3, 65, 5)
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
	w.produce(60, 0)
	w.produce(130, 1) // no offset tells that it is another log
	m := w.start(nil)
	for p := range int32(2) {
		m.waitState(p, Paused, "up to offset 100", "the topic is "+w.topic+"/", "and was "+w.topic+"/", "seek", "--to")
	}
	w.seekTo(0, "s1", state.Args{To: "start"})
	w.seekTo(1, "s1", state.Args{To: "end"})
	m.reaches(0, 60, 160)
	w.produce(5, 1)
	m.reaches(1, 135, 105)
	if err := m.stop(); err != nil { // what was decided is part of the state
		t.Fatal(err)
	}
	w.produce(5, 0, 1)
	m = w.start(nil)
	m.reaches(0, 65, 165)
	m.reaches(1, 140, 110)
}

// New partitions take keys away from the others: they wait for a decision, and
// the old ones go on.
func TestRealAddedPartitionsWait(t *testing.T) {
	w := newRealWorld(t, testbed.Kafka(t), testbed.Redis(t), 2)
	w.produce(100, 0, 1)
	if err := w.start(nil).learnAndStop(0, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(w.client).CreatePartitions(t.Context(), 1, w.topic); err != nil {
		t.Fatal(err)
	}
	chains := w.chains
	w.open(3)
	w.chains[0], w.chains[1] = chains[0], chains[1]
	w.produce(100, 0, 1, 2)
	m := w.start(nil)
	m.waitState(2, Paused, "has 3 partitions", "had 2", "run --init")
	w.exactlyOnce(0, 1)
	if s := w.stored(2); s.Fed != 0 {
		t.Errorf("the new partition began: %+v", s)
	}
	other := w.start(func(c *Config, _ *Deps) { c.Init = true }) // whichever owns it then
	w.exactlyOnce(2)
	for _, m := range []*member{m, other} {
		if err := m.stop(); err != nil {
			t.Error(err)
		}
	}
	w.start(nil)
	w.produce(10, 0, 1, 2)
	w.exactlyOnce(0, 1, 2)
}
