package bandit

import (
	"slices"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

func TestOpenings(t *testing.T) {
	c := config(Thompson, 5)
	c.PriceFloor = 2
	m := newModel(t, c)
	change(t, m, event.ArmChange{Kind: event.ArmCap, Arm: "a3", Cap: .5})
	old, err := Open(encoded(t, m))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []event.ArmChange{
		{Kind: event.ArmRemove, Arm: "a1"},
		{Kind: event.ArmPrice, Arm: "a2", Price: 1},
		{Kind: event.ArmCap, Arm: "a3", Cap: .9},
		{Kind: event.ArmCap, Arm: "a4", Cap: .1},
		{Kind: event.ArmAdd, Arm: "new"},
	} {
		change(t, m, x)
	}
	harmed := m.arms.clone()
	harmed.list[0].Status, harmed.list[0].Out = ArmRemoved, "latency_ms"
	m.follow(harmed)
	for _, c := range []struct {
		then, now *Model
		want      []Opening
	}{
		{old, m, []Opening{{"a0", "was taken out by the guard rail on latency_ms"}, {"a1", "was removed"}, {"a2", "is off in price"}, {"a4", "has a cap of 0.1 now"}}},
		{m, old, []Opening{{"a3", "has a cap of 0.5 now"}, {"new", "is none of the arms of now"}}},
		{m, m, nil},
	} {
		if got := Openings(c.then, c.now); !slices.Equal(got, c.want) {
			t.Errorf("openings %v, want %v", got, c.want)
		}
	}
}
