package consumer

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/streamlearner/streamlearner/internal/testbed"
)

// deleteBefore deletes the records of a partition before an offset.
func (w *world) deleteBefore(partition int32, offset int64) {
	w.t.Helper()
	var o kadm.Offsets
	o.AddOffset(w.topic, partition, offset, -1)
	if _, err := kadm.NewClient(w.client).DeleteRecords(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func TestDeletedRecordsPauseOnePartition(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(100, 0, 1)
	if err := w.start(nil).learnAndStop(0, 1); err != nil {
		t.Fatal(err)
	}
	w.produce(100, 0, 1)
	w.deleteBefore(0, 150)
	m := w.start(nil)
	m.waitState(0, Paused, "from offset 100 to 149", "begins at offset 150", "streamlearner seek fraud/0 --to start", "run --init")
	w.exactlyOnce(1)
	if got := w.stored(0); got.Next.Offset != 100 {
		t.Errorf("partition 0 skipped records: %+v", got)
	}
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}

	// Told to, it goes on with what is left.
	m = w.start(func(c *Config, _ *Deps) { c.Init = true })
	m.waitFor("partition 0 at the end", func(got map[int32]PartitionStatus) bool {
		return got[0].State == Running && got[0].Next.Offset == 200 && got[0].Stats.Fed == 150
	})
	w.produce(10, 0)
	m.waitFor("partition 0 goes on", func(got map[int32]PartitionStatus) bool { return got[0].Next.Offset == 210 })
}

func TestLostMembershipWritesNothingAndComesBack(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(300, 0, 1)
	m := w.start(func(c *Config, _ *Deps) { c.SaveInterval = patient })
	fed := func(n uint64, after int32) func(map[int32]PartitionStatus) bool {
		return func(got map[int32]PartitionStatus) bool {
			return got[0].Stats.Fed == n && got[1].Stats.Fed == n &&
				got[0].Claim.Generation > after && got[1].Claim.Generation > after
		}
	}
	m.waitFor("all fed", fed(300, 0))
	w.produce(50, 0, 1) // less than a checkpoint
	m.waitFor("more fed", fed(350, 0))
	generation := m.Status()[0].Claim.Generation
	w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: group, Err: kerr.UnknownMemberID, TopLevel: true})
	m.waitFor("fed again after the next assignment", fed(350, generation))
	for _, c := range append(m.store.saved(0), m.store.saved(1)...) {
		if c.next > 300 {
			t.Errorf("a lost partition was saved at offset %d", c.next)
		}
	}
	w.produce(50, 0, 1)
	w.exactlyOnce(0, 1)
}

// A slow learner pauses its own partition and no other, and its queue stays bounded.
func TestSlowPartitionHoldsBackNoOther(t *testing.T) {
	w := newWorld(t, 2)
	m := w.start(func(c *Config, _ *Deps) { c.QueueRecords, c.MaxPollRecords = 200, 50 })
	m.waitOwned(2)
	open := m.gate.close("event 0")
	for range 20 {
		w.produce(100, 0, 1)
	}
	w.exactlyOnce(1)
	if q := m.partition(0).queue; q.waiting() > 250 {
		t.Errorf("%d records wait for the slow partition, want at most 250", q.waiting())
	}
	open()
	w.exactlyOnce(0)
}

func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.records
}

func TestStartLatestSkipsWhatWasThere(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(100, 0)
	m := w.start(func(c *Config, _ *Deps) { c.Start = Latest })
	m.waitFor("a first save", func(got map[int32]PartitionStatus) bool { return got[0].SavedNext.Offset == 100 })
	m.kill() // the place where it began is part of the state
	<-m.ended
	m.ended <- nil
	w.produce(100, 0)
	m = w.start(func(c *Config, _ *Deps) { c.Start = Latest })
	m.waitFor("the new records", func(got map[int32]PartitionStatus) bool {
		return got[0].Stats.Fed == 100 && got[0].Next.Offset == 200
	})
}

// Aborted transactions never happened, and the offsets they took are a gap.
func TestAbortedRecordsAreNotLearned(t *testing.T) {
	w := newWorld(t, 1)
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.TransactionalID("tx"), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i, commit := range []bool{true, false, true} {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		var batch []*kgo.Record
		for j := range 20 {
			batch = append(batch, kgo.StringRecord(fmt.Sprint(i, j)))
		}
		if err := testbed.Produce(producer, batch...); err != nil {
			t.Fatal(err)
		}
		if err := producer.EndTransaction(t.Context(), kgo.TransactionEndTry(commit)); err != nil {
			t.Fatal(err)
		}
	}
	m := w.start(nil)
	m.waitFor("the committed records", func(got map[int32]PartitionStatus) bool { return got[0].Stats.Fed >= 40 })
	w.produce(1, 0)
	m.waitFor("one more", func(got map[int32]PartitionStatus) bool { return got[0].Stats.Fed == 41 })
}

func TestCommitsFollowTheSaves(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(250, 0)
	if err := w.start(nil).learnAndStop(0); err != nil {
		t.Fatal(err)
	}
	offsets, err := kadm.NewClient(w.client).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup(topic, 0); !ok || o.At != 250 {
		t.Errorf("committed %+v, want offset 250", o)
	}
}

// Records below the state's offset are dropped and counted, wherever they come from.
func TestRecordsLearnedBeforeAreDropped(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(300, 0)
	m := w.start(nil)
	w.exactlyOnce(0)
	m.seek(m.partition(0), kgo.EpochOffset{Offset: 100, Epoch: -1})
	wait(t, func() (bool, string) {
		n := m.metric("streamlearner_duplicates_total", 0)
		return n == 200, fmt.Sprint(n, " duplicates")
	})
	w.produce(50, 0)
	w.exactlyOnce(0)
}

func TestShutdownIsBoundedWithoutABroker(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(150, 0)
	m := w.start(nil)
	w.exactlyOnce(0)
	m.net.cut()
	began := time.Now()
	if err := m.stop(); err != nil {
		t.Errorf("the state was saved, yet Run returns %v", err)
	}
	if d := time.Since(began); d > 2*leaveTimeout+m.cfg.SaveTimeout {
		t.Errorf("shutdown took %v", d)
	}
}
