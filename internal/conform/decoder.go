package conform

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// DecoderCase is a decoder with records to try it on.
type DecoderCase struct {
	// New makes a fresh decoder that needs a label.
	New func() event.Decoder
	// Good are values it accepts, Bad are values it rejects. At least one of each.
	Good, Bad [][]byte
}

// Decoder proves that a decoder keeps the contract of event.Decoder:
//
//   - it gives the same event for the same value, whatever it decoded before
//     and whatever the event held;
//   - it neither changes the value nor keeps a reference to it;
//   - it allocates nothing once it and the event have grown;
//   - an accepted event is usable: finite features, no dense feature twice, a
//     finite weight >= 0, a finite label;
//   - a record it refuses yields a *event.Rejection with a reason and a detail;
//   - no damage to a value makes it panic.
func Decoder(t *testing.T, c DecoderCase) {
	t.Helper()
	if len(c.Good) == 0 || len(c.Bad) == 0 {
		t.Fatal("the suite needs at least one good and one bad value")
	}
	t.Run("repeatable", func(t *testing.T) { decoderRepeatable(t, c) })
	t.Run("keeps no reference", func(t *testing.T) { decoderKeepsNothing(t, c) })
	t.Run("no allocation", func(t *testing.T) { decoderAllocates(t, c) })
	t.Run("rejections", func(t *testing.T) { decoderRejects(t, c) })
	t.Run("damage", func(t *testing.T) { decoderDamage(t, c) })
}

func decoderRepeatable(t *testing.T, c DecoderCase) {
	d := c.New()
	var used event.Event
	for round := range 2 {
		for i, value := range c.Good {
			var fresh event.Event
			if err := c.New().Decode(value, &fresh); err != nil {
				t.Fatalf("%q: %v", value, err)
			}
			CheckEvent(t, value, &fresh)
			if err := d.Decode(value, &used); err != nil {
				t.Fatalf("round %d: %q: %v", round, value, err)
			}
			if diff := diffEvents(&fresh, &used); diff != "" {
				t.Errorf("round %d: %q: a used decoder and event differ from fresh ones (-fresh +used):\n%s", round, value, diff)
			}
			bad := c.Bad[i%len(c.Bad)]
			if err := d.Decode(bad, &used); err == nil {
				t.Errorf("%q was accepted", bad)
			}
		}
	}
}

func decoderKeepsNothing(t *testing.T, c DecoderCase) {
	for _, value := range c.Good {
		var want, got event.Event
		if err := c.New().Decode(value, &want); err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		scratch := bytes.Clone(value)
		if err := c.New().Decode(scratch, &got); err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if !bytes.Equal(scratch, value) {
			t.Errorf("%q was changed to %q", value, scratch)
		}
		for i := range scratch {
			scratch[i] = 'x'
		}
		if diff := diffEvents(&want, &got); diff != "" {
			t.Errorf("%q: the event changed with the value after Decode (-want +got):\n%s", value, diff)
		}
	}
}

func decoderAllocates(t *testing.T, c DecoderCase) {
	d := c.New()
	var e event.Event
	for _, value := range c.Good {
		decode := func() {
			if err := d.Decode(value, &e); err != nil {
				t.Errorf("%q: %v", value, err)
			}
		}
		decode()
		if n := testing.AllocsPerRun(20, decode); n != 0 {
			t.Errorf("%q: %v allocations, want none", value, n)
		}
	}
}

func decoderRejects(t *testing.T, c DecoderCase) {
	d := c.New()
	for _, value := range c.Bad {
		var e event.Event
		err := d.Decode(value, &e)
		if err == nil {
			t.Errorf("%q was accepted", value)
			continue
		}
		CheckRejection(t, value, err)
	}
}

// decoderDamage cuts every value at each byte and puts telling bytes at each place.
func decoderDamage(t *testing.T, c DecoderCase) {
	d := c.New()
	try := func(value []byte) {
		var e event.Event
		if err := d.Decode(value, &e); err != nil {
			CheckRejection(t, value, err)
		} else {
			CheckEvent(t, value, &e)
		}
	}
	for _, value := range append(append([][]byte{}, c.Good...), c.Bad...) {
		for i := range value {
			try(value[:i])
			damaged := bytes.Clone(value)
			for _, b := range []byte("\x00\xff\"\\{}[],:|#' \n\t09-e.") {
				damaged[i] = b
				try(damaged)
			}
		}
	}
}

// CheckEvent fails unless an accepted event is fit to be learned from.
func CheckEvent(t *testing.T, value []byte, e *event.Event) {
	t.Helper()
	dense := make(map[uint64]bool, len(e.X.Dense))
	for _, f := range e.X.Dense {
		if dense[f.Hash] {
			t.Errorf("%q: dense feature %016x occurs twice", value, f.Hash)
		}
		dense[f.Hash] = true
		if !finite(f.Value) {
			t.Errorf("%q: dense feature %016x is %v", value, f.Hash, f.Value)
		}
	}
	for _, f := range e.X.Sparse {
		if !finite(f.Value) {
			t.Errorf("%q: sparse feature %016x is %v", value, f.Hash, f.Value)
		}
	}
	if !finite(e.Weight) || e.Weight < 0 {
		t.Errorf("%q: weight %v, want finite and >= 0", value, e.Weight)
	}
	if !finite(e.Label) {
		t.Errorf("%q: label %v, want finite", value, e.Label)
	}
}

// CheckRejection fails unless err is a *event.Rejection that says why.
func CheckRejection(t *testing.T, value []byte, err error) {
	t.Helper()
	var r *event.Rejection
	if !errors.As(err, &r) {
		t.Errorf("%q: error %v of type %T, want *event.Rejection", value, err, err)
		return
	}
	if r == nil || r.Reason == event.Accepted || r.Reason >= event.Reasons || r.Detail == "" {
		t.Errorf("%q: rejection %+v, want a reason and a detail", value, r)
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func diffEvents(a, b *event.Event) string { return cmp.Diff(a, b, cmpopts.EquateEmpty()) }

// CheckEqual fails unless two events decoded from one value are the same.
func CheckEqual(t *testing.T, value []byte, a, b *event.Event) {
	t.Helper()
	if diff := diffEvents(a, b); diff != "" {
		t.Errorf("%q: decoded twice, two events (-first +second):\n%s", value, diff)
	}
}
