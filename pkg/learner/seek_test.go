package learner_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// seek gives an order that is about no version, and returns the answer's error.
func (w *owner) seek(a state.Args, f *state.Found) string {
	w.Helper()
	w.orders++
	w.ApplyTo(state.Command{ID: fmt.Sprint("order-", w.orders), Kind: learner.CommandSeek, Who: "ana", Why: "test", Args: a}, f)
	done := w.Snapshot().Done
	w.save()
	return done[len(done)-1].Error
}

// A seek moves the next record and nothing else, is part of the state, and goes
// back only over a log that is gone.
func TestSeek(t *testing.T) {
	w := newOwner(t, config(t))
	feed(w.Learner, w.stream, 1500)
	w.save()
	before := w.Stats()
	for want, answer := range map[string]string{
		"learned twice": w.seek(state.Args{Offset: 1499}, nil),
		"negative":      w.seek(state.Args{Offset: -1, Lost: true}, nil),
		"not in the":    w.seek(state.Args{Offset: 9999}, &state.Found{Problem: "not in the log"}),
	} {
		if !strings.Contains(answer, want) {
			t.Errorf("answer %q, want %q", answer, want)
		}
	}
	if w.Next().Offset != 1500 {
		t.Fatalf("a refused seek moved the next record to %v", w.Next())
	}
	for _, to := range []state.Args{{Offset: 1800}, {Offset: 40, Lost: true}} {
		if answer := w.seek(to, nil); answer != "" {
			t.Error(answer)
		}
		if want := (state.Position{Offset: to.Offset, LeaderEpoch: -1}); w.Next() != want {
			t.Errorf("next %v after a seek, want %v", w.Next(), want)
		}
	}
	feed(w.Learner, w.stream, 20)
	w.save()
	if got := w.Stats(); got.Fed != before.Fed+20 || w.Next().Offset != 60 {
		t.Errorf("%d records fed up to %v, want %d up to offset 60", got.Fed, w.Next(), before.Fed+20)
	}
}

// While the save of a rewind is under way the next record may be put back once
// more: then the save after it goes back, too.
func TestRewindDuringTheSaveOfARewind(t *testing.T) {
	w := newOwner(t, config(t))
	feed(w.Learner, w.stream, 1500)
	back := func(id string, offset int64) {
		w.ApplyTo(state.Command{ID: id, Kind: learner.CommandSeek, Who: "ana", Why: "test", Args: state.Args{Offset: offset, Lost: true}}, nil)
	}
	back("first", 40)
	under := w.Snapshot()
	back("second", 10)
	w.Saved(under)
	if s := w.Snapshot(); !s.Rewind || s.Next.Offset != 10 {
		t.Errorf("the save at offset %d says rewind: %v, the stored one stands at 40", s.Next.Offset, s.Rewind)
	}
	w.Saved(w.Snapshot())
	if w.Snapshot().Rewind {
		t.Error("a rewind that is stored goes on being one")
	}
}
