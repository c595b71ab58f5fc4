package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/optimizers"
)

// TestOptimizersDocument compares what docs/optimizers.md says of the small
// sets with what replay finds now. `make table` writes it anew.
func TestOptimizersDocument(t *testing.T) {
	document, err := os.ReadFile("../../docs/optimizers.md")
	if err != nil {
		t.Fatal(err)
	}
	says := func(row string) {
		t.Helper()
		if !bytes.Contains(append([]byte("\n"), document...), []byte("\n"+row)) {
			t.Errorf("docs/optimizers.md does not have the line below: run make table, and see whether its conclusions still hold\n%s", row)
		}
	}
	for _, l := range optimizers.Prose() {
		says(l + "\n")
	}
	replay := func(args ...string) ([]byte, error) {
		var out, errs bytes.Buffer
		p := program{in: bytes.NewReader(nil), out: &out, err: &errs}
		if code := p.run(t.Context(), append([]string{"replay"}, args...)); code != exitOK {
			return nil, fmt.Errorf("exit code %d: %s", code, errs.String())
		}
		return out.Bytes(), nil
	}
	small := []string{"phishing", "Trump approval", "chick weights", "VW 0002"}
	for _, s := range optimizers.Sets() {
		if !bytes.Contains(document, []byte("\n| "+s.Name+" | ")) {
			t.Errorf("docs/optimizers.md has nothing on %s: run make table", s.Name)
		}
		if !slices.Contains(small, s.Name) {
			continue
		}
		r, err := optimizers.Measure(replay, shared, s)
		if err != nil {
			t.Fatal(err)
		}
		says(strings.Join(r.Rows(0), ""))
		says(strings.Join(r.LossRows(), ""))
		says(r.DefaultRow())
	}
	parities, err := optimizers.Parities(replay, shared)
	if err != nil {
		t.Fatal(err)
	}
	for i := range parities {
		says(parities[i].Row())
		if !parities[i].Holds() {
			t.Errorf("not what the other one prints: %s", parities[i].Row())
		}
	}
}
