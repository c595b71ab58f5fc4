package state_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/state"
)

func version(n uint64, created int64) state.Version {
	return state.Version{Number: n, Sum: state.Sum{byte(n)}, Created: created}
}

func numbersOf(versions []state.Version) []uint64 {
	var out []uint64
	for i := range versions {
		out = append(out, versions[i].Number)
	}
	return out
}

// Versions arrive one a minute. Of the last ten hours one an hour stays, besides the newest ten.
func TestRetain(t *testing.T) {
	const minute, keep, span = int64(60_000), 10, int64(10 * 60 * 60_000)
	var kept []state.Version
	pinned := uint64(17)
	for n := uint64(1); n <= 6_000; n++ {
		kept = state.Retain(append(kept, version(n, int64(n)*minute)), keep, span, func(v *state.Version) bool { return v.Number == pinned })
		if len(kept) > 2*keep+2 {
			t.Fatalf("after version %d: %d versions are kept", n, len(kept))
		}
	}
	got := numbersOf(kept)
	want := []uint64{17, 5460, 5520, 5580, 5640, 5700, 5760, 5820, 5880, 5940, 5991, 5992, 5993, 5994, 5995, 5996, 5997, 5998, 5999, 6000}
	if !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if got := numbersOf(state.Retain(kept, 3, 0, func(*state.Version) bool { return false })); !slices.Equal(got, []uint64{5998, 5999, 6000}) {
		t.Errorf("without a span %v stay", got)
	}
}

func TestFindVersion(t *testing.T) {
	kept := []state.Version{version(3, 30), version(5, 50), version(5, 51), version(9, 90)}
	kept[2].Sum = state.Sum{55}
	marks := []state.Mark{
		{Number: 3, Sum: kept[0].Sum, Labels: []string{"before-migration"}},
		{Number: 5, Sum: kept[1].Sum, Labels: []string{state.LabelChampion}},
		{Number: 7, Sum: state.Sum{7}, Labels: []string{"gone"}},
	}
	for ref, want := range map[string]*state.Version{"3": &kept[0], "5": &kept[1], "9": &kept[3], "champion": &kept[1], "before-migration": &kept[0]} {
		if got, err := state.FindVersion(kept, marks, ref); err != nil || !got.Same(want) {
			t.Errorf("%s: %v, %v; want %v", ref, got, err, want)
		}
	}
	if got, err := state.FindVersion(kept, nil, "5"); err != nil || !got.Same(&kept[2]) {
		t.Errorf("of two with one number: %v, %v; want the last", got, err)
	}
	for ref, want := range map[string]string{"4": "kept are 3, 5, 5, 9", "gone": "version 7", "nothing": "no version has the label", "": "no version"} {
		if _, err := state.FindVersion(kept, marks, ref); !errors.Is(err, state.ErrVersion) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", ref, err, want)
		}
	}
	for at, want := range map[int64]uint64{30: 3, 49: 3, 50: 5, 1000: 9} {
		if got, err := state.VersionAt(kept, at); err != nil || got.Number != want {
			t.Errorf("at %d: %v, %v; want %d", at, got, err, want)
		}
	}
	if _, err := state.VersionAt(kept, 29); !errors.Is(err, state.ErrVersion) {
		t.Errorf("before all: %v", err)
	}
}

func TestValidateLabel(t *testing.T) {
	for _, good := range []string{"a", "before-migration_2", "2026-01", strings.Repeat("x", 64)} {
		if err := state.ValidateLabel(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "12", "A", "a b", "é", "last-good", "champion", "current", "oldest", strings.Repeat("x", 65)} {
		if state.ValidateLabel(bad) == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}
