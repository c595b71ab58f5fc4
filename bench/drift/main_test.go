package main

import (
	"reflect"
	"testing"
)

// Every stream can be made, learned and watched, follows from its seed, and
// changes when it is told to.
func TestStudies(t *testing.T) {
	for _, c := range studies() {
		t.Run(c.name, func(t *testing.T) {
			l := lengths{calm: 200, horizon: 200}
			var runs [2][]outcome
			for i := range runs {
				var err error
				if runs[i], err = c.once(7, l, []string{"guard.window=2000", "guard.reference_after=500"}, false); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(runs[0], runs[1]) {
				t.Errorf("two runs of one seed: %+v", runs)
			}
			if (c.change == nil) != (c.kind == calm) {
				t.Errorf("kind %q does not fit", c.kind)
			}
		})
	}
}

func TestQuantile(t *testing.T) {
	delays := []int{10, 20, 30}
	for _, c := range []struct {
		n    int
		q    float64
		want int
	}{{3, .5, 20}, {4, .5, 30}, {4, .9, 0}, {10, .5, 0}} {
		if got := quantile(delays, c.n, c.q); got != c.want {
			t.Errorf("quantile %v of %d runs: %d, want %d", c.q, c.n, got, c.want)
		}
	}
}
