package consumer

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func audited(cfg *Config, _ *Deps) { cfg.AuditTopic = cfg.Topic + ".audit" }

// mirrored waits until the audit topic has everything that is stored of a
// partition, and returns its records.
func (w *world) mirrored(p int32) [][]byte {
	w.t.Helper()
	var got [][]byte
	wait(w.t, func() (bool, string) {
		var err error
		got, err = ReadMirror(w.t.Context(), Connection{Brokers: w.brokers}, w.topic+".audit", w.key(p))
		if err != nil {
			return false, err.Error()
		}
		chain := w.audited(p)
		last := chain.Records[len(chain.Records)-1]
		return len(got) > 0 && bytes.Equal(got[len(got)-1], last), fmt.Sprintf("%d of %d records mirrored", len(got), chain.Length)
	})
	chain := w.audited(p)
	if fault := chain.Compare(got); fault != nil {
		w.t.Fatal(fault)
	}
	return got
}

func TestAuditRecordsAreMirrored(t *testing.T) {
	w := newWorld(t, 2)
	m := w.start(audited)
	w.produce(250, 0, 1)
	w.exactlyOnce(0, 1)
	w.send(1, "c1", learner.CommandFreeze)
	w.waitAck(1, "c1")
	if got := w.mirrored(0); len(got) != 2 {
		t.Errorf("%d records of partition 0 mirrored, want 2", len(got))
	}
	if got := w.mirrored(1); len(got) != 3 {
		t.Errorf("%d records of partition 1 mirrored, want 3", len(got))
	}
	m.waitFor("no lag", func(got map[int32]PartitionStatus) bool { return got[1].MirrorLag != nil && *got[1].MirrorLag == 0 })
	if n := m.metric("streamlearner_audit_records_total", 1); n != 1 && n != 2 { // the first of two kinds
		t.Errorf("%v records counted", n)
	}
	w.produce(1, 1) // the save of it carries how far the mirror is
	wait(t, func() (bool, string) {
		c := w.audited(1)
		return c.Mirrored == 3, fmt.Sprintf("the store says that %d are mirrored", c.Mirrored)
	})
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	w.start(audited)
	w.produce(100, 0, 1)
	w.exactlyOnce(0, 1)
	if got := w.mirrored(1); len(got) != 4 {
		t.Errorf("%d records after a restart, want 4: none twice, since it is known what the mirror has", len(got))
	}
}

// While the audit topic takes nothing the partition goes on, and says so; what
// was missed follows.
func TestAnOutageOfTheMirrorHoldsNothingUp(t *testing.T) {
	w := newWorld(t, 1)
	m := w.start(func(cfg *Config, d *Deps) {
		audited(cfg, d)
		store, ok := d.Store.(*flakyStore)
		if !ok {
			t.Fatal("another store")
		}
		store.failWith(func(op string, _ state.Key) error {
			if op == "audit" {
				return errors.New("timeout")
			}
			return nil
		})
	})
	w.produce(300, 0)
	w.exactlyOnce(0)
	m.waitState(0, Running, "not mirrored", topic+".audit", "timeout")
	m.waitFor("a lag of all records", func(got map[int32]PartitionStatus) bool { return got[0].MirrorLag != nil && *got[0].MirrorLag == 3 })
	if m.metric("streamlearner_audit_mirror_errors_total", 0) == 0 {
		t.Error("no error counted")
	}
	m.store.failWith(nil)
	if got := w.mirrored(0); len(got) != 3 {
		t.Errorf("%d records mirrored afterwards, want 3", len(got))
	}
	m.waitState(0, Running)
}

// More records than one save carries are stored by several.
func TestManyAuditRecordsTakeSeveralSaves(t *testing.T) {
	w := newWorld(t, 1)
	w.start(nil).waitOwned(1)
	w.produce(100, 0)
	w.exactlyOnce(0)
	const commands = maxRecorded + 200
	for i := range commands {
		w.send(0, fmt.Sprint(i), learner.CommandFreeze)
	}
	w.waitAck(0, fmt.Sprint(commands-1))
	if c := w.audited(0); c.Length != commands+1 {
		t.Errorf("%d records, want %d", c.Length, commands+1)
	}
}

// A store that lost more of the chain than the owner has at hand gets a chain
// with a gap, which verification names; learning goes on.
func TestABrokenChainIsContinuedAndFound(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(500, 0)
	if err := w.start(nil).learnAndStop(0); err != nil {
		t.Fatal(err)
	}
	older := w.store.(*state.Mem).Clone()
	w.produce(10_000, 0)
	if err := w.start(nil).learnAndStop(0); err != nil {
		t.Fatal(err)
	}
	w.produce(1, 0)
	m := w.start(nil)
	w.exactlyOnce(0)
	w.store = older
	m.store.swap(older)
	w.produce(100, 0)
	wait(t, func() (bool, string) {
		return w.stored(0).Fed == w.chains[0].Fed, fmt.Sprintf("stored %+v", w.stored(0))
	})
	c, err := older.Audit(t.Context(), w.key(0), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	first := uint64(105 - state.AuditTail + 1)
	if fault := c.Verify(); fault == nil || fault.Seq != 6 || fault.Fault != state.FaultMissing || c.Length != 106 || len(c.Records) != 5+106-int(first)+1 {
		t.Errorf("%d records of %d, the break is %v; want records 6 to %d missing", len(c.Records), c.Length, fault, first-1)
	}
	if n := m.metric("streamlearner_audit_breaks_total", 0); n != 1 {
		t.Errorf("%v breaks counted, want 1", n)
	}
}
