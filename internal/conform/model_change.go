package conform

import (
	"bytes"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

func (ms *Models) newIncremental(t testing.TB) learner.Incremental {
	t.Helper()
	return ms.New(t).(learner.Incremental)
}

// testChanges: a model and its changes come to the model at their end, applied
// or merged, and what an applied change brought counts as changed.
func testChanges(t *testing.T, ms *Models) {
	m, follower := ms.newIncremental(t), ms.newIncremental(t)
	train(t, m, ms.events(31, 100))
	m.Mark()
	base := m.Capture(true)(nil)
	sameBytes(t, "a captured whole model", m, base)
	if err := follower.UnmarshalBinary(base); err != nil {
		t.Fatal(err)
	}
	parts := [][]byte{base}
	for i := range uint64(5) {
		train(t, m, ms.events(32+i, 3))
		later := m.Capture(false)
		change := later([]byte("prefix"))[len("prefix"):]
		if got, whole := m.Footprint(); got > whole || got <= 0 {
			t.Errorf("footprint of the change %d, of the model %d", got, whole)
		}
		m.Mark()
		if parts = append(parts, change); follower.ApplyChange(change) != nil {
			t.Fatalf("change %d is refused", i)
		}
		if got := follower.Capture(false)(nil); !bytes.Equal(got, change) {
			t.Errorf("change %d, applied, is captured as another", i)
		}
		follower.Mark()
		sameBytes(t, "a follower", follower, marshal(t, m))
		train(t, m, ms.events(99, 1))
		if got := later(nil); !bytes.Equal(got, change) {
			t.Errorf("change %d depends on when it is encoded", i)
		}
		if err := m.UnmarshalBinary(marshal(t, follower)); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < len(parts); i++ {
		tail, err := m.Merge(parts[i:]...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Merge(append(parts[:i:i], tail)...)
		if err != nil || !bytes.Equal(got, marshal(t, m)) {
			t.Errorf("merged from %d on: %v, another model", i, err)
		}
	}
	last, before := parts[len(parts)-1], marshal(t, follower)
	for _, bad := range [][]byte{nil, last[:len(last)/2], append(bytesOf(last), 0), wire.Seal(bytesOf(last[:len(last)-9]), 0)} {
		if follower.ApplyChange(bad) == nil {
			t.Error("a damaged change was applied")
		}
		if _, err := m.Merge(base, bad); err == nil {
			t.Error("a damaged change was merged")
		}
	}
	sameBytes(t, "a refused change", follower, before)
}
