package sgd

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// A change makes a new model beside the one that it began with, which may have come to
// there by changes itself.
func TestAfter(t *testing.T) {
	for name, edit := range goldens {
		m := trained(t, edit)
		older := newModel(t, func(c *Config) { *c = m.Config() })
		if err := older.UnmarshalBinary(bin(t, m)); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(8, 8))
		next := func() []byte {
			t.Helper()
			m.Mark()
			for range 3 {
				e := someEvent(r, &m.p)
				if s := m.Learn(&e); s.Reject != nil {
					t.Fatal(s.Reject)
				}
			}
			return m.Capture(false)(nil)
		}
		if err := older.ApplyChange(next()); err != nil {
			t.Fatal(err)
		}
		middle := bin(t, m)
		got, err := older.After(next())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bin(t, got), bin(t, m)) {
			t.Errorf("%s: after the change it is another model", name)
		}
		if got.count() != 0 {
			t.Errorf("%s: %d features count as changed since", name, got.count())
		}
		if !bytes.Equal(bin(t, older), middle) {
			t.Errorf("%s: the model that the change began with has moved", name)
		}
	}
}
