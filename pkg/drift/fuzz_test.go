package drift

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

// machines are one detector of each kind, small enough that all of their
// phases come up within 1,500 events.
func machines(t testing.TB) map[string]machine {
	sequences := map[string]machine{}
	for name, d := range small(t) {
		sequences[name] = machine{d, d.Observe}
	}
	logistic, general := newScore(t, shortScore(ClipLogistic), 4), newScore(t, shortScore(ClipQuantile), 4)
	sequences["logistic"] = machine{logistic, func(x float64) Level { return logistic.Observe(x, x/2, -x, []uint16{0, 2}, []float64{x, 1}) }}
	vector, err := NewMEWMAVector(MEWMAParams{Lambda: .1, ARL: 2_000, Reference: 100}, 4)
	if err != nil {
		t.Fatal(err)
	}
	sequences["mewma vector"] = machine{vector, func(x float64) Level { return vector.ObserveScore(x, []uint16{0, 1, 3}, []float64{x, 1, -x}) }}
	sequences["general"] = machine{general, func(x float64) Level { return general.Observe(x, -x, x/3, []uint16{0, 3}, []float64{1, x}) }}
	return sequences
}

// small are the detectors on a sequence of numbers.
func small(t testing.TB) map[string]Detector {
	return map[string]Detector{
		"adwin":        made(t, NewADWIN, DefaultADWINParams()),
		"cusum":        made(t, NewCUSUM, DefaultCUSUMParams()),
		"cusum_frozen": made(t, NewFrozenCUSUM, DefaultFrozenCUSUMParams()),
		"ddm":          made(t, NewDDM, DefaultDDMParams()),
		"e_detector":   made(t, NewEDetector, EDetectorParams{ARL: 1_000, Block: 4, Reference: 200, Mode: ModeBoth}),
		"eddm":         made(t, NewEDDM, DefaultEDDMParams()),
		"hddm_a":       made(t, NewHDDMA, HDDMAParams{DriftConfidence: .001, WarningConfidence: .01, TwoSidedTest: true}),
		"hddm_w":       made(t, NewHDDMW, HDDMWParams{DriftConfidence: .001, WarningConfidence: .01, LambdaVal: .1, TwoSidedTest: true}),
		"kswin":        made(t, NewKSWIN, DefaultKSWINParams()),
		"mewma":        made(t, NewMEWMA, MEWMAParams{Lambda: .05, ARL: 2_000, Reference: 100}),
		"page_hinkley": made(t, NewPageHinkley, DefaultPageHinkleyParams()),
	}
}

func made[P any, D Detector](t testing.TB, construct func(P) (D, error), p P) Detector {
	d, err := construct(p)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

type machine struct {
	codec interface {
		AppendBinary([]byte) ([]byte, error)
		UnmarshalBinary([]byte) error
	}
	observe func(float64) Level
}

// Bytes that a detector accepts it can go on from: it stays finite, and its
// state is encoded as it was read.
func FuzzDecode(f *testing.F) {
	for name, m := range machines(f) {
		for i := range 1_400 {
			if i%350 == 0 {
				f.Add(name, encoded(f, m.codec))
			}
			m.observe(float64(i*i%17) - float64(i/1_200))
		}
		f.Add(name, encoded(f, m.codec))
	}
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		m, ok := machines(t)[name]
		if !ok {
			return
		}
		before := encoded(t, m.codec)
		if err := m.codec.UnmarshalBinary(b); err != nil {
			if !bytes.Equal(before, encoded(t, m.codec)) {
				t.Fatal("refused bytes changed the detector")
			}
			return
		}
		again := encoded(t, m.codec)
		if err := machines(t)[name].codec.UnmarshalBinary(again); err != nil {
			t.Fatalf("its own encoding is refused: %v", err)
		}
		for i := range 120 {
			m.observe(float64(i % 5))
		}
		if err := machines(t)[name].codec.UnmarshalBinary(encoded(t, m.codec)); err != nil {
			t.Fatalf("not finite after 120 events: %v", err)
		}
	})
}

// Whatever finite numbers come, every detector stays finite, and one that was
// encoded and decoded on the way ends in the same bytes.
func FuzzObserve(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, uint16(600))
	extremes := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1e300))
	extremes = binary.LittleEndian.AppendUint64(extremes, math.Float64bits(-math.MaxFloat64))
	extremes = binary.LittleEndian.AppendUint64(extremes, math.Float64bits(5e-324))
	f.Add(extremes, uint16(1_100))
	f.Fuzz(func(t *testing.T, raw []byte, cut uint16) {
		var xs []float64
		for ; len(raw) >= 8; raw = raw[8:] {
			if x := math.Float64frombits(binary.LittleEndian.Uint64(raw)); !math.IsNaN(x) && !math.IsInf(x, 0) {
				xs = append(xs, x)
			}
		}
		if len(xs) == 0 {
			return
		}
		resumed := machines(t)
		for name, m := range machines(t) {
			for i := range 1_500 {
				x := xs[i*i%len(xs)]
				if i%3 == 0 {
					x = float64(i % 7)
				}
				if i == int(cut)%1_500 {
					if err := resumed[name].codec.UnmarshalBinary(encoded(t, m.codec)); err != nil {
						t.Fatalf("%s at %d: %v", name, i, err)
					}
				}
				level := m.observe(x)
				if i >= int(cut)%1_500 && resumed[name].observe(x) != level {
					t.Fatalf("%s at %d: another level after decoding", name, i)
				}
			}
			if !bytes.Equal(encoded(t, m.codec), encoded(t, resumed[name].codec)) {
				t.Fatalf("%s: another state after decoding", name)
			}
		}
	})
}
