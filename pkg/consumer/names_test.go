package consumer

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func table() *names.Table {
	d, err := event.NewJSON(event.Schema{}, false)
	if err != nil {
		panic(err)
	}
	return names.New(d)
}

// The names of a session reach the store, and a later session goes on with
// them, however damaged they are.
func TestNamesAreKept(t *testing.T) {
	store := state.NewMem()
	deps := someDeps()
	deps.Store, deps.Names, deps.Logger = store, table, slog.New(slog.DiscardHandler)
	cfg := validConfig()
	cfg.SaveInterval = 5 * time.Millisecond
	c, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	session := func(record string, want ...string) {
		p := newPartition(c, nil, 2, state.Owner{Group: group, Generation: 1})
		defer p.cancel()
		n := newNamer(p)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { n.run(ctx) })
		defer wg.Wait()
		defer cancel()
		n.offer([]byte(record))
		wait(t, func() (bool, string) {
			b, err := store.Names(t.Context(), p.key)
			if err != nil {
				return false, err.Error()
			}
			known, err := names.Read(b)
			for _, name := range want {
				if known[xxhash.Sum64String(name)] != name {
					return false, name + " is not there"
				}
			}
			return err == nil, "damaged"
		})
		if got, ok := n.name(state.Hash(xxhash.Sum64String(want[0]))); !ok || got != want[0] {
			t.Errorf("the name of %s is %q", want[0], got)
		}
	}
	session(`{"a":1}`, "a")
	session(`{"b":"x"}`, "a", "b=x")
	if err := store.SaveNames(t.Context(), state.Key{Model: cfg.Model, Partition: 2}, []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	session(`{"c":1}`, "c")
}

// Without a table, or a store that keeps names, there are none, and nothing goes wrong.
func TestNoNames(t *testing.T) {
	s := feedingSession(t)
	if s.namer != nil {
		t.Fatal("names are learned unasked")
	}
	s.namer.offer([]byte(`{}`))
	s.namer.run(t.Context())
}

// What moved before an alarm is one line of the log.
func TestAlarmsAreLogged(t *testing.T) {
	s := feedingSession(t)
	var log bytes.Buffer
	s.p.log = slog.New(slog.NewTextHandler(&log, nil))
	s.notable(&learner.Outcome{Alarm: &learner.Alarm{Detector: "e_detector", Offset: 99, Evidence: &state.Evidence{
		From: 51, To: 99, Loss: &state.Moved{By: 4, Mean: 0.9, Was: 0.4, Share: 1}, Inputs: []state.Shift{{Hash: 7, By: 2, Share: 1, Was: 1}},
	}}})
	for _, want := range []string{
		"level=WARN msg=alarm", "offset=99", "suspect_from=51", "moved=loss,inputs", `findings="loss 0.9, was 0.4 (+4.0 sd); #0000000000000007 moved by +2.0 of its sd"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in %s", want, log.String())
		}
	}
}

// A learner that is faster than its namer is not held up.
func TestNamerNeverBlocks(t *testing.T) {
	deps := someDeps()
	deps.Store, deps.Names, deps.Logger = state.NewMem(), table, slog.New(slog.DiscardHandler)
	c, err := New(validConfig(), deps)
	if err != nil {
		t.Fatal(err)
	}
	p := newPartition(c, nil, 0, state.Owner{Group: group, Generation: 1})
	defer p.cancel()
	n := newNamer(p)
	for range 10 * waitingNames {
		n.offer([]byte(`{"a":1}`)) // nobody runs it
	}
	if len(n.records) != waitingNames {
		t.Errorf("%d records wait, want %d", len(n.records), waitingNames)
	}
}
