package state_test

import (
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func TestMem(t *testing.T) {
	conform.Store(t, func(*testing.T) conform.StoreUnderTest { return state.NewMem() })
}

// A clone is an independent store: what happens to one is not seen in the other.
func TestMemClone(t *testing.T) {
	ctx, k := t.Context(), state.Key{Model: "m", Partition: 0}
	m := state.NewMem()
	owner := state.Owner{Group: "g", Generation: 1}
	claim, _, err := m.Claim(ctx, k, owner)
	if err != nil {
		t.Fatal(err)
	}
	blob := func(s string) state.Blob { return state.Blob{Sum: state.SumOf([]byte(s)), Data: []byte(s)} }
	save := func(m *state.Mem, seq uint64, b state.Blob) {
		t.Helper()
		s := &state.Snapshot{Seq: seq, Next: state.Position{Offset: int64(seq)}, Head: []byte("h"), Refs: []state.Sum{b.Sum}, Blobs: []state.Blob{b},
			Current: &state.Pointer{Version: state.Version{Number: seq, Sum: b.Sum}, Mode: "learning"}}
		if err := m.Save(ctx, k, claim, seq-1, s, 1); err != nil {
			t.Fatal(err)
		}
	}
	save(m, 1, blob("one"))
	if err := m.Send(ctx, k, state.Command{ID: "a", Kind: "freeze"}); err != nil {
		t.Fatal(err)
	}
	old := m.Clone()
	save(m, 2, blob("two"))
	save(m, 3, blob("three"))
	if err := m.Send(ctx, k, state.Command{ID: "b", Kind: "freeze"}); err != nil {
		t.Fatal(err)
	}

	_, s, err := old.Claim(ctx, k, owner)
	if err != nil || s.Seq != 1 || string(s.Blobs[0].Data) != "one" || s.Current.Number != 1 {
		t.Errorf("clone holds %+v, %v; want save 1", s, err)
	}
	if in, _ := old.Inbox(ctx, k); len(in) != 1 {
		t.Errorf("clone's inbox: %+v, want command a alone", in)
	}
	save(old, 2, blob("zwei"))
	if _, s, err = m.Claim(ctx, k, owner); err != nil || s.Seq != 3 || string(s.Blobs[0].Data) != "three" {
		t.Errorf("original holds %+v, %v; want save 3", s, err)
	}
}
