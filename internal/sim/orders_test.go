package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Whoever overrules an operator is noticed in the undisturbed run: a learner that did so in every run
// would come to the same state in all of them.
func TestOverruledOrdersAreNoticed(t *testing.T) {
	for _, c := range []struct{ order, overruled, want string }{
		{learner.CommandFreeze, learner.CommandUnfreeze, "an operator froze it"},
		{learner.CommandRollback, learner.CommandPromote, "an operator holds them"},
		{"nothing", learner.CommandRollback, "no operator holds them"},
		{learner.CommandPolicy, learner.CommandPolicy, "baseline was ordered"},
		{event.ArmRemove, event.ArmAdd, "it was taken out"},
		{event.ArmCap, event.ArmCap, "its cap is 0.1"},
	} {
		t.Run(c.order+" "+c.overruled, func(t *testing.T) {
			w := newRailWorld(t, 1, rand.New(rand.NewPCG(1, 1)))
			w.Command = map[int64]state.Command{16: {ID: "a", Kind: c.order, Who: "op", Why: "test", Args: state.Args{Arm: "a2", Cap: 0.1, Policy: state.PolicyBaseline}}}
			ref, err := w.begin()
			if err != nil {
				t.Fatal(err)
			}
			for i := range int64(len(w.Records)) {
				if i == 20 { // what nobody has ordered
					var found *state.Found
					args := state.Args{Arm: "a2", Policy: state.PolicyOnline}
					if c.overruled == learner.CommandRollback {
						found, args.Version = ref.found[1], 1
						args.Sum = found.Version.Sum
					}
					ref.l.ApplyTo(state.Command{ID: "b", Kind: c.overruled, Args: args}, found)
					if done := ref.l.Snapshot().Done; done[len(done)-1].Error != "" {
						t.Fatal(done)
					}
				}
				if err := ref.next(w, i); err != nil {
					if i < 20 || !strings.Contains(err.Error(), c.want) {
						t.Errorf("at offset %d: %v, want %q", i, err, c.want)
					}
					return
				}
			}
			t.Errorf("nothing was noticed of %s after %s", c.overruled, c.order)
		})
	}
}

// The trail of the undisturbed run has each command once, by the one who gave it.
func TestTrailsOfOtherOrdersAreNoticed(t *testing.T) {
	w := newRailWorld(t, 1, rand.New(rand.NewPCG(1, 1)))
	freeze := func(id, who string) state.Command {
		return state.Command{ID: id, Kind: learner.CommandFreeze, Who: who, Why: "test"}
	}
	w.Command = map[int64]state.Command{20: freeze("a", "op")}
	ref, err := w.undisturbed()
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range []map[int64]state.Command{{}, {20: freeze("a", "somebody")}, {20: freeze("a", "op"), 30: freeze("b", "op")}} {
		w.Command = given
		if w.checkTrail(ref) == nil {
			t.Error("nothing was noticed of " + fmt.Sprint(given))
		}
	}
}
