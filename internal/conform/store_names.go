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
