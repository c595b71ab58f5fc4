package encode

import (
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// shop is a category of a field that is encoded both ways.
func shop(hash uint64) event.Category {
	return event.Category{Hash: hash, Field: 7, Target: 70, Count: 71}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-15*max(1, math.Abs(b)) }

// Values by hand: with prior 2 after the labels 1, 0 of a and 1, 1 of b the overall
// mean is 3/4, and that of a (2*1/2 + 2*3/4) / (2 + 2).
func TestTableByHand(t *testing.T) {
	table := newTable(Config{Prior: 2, Bits: 4})
	a, b, c := []event.Category{shop(1)}, []event.Category{shop(2)}, []event.Category{shop(3)}
	check := func(what string, categories []event.Category, mean, count float64) {
		t.Helper()
		got := table.encode(nil, categories)
		if len(got) != 2 || got[0].Hash != 70 || got[1].Hash != 71 || got[0].Field != 7 ||
			!near(got[0].Value, mean) || !near(got[1].Value, count) {
			t.Errorf("%s: %+v, want mean %v, count %v", what, got, mean, count)
		}
	}
	check("nothing learned", a, 0, 0)
	table.learn(a, 1, 1)
	table.learn(a, 0, 1)
	table.learn(b, 1, 2) // a weight of 2 counts as two events
	check("a", a, (2*0.5+2*0.75)/4, math.Log(3))
	check("b", b, (2*1+2*0.75)/4, math.Log(3))
	check("a category that never came", c, 0.75, 0)
	check("a field with two of them", []event.Category{shop(1), shop(3)}, (0.625+0.75)/2, math.Log(3)/2)
	check("one that shares a cell", []event.Category{shop(1 + 16)}, 0.625, math.Log(3))
}

// With a half-life of 1 the event before counts 1/2, and that before it 1/4.
func TestTableHalfLife(t *testing.T) {
	table := newTable(Config{Prior: 0, HalfLife: 1, Bits: 4})
	a, b := []event.Category{shop(1)}, []event.Category{shop(2)}
	table.learn(a, 1, 1)
	table.learn(b, 0, 1)
	table.learn(a, 4, 1)
	n := 1.0/4 + 1 // of a, by the event that came last
	if got := table.encode(nil, a); !near(got[0].Value, (1.0/4+4)/n) || !near(got[1].Value, math.Log1p(n)) {
		t.Errorf("a: %+v", got)
	}
	if got := table.encode(nil, b); got[0].Value != 0 || !near(got[1].Value, math.Log1p(0.5)) {
		t.Errorf("b: %+v", got)
	}
	if want := (1.0/4*1 + 4) / (1.0/4 + 1.0/2 + 1); !near(table.overall.mean, want) {
		t.Errorf("overall mean %v, want %v", table.overall.mean, want)
	}
}

// Fields that are encoded one way have one feature, and those of different fields stay apart.
func TestTableFields(t *testing.T) {
	table := newTable(Config{Prior: 1, Bits: 4})
	got := table.encode(nil, []event.Category{{Hash: 1, Field: 1, Target: 10}, {Hash: 2, Field: 2, Count: 20}, {Hash: 3, Field: 1, Target: 10}})
	if len(got) != 3 || got[0].Hash != 10 || got[1].Hash != 20 || got[2].Hash != 10 {
		t.Errorf("%+v", got)
	}
}
