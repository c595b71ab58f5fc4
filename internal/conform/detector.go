package conform

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/drift"
)

// Detector runs the rules that a drift.Detector must keep. create returns a
// detector in its initial state, with parameters that arm it within 10,000
// values and make it report a rise of the mean.
func Detector(t *testing.T, name string, create func() drift.Detector) {
	t.Helper()
	for rule, test := range map[string]func(*testing.T, func() drift.Detector){
		"FindsARise":         testFindsARise,
		"Resumes":            testDetectorResumes,
		"Resets":             testResets,
		"StaysFinite":        testStaysFinite,
		"DoesNotAllocate":    testDetectorAllocations,
		"RefusesDamagedData": testDetectorDamage,
	} {
		t.Run(name+"/"+rule, func(t *testing.T) { test(t, create) })
	}
}

const (
	calm  = 12_000 // values with a small mean
	risen = 3_000  // values with a large one
)

// wave is a sequence of zeros and ones, which every detector accepts: their
// mean is .1, then .9, and so on.
func wave() []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := []float64{}
	for i := range 2 * (calm + risen) {
		p := .1
		if i%(calm+risen) >= calm {
			p = .9
		}
		x := 0.0
		if rng.Float64() < p {
			x = 1
		}
		out = append(out, x)
	}
	return out
}

func testFindsARise(t *testing.T, create func() drift.Detector) {
	d := create()
	before, found, last := 0, false, drift.Stable
	for i, x := range wave()[:calm+risen] {
		l := d.Observe(x)
		if l > drift.Drift {
			t.Fatalf("level %d", uint8(l))
		}
		if l == drift.Drift && last == drift.Drift {
			t.Errorf("two alarms in a row at %d: the detector has not re-armed", i)
		}
		if l == drift.Drift {
			found = found || i >= calm
			if i < calm {
				before++
			}
		}
		last = l
	}
	if !found {
		t.Error("a rise of the mean from .1 to .9 was not found")
	}
	if before > calm/1_000 {
		t.Errorf("%d alarms in %d stationary values", before, calm)
	}
}

// A detector that was encoded and decoded anywhere goes on like one that was not.
func testDetectorResumes(t *testing.T, create func() drift.Detector) {
	xs := wave()
	whole := create()
	var want []drift.Level
	for _, x := range xs {
		want = append(want, whole.Observe(x))
	}
	end := encodeDetector(t, whole)

	cuts := []int{0, 1, 31, calm, calm + 100, len(xs) - 1}
	for i, l := range want {
		if l == drift.Drift && len(cuts) < 12 {
			cuts = append(cuts, i, i+1)
		}
	}
	for _, cut := range cuts {
		first := create()
		for _, x := range xs[:cut] {
			first.Observe(x)
		}
		b := encodeDetector(t, first)
		second := create()
		for _, x := range xs[:calm+17] { // what it held before must leave no trace
			second.Observe(x)
		}
		if err := second.UnmarshalBinary(b); err != nil {
			t.Fatalf("decoding after %d values: %v", cut, err)
		}
		if again := encodeDetector(t, second); !bytes.Equal(b, again) {
			t.Fatalf("after %d values: decoding and encoding changes the bytes", cut)
		}
		for i, x := range xs[cut:] {
			if l := second.Observe(x); l != want[cut+i] {
				t.Fatalf("resumed after %d values: level %v at %d, %v without the interruption", cut, l, cut+i, want[cut+i])
			}
		}
		if !bytes.Equal(end, encodeDetector(t, second)) {
			t.Errorf("resumed after %d values: another state at the end", cut)
		}
	}
}

func testResets(t *testing.T, create func() drift.Detector) {
	fresh, d := encodeDetector(t, create()), create()
	for i, x := range wave() {
		d.Observe(x)
		if i == 7 || i == calm-5 || i == calm+risen-3 {
			d.Reset()
			if !bytes.Equal(fresh, encodeDetector(t, d)) {
				t.Fatalf("after %d values: Reset does not return to the initial state", i+1)
			}
		}
	}
}

func testStaysFinite(t *testing.T, create func() drift.Detector) {
	extremes := []float64{
		0, math.MaxFloat64, -math.MaxFloat64, 1e300, -1e300, 1e154, -1e154, 1, -1,
		math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 1e-300, math.Copysign(0, -1),
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, calmBefore := range []int{0, calm} {
		d := create()
		for _, x := range wave()[:calmBefore] {
			d.Observe(x)
		}
		for i := range 25_000 {
			d.Observe(extremes[rng.IntN(len(extremes))])
			if i%1_000 == 0 {
				requireFinite(t, d, create)
			}
		}
		requireFinite(t, d, create)
	}
}

// requireFinite encodes d and decodes it, which fails on numbers that are not finite.
func requireFinite(t *testing.T, d drift.Detector, create func() drift.Detector) {
	t.Helper()
	if err := create().UnmarshalBinary(encodeDetector(t, d)); err != nil {
		t.Fatalf("the state after extreme values cannot be decoded: %v", err)
	}
	if s, ok := d.(interface{ Statistic() float64 }); ok {
		if v := s.Statistic(); math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("statistic %v", v)
		}
	}
}

func testDetectorAllocations(t *testing.T, create func() drift.Detector) {
	d, xs := create(), wave()
	if n := testing.AllocsPerRun(1, func() {
		for _, x := range xs {
			d.Observe(x)
		}
	}); n != 0 {
		t.Errorf("%v allocations in %d values", n, len(xs))
	}
}

func testDetectorDamage(t *testing.T, create func() drift.Detector) {
	xs := wave()
	for _, n := range []int{0, 40, calm + 3} {
		d := create()
		for _, x := range xs[:n] {
			d.Observe(x)
		}
		good := encodeDetector(t, d)
		damaged := [][]byte{append(slices.Clone(good), 0)}
		for i := 0; i < len(good); i += 1 + len(good)/200 {
			damaged = append(damaged, good[:i])
		}
		victim := create()
		for _, x := range xs[:100] {
			victim.Observe(x)
		}
		before := encodeDetector(t, victim)
		for _, b := range damaged {
			if err := victim.UnmarshalBinary(b); !errors.Is(err, wire.ErrCorrupt) {
				t.Fatalf("%d of %d bytes: error %v does not wrap ErrCorrupt", len(b), len(good), err)
			}
			if !bytes.Equal(before, encodeDetector(t, victim)) {
				t.Fatalf("%d of %d bytes were refused and yet changed the detector", len(b), len(good))
			}
		}
	}
}

func encodeDetector(t *testing.T, d drift.Detector) []byte {
	t.Helper()
	b, err := d.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
