package main

import (
	"bytes"
	"encoding/json"
	"image/png"
	"regexp"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/picture"
	"github.com/streamlearner/streamlearner/internal/tune"
	"github.com/streamlearner/streamlearner/pkg/event"
)

var sumField = regexp.MustCompile(`"params_sha256": "([0-9a-f]{64})"`)

// sumsIn checks that all parameter sums in the second file are in the first one.
func sumsIn(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sums FILE FILE")
	}
	sums := func(file string) (out []string) {
		for _, m := range sumField.FindAllStringSubmatch(ts.ReadFile(file), -1) {
			out = append(out, m[1])
		}
		if len(out) == 0 {
			ts.Fatalf("%s has no params_sha256", file)
		}
		return out
	}
	all := sums(args[0])
	missing := slices.ContainsFunc(sums(args[1]), func(s string) bool { return !slices.Contains(all, s) })
	if missing != neg {
		ts.Fatalf("all sums of %s in %s: %v", args[1], args[0], !missing)
	}
}

// TestTuneElec2 tunes on real events: the ranking is by loss, and the winner
// is what replay says of it alone.
func TestTuneElec2(t *testing.T) {
	const file = "../../../shared/data/streams/elec2_8feat.txt.gz"
	var out, errs bytes.Buffer
	p := program{in: bytes.NewReader(nil), out: &out, err: &errs}
	args := []string{"replay", "--json", "--label", "class", "--grid", "learner.optimizer=nag,adagrad", "--grid", "learner.rate=0.1,1,3", file}
	if code := p.run(t.Context(), args); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var r tuneReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Configurations) != 6 || r.Events != 45_312 || r.Best == nil {
		t.Fatalf("%d configurations over %d events", len(r.Configurations), r.Events)
	}
	if !slices.IsSortedFunc(r.Configurations, func(a, b configurationReport) int {
		if *a.Loss < *b.Loss {
			return -1
		}
		return 1
	}) {
		t.Error("the configurations are not in the order of their loss")
	}
	single := replayed(t, "streams/elec2_8feat.txt.gz", "--label", "class",
		"--set", "learner.optimizer="+r.Best.Set["learner.optimizer"], "--set", "learner.rate="+r.Best.Set["learner.rate"])
	if single.Params != r.Best.Params || *single.Loss != *r.Best.Loss || *single.Metrics.ROCAUC != *r.Best.Metrics.ROCAUC || len(single.Freezes) != len(r.Best.Freezes) {
		t.Errorf("the best one is %+v, alone it is %+v", r.Best, single)
	}
}

// TestDrawnPNG looks at a picture: it has the size it should, and ink of every curve.
func TestDrawnPNG(t *testing.T) {
	curve := func(level float64) *tune.Account {
		a := tune.NewAccount(metric.Regression, func(s *event.Step) float64 { return s.Loss })
		for range 1000 {
			a.Curve.Add(level, 1)
		}
		return a
	}
	frozen := curve(2)
	frozen.Freezes = []tune.Freeze{{Event: 500}}
	p, legend, err := lossPicture("title", "loss", []drawn{{label: "a", account: curve(1)}, {label: "b", account: frozen}, {label: "c", account: curve(3), dropped: true}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := picture.Render(&b, ".png", p, legend); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size.X != 1440 || size.Y != 792 {
		t.Errorf("size %v, want 1440 x 792", size)
	}
	ink := map[[3]uint32]int{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			r, g, bl, _ := picture.At(x, y).RGBA()
			ink[[3]uint32{r >> 8, g >> 8, bl >> 8}]++
		}
	}
	for i, c := range palette[:3] {
		if n := ink[[3]uint32{uint32(c.R), uint32(c.G), uint32(c.B)}]; n < 500 {
			t.Errorf("curve %d has %d pixels of its colour", i, n)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, tc := range []struct {
		lo, hi float64
		want   []string
	}{
		{0, 45_312, []string{"0", "10\u202f000", "20\u202f000", "30\u202f000", "40\u202f000"}},
		{0.12, 0.7, []string{"0.2", "0.3", "0.4", "0.5", "0.6", "0.7"}},
		{-1, 1, []string{"-1.0", "-0.5", "0.0", "0.5", "1.0"}},
		{-0.3, 1, []string{"-0.2", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{3, 3, nil},
	} {
		var got []string
		for _, tick := range (picture.Ticks{About: 8}).Ticks(tc.lo, tc.hi) {
			got = append(got, tick.Label)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("from %v to %v: %q, want %q", tc.lo, tc.hi, got, tc.want)
		}
	}
}
