package metric

import (
	"errors"
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
)

func TestEWMA(t *testing.T) {
	m := NewEWMA(2)
	if m.Value() != 0 {
		t.Error("an empty mean is not 0")
	}
	m.Observe(7, 1)
	if m.Value() != 7 {
		t.Errorf("after one observation: %v, want 7", m.Value())
	}
	m.Observe(0, 1)
	m.Observe(0, 1)
	// Half-life 2: the weights are 1/2, 1/sqrt(2) and 1.
	if got, want := m.Value(), 3.5/(1.5+math.Sqrt2/2); math.Abs(got-want) > 1e-14 {
		t.Errorf("%v, want %v", got, want)
	}
	m.Observe(100, 0)
	if got, want := m.Value(), 3.5/(1.5+math.Sqrt2/2); math.Abs(got-want) > 1e-14 {
		t.Errorf("an observation of weight 0 changed the mean to %v", got)
	}
}

func TestEWMAForgets(t *testing.T) {
	m := NewEWMA(HalfLife)
	for range 20 * HalfLife {
		m.Observe(1, 1)
	}
	for range HalfLife {
		m.Observe(0, 1)
	}
	if math.Abs(m.Value()-.5) > 1e-5 {
		t.Errorf("one half-life after a change from 1 to 0: %v", m.Value())
	}
}

func TestEWMACodec(t *testing.T) {
	m := NewEWMA(HalfLife)
	m.Observe(3, 2)
	m.Observe(5, 1)
	b := m.Append(nil)
	restored := NewEWMA(HalfLife)
	r := wire.NewReader(b)
	if restored.Read(r); r.Close() != nil || restored != m {
		t.Fatalf("restored %+v, want %+v (%v)", restored, m, r.Err())
	}
	restored.Read(wire.NewReader(b[:9]))
	for _, bad := range [][]byte{b[:9], wire.AppendFloat64(b[:8:8], -1), wire.AppendFloat64(b[:8:8], math.NaN())} {
		r := wire.NewReader(bad)
		if restored.Read(r); !errors.Is(r.Close(), wire.ErrCorrupt) {
			t.Errorf("% x was accepted", bad)
		}
	}
}
