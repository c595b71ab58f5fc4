package conform

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Golden fails unless got are the bytes of testdata/NAME.golden; with rewrite it
// writes them there first.
func Golden(t testing.TB, name string, got []byte, rewrite bool) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes differ from the golden %d; if the format or the arithmetic is meant to change, raise the version and run with -update", name, len(got), len(want))
	}
}

// Scorer is a model of labels as a reader has it.
type Scorer interface {
	AppendBinary(b []byte) ([]byte, error)
	Score(e *event.Event) float64
}

// Opened fails unless a reader makes of the bytes of m what m is: the same scores
// of the events and the same bytes.
func Opened[M Scorer](t testing.TB, name string, m M, open func([]byte) (M, error), events []event.Event) {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := open(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i := range events {
		if got, want := r.Score(&events[i]), m.Score(&events[i]); got != want {
			t.Errorf("%s: score %v, want %v", name, got, want)
		}
	}
	again, err := r.AppendBinary(nil)
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("%s: an opened model encodes differently (%v)", name, err)
	}
	if _, err := open(b[1:]); err == nil {
		t.Errorf("%s: damaged bytes are opened", name)
	}
}
