package drift

import (
	"slices"
	"testing"
)

// The alarms that River's documentation prints.
func TestFrozenCUSUMAgainstRiver(t *testing.T) {
	d := made(t, NewFrozenCUSUM, DefaultFrozenCUSUMParams())
	if got, want := alarms(d, readStream(t, "doc_cusum")), []int{201, 251}; !slices.Equal(got, want) {
		t.Errorf("alarms %v, River documents %v", got, want)
	}
}

// Without spread the first value that differs is a change, in the direction that is watched.
func TestFrozenCUSUMDirections(t *testing.T) {
	for mode, want := range map[string][]int{ModeUp: {8}, ModeDown: {5}, ModeBoth: {5}} {
		d := made(t, NewFrozenCUSUM, FrozenCUSUMParams{MinInstances: 3, Slack: .5, Threshold: 5, Mode: mode})
		if got := alarms(d, []float64{2, 2, 2, 2, 2, 1, 1, 1, 3, 3, 3.5, 3.5}); !slices.Equal(got, want) {
			t.Errorf("mode %s: alarms %v, want %v", mode, got, want)
		}
	}
}
