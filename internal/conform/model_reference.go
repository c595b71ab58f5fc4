package conform

import (
	"bytes"
	"errors"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// newReferenced returns a fresh model with its references.
func (ms *Models) newReferenced(t testing.TB) learner.Referenced {
	return ms.New(t).(learner.Referenced)
}

// readings predicts events and returns what reference i saw of them.
func readings(t testing.TB, m learner.Referenced, i int, events []event.Event) []event.Step {
	t.Helper()
	out := make([]event.Step, len(events))
	for k := range events {
		s := keep(m.Predict(&events[k]))
		r := s.Ref[i]
		if r == nil {
			t.Fatalf("event %d: no reading of reference %d", k, i)
		}
		if len(r.J) != len(r.X) || len(r.J) == 0 || r.J[0] != 0 {
			t.Fatalf("event %d: %d coordinates, %d values, the first must be the intercept", k, len(r.J), len(r.X))
		}
		for _, j := range r.J {
			if j >= event.Coordinates {
				t.Fatalf("event %d: coordinate %d", k, j)
			}
		}
		out[k].Ref[i] = r
	}
	return out
}

// marshalReference returns the encoded reference i.
func marshalReference(t testing.TB, m learner.Referenced, i int) []byte {
	t.Helper()
	b, err := m.AppendReference(i, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testReferenceFrozen(t *testing.T, ms *Models) {
	probe := ms.events(20, 50)
	m, plain := ms.newReferenced(t), ms.New(t)
	events := ms.events(21, modelEvents)
	train(t, m, events[:200])
	m.SetReference(1)
	want, frozen := readings(t, m, 1, probe), marshalReference(t, m, 1)
	for _, s := range train(t, m, events[200:]) {
		if s.Ref[0] != nil || s.Ref[1] == nil {
			t.Fatalf("readings %v, want one of reference 1 only", s.Ref)
		}
	}
	sameSteps(t, "the reference while the model learns", readings(t, m, 1, probe), want)
	if !bytes.Equal(marshalReference(t, m, 1), frozen) {
		t.Error("the encoded reference changed while the model learned")
	}
	train(t, plain, events)
	sameBytes(t, "learning beside a reference", m, marshal(t, plain))
}

func testReferenceRoundTrip(t *testing.T, ms *Models) {
	probe := ms.events(22, 50)
	m := ms.newReferenced(t)
	train(t, m, ms.events(23, 100))
	m.SetReference(0)
	train(t, m, ms.events(24, 100))
	m.SetReference(1)
	for i := range 2 {
		b := marshalReference(t, m, i)
		fresh := ms.newReferenced(t)
		if err := fresh.UnmarshalReference(1-i, b); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(marshalReference(t, fresh, 1-i), b) {
			t.Errorf("reference %d does not round-trip", i)
		}
		// A model that has not learned the fields sees them through the reference.
		sameReadings(t, readings(t, fresh, 1-i, probe), 1-i, readings(t, m, i, probe), i)
		damaged := [][]byte{b[:len(b)/2], append(bytesOf(b), 0), wire.Seal(bytesOf(b[:len(b)-9]), 0)}
		if _, ok := fresh.(learner.Incremental); !ok { // others take a reference from a model
			damaged = append(damaged, marshal(t, m))
		}
		for _, bad := range damaged {
			if err := fresh.UnmarshalReference(1-i, bad); !errors.Is(err, wire.ErrCorrupt) {
				t.Errorf("damaged reference: error %v, want one that wraps ErrCorrupt", err)
			}
		}
		if !bytes.Equal(marshalReference(t, fresh, 1-i), b) {
			t.Errorf("damaged bytes changed reference %d", i)
		}
	}
}

// sameReadings compares the readings of two references.
func sameReadings(t testing.TB, got []event.Step, gi int, want []event.Step, wi int) {
	t.Helper()
	for k := range got {
		got[k].Ref = [2]*event.Reading{got[k].Ref[gi]}
		want[k].Ref = [2]*event.Reading{want[k].Ref[wi]}
	}
	sameSteps(t, "readings", got, want)
}

func testReferenceSurvives(t *testing.T, ms *Models) {
	probe := ms.events(25, 50)
	m := ms.newReferenced(t)
	old := marshal(t, m)
	train(t, m, ms.events(26, 50))
	young := marshal(t, m)
	train(t, m, ms.events(27, 150))
	m.SetReference(0)
	want, frozen := readings(t, m, 0, probe), marshalReference(t, m, 0)
	for _, snapshot := range [][]byte{young, old} {
		if err := m.UnmarshalBinary(snapshot); err != nil {
			t.Fatal(err)
		}
		sameBytes(t, "a restore beside a reference", m, snapshot)
		sameSteps(t, "a reference after a restore", readings(t, m, 0, probe), want)
	}
	train(t, m, ms.events(28, 50)) // the fields appear once more, in another order
	sameSteps(t, "a reference after learning anew", readings(t, m, 0, probe), want)
	if !bytes.Equal(marshalReference(t, m, 0), frozen) {
		t.Error("the encoded reference changed")
	}
}

func testReferenceDropped(t *testing.T, ms *Models) {
	m := ms.newReferenced(t)
	events := ms.events(29, 100)
	train(t, m, events)
	m.SetReference(0)
	m.DropReference(0)
	m.DropReference(1) // never set
	if s := m.Predict(&events[0]); s.Ref[0] != nil || s.Ref[1] != nil {
		t.Errorf("readings %v of dropped references", s.Ref)
	}
	if _, err := m.AppendReference(0, nil); err == nil {
		t.Error("a dropped reference can be encoded")
	}
	m.SetReference(0)
	first := marshalReference(t, m, 0)
	clean := ms.newReferenced(t)
	train(t, clean, events)
	clean.SetReference(0)
	if !bytes.Equal(first, marshalReference(t, clean, 0)) {
		t.Error("a reference set anew differs from one set once")
	}
}
