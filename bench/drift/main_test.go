package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
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

// The picture shows the detectors of the rows that the tables are made of, and refuses rows without its cases.
func TestDrawStudy(t *testing.T) {
	var rows []row
	for i, name := range append([]string{guardName}, besideNames()...) {
		for _, c := range pairs() {
			rows = append(rows, row{Case: c.calm, Kind: calm, Detector: name, Rate: float64(i) * 3}, row{Case: c.change, Kind: changed, Detector: name, Median: 100 * i})
		}
	}
	file := filepath.Join(t.TempDir(), "study.svg")
	if err := drawStudy(file, rows); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append(besideNames(), guardName, "not found", "AR .98, square missing") {
		if !strings.Contains(string(svg), want) {
			t.Errorf("no %q in the picture", want)
		}
	}
	if err := drawStudy(file, rows[:1]); err == nil {
		t.Error("a picture of nothing")
	}
	known := studies()
	for _, c := range pairs() {
		for _, name := range []string{c.calm, c.change} {
			if !slices.ContainsFunc(known, func(s study) bool { return s.name == name }) {
				t.Errorf("the picture asks for %q, which is no case", name)
			}
		}
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
