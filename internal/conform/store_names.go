package conform

import (
	"bytes"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// Names need no claim and no state, and the last ones win.
func testNames(t *testing.T, c *storeCase) {
	_, err := c.Names(t.Context(), c.key)
	c.refused(err, state.ErrNotFound)
	for _, want := range [][]byte{[]byte("one"), []byte("another\x00one"), {}} {
		if err := c.SaveNames(t.Context(), c.key, want); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Names(t.Context(), c.key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("names %q, %v; want %q", got, err, want)
		}
	}
	other := c.key
	other.Partition++
	_, err = c.Names(t.Context(), other)
	c.refused(err, state.ErrNotFound)
	if p, err := c.Partitions(t.Context(), c.key.Model); err != nil || len(p) != 0 {
		t.Errorf("names make partitions %v, %v", p, err)
	}
	if err := c.SaveNames(t.Context(), state.Key{Model: "No Name"}, nil); err == nil {
		t.Error("a bad key was accepted")
	}
}

// The first number of partitions stays until it is replaced.
func testSpread(t *testing.T, c *storeCase) {
	for _, step := range []struct {
		n       int32
		replace bool
		want    int32
	}{{4, false, 4}, {6, false, 4}, {6, true, 6}, {8, false, 6}} {
		if kept, err := c.KeepSpread(t.Context(), c.key.Model, step.n, step.replace); err != nil || kept != step.want {
			t.Errorf("keeping %d, replacing %v: %d, %v; want %d", step.n, step.replace, kept, err, step.want)
		}
	}
	if kept, err := c.KeepSpread(t.Context(), c.key.Model+"-2", 3, false); err != nil || kept != 3 {
		t.Errorf("another model: %d, %v", kept, err)
	}
	if _, err := c.KeepSpread(t.Context(), "No Name", 3, false); err == nil {
		t.Error("a bad model name was accepted")
	}
}
