package learner_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Where nothing was proven before a freeze, the model that stands in for the last good version has the arms of now, after a
// restart too: else the same records would come to another state.
func TestAFreshLastGoodModelHasTheArmsOfNow(t *testing.T) {
	c := armed(t, "a", "b")
	l := newLearner(t, c)
	order := func(id, kind string, a state.Args) {
		l.Apply(state.Command{ID: id, Kind: kind, Args: a})
		if done := l.Snapshot().Done; done[len(done)-1].Error != "" {
			t.Fatal(done)
		}
	}
	feed := func(l *learner.Learner, n int) {
		for range n {
			i := l.Next().Offset
			if o := l.Feed(learner.Record{Offset: i, Value: decisionOn(int(i), []string{"a", "b", "d", "e"})}); o.Reject != nil {
				t.Fatal(o.Reject)
			}
		}
	}
	order("1", event.ArmAdd, state.Args{Arm: "d"})
	order("2", learner.CommandFreeze, state.Args{})
	order("3", event.ArmAdd, state.Args{Arm: "e"})
	again, err := learner.Restore(c, l.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	feed(l, 40)
	feed(again, 40)
	if !bytes.Equal(l.Snapshot().Head, again.Snapshot().Head) || l.Params() != again.Params() {
		t.Error("a restart came to another state")
	}
	if names := l.Champion().(learner.Armed).ArmNames(); !slices.Equal(names, []string{"a", "b", "d", "e"}) {
		t.Errorf("the last good model has the arms %q", names)
	}
}

// Settings that name other arms than a state has are no reason to fail in a freeze that comes before anything was proven.
func TestAFreezeAfterOtherArmsWereConfigured(t *testing.T) {
	c := armed(t, "a", "c", "e")
	l, err := learner.Restore(c, newLearner(t, armed(t, "a", "b", "c")).Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	l.Apply(state.Command{ID: "1", Kind: learner.CommandFreeze})
	again, err := learner.Restore(c, l.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*learner.Learner{l, again} {
		l.Apply(state.Command{ID: "2", Kind: event.ArmAdd, Args: state.Args{Arm: "d"}})
		for i := range 40 {
			if o := l.Feed(learner.Record{Offset: l.Next().Offset, Value: decisionOn(i, []string{"a", "c", "d", "e"})}); o.Reject != nil {
				t.Fatal(o.Reject)
			}
		}
	}
	if names := l.Champion().(learner.Armed).ArmNames(); !slices.Equal(names, []string{"a", "b", "c", "e", "d"}) {
		t.Errorf("the last good model has the arms %q", names)
	}
	if !bytes.Equal(l.Snapshot().Head, again.Snapshot().Head) || l.Params() != again.Params() {
		t.Error("a restart came to another state")
	}
}

// An arm that was gone at a freeze and comes back during it is the same to the last good model before a restart and after it.
func TestAnArmThatComesBackInAFreezeSurvivesARestart(t *testing.T) {
	c := armed(t, "a", "b", "c")
	l := newLearner(t, c)
	feed := func(l *learner.Learner, n int, after int64, arms ...string) {
		for range n {
			i := l.Next().Offset
			value := decisionOn(int(i), arms)
			value = bytes.Replace(value, []byte(`{"t":16`), fmt.Appendf(nil, `{"t":%d`, 16+after), 1)
			if o := l.Feed(learner.Record{Offset: i, Value: value}); o.Reject != nil {
				t.Fatal(o.Reject)
			}
		}
	}
	order := func(id, kind string, a state.Args) { l.Apply(state.Command{ID: id, Kind: kind, Args: a}) }
	feed(l, 100, 0, "a", "b", "c")
	if l.Stats().Published == 0 {
		t.Fatal("nothing was proven")
	}
	order("1", event.ArmRemove, state.Args{Arm: "b"})
	feed(l, 10, 1, "a", "c") // years later: its rewards do not count any more
	if status := l.Stats().Arms.Arms[1].Status; status != "removed" {
		t.Fatal(status)
	}
	order("2", learner.CommandFreeze, state.Args{})
	order("3", event.ArmAdd, state.Args{Arm: "b"})
	again, err := learner.Restore(c, l.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	feed(l, 40, 1, "a", "b", "c")
	feed(again, 40, 1, "a", "b", "c")
	if !bytes.Equal(l.Snapshot().Head, again.Snapshot().Head) || l.Params() != again.Params() {
		t.Error("a restart came to another state")
	}
}
