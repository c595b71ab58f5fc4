package drift

import (
	"math/rand/v2"
	"testing"
)

// A downward change shortens the window of an up-only ADWIN, without an alarm;
// an upward change after it is found as soon as by the two-sided detector.
func TestADWINUpOnly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	p := DefaultADWINParams()
	p.Mode = ModeUp
	d, err := NewADWIN(p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3_000 {
		mean := 3.0
		if i >= 2_000 {
			mean = 0
		}
		if d.Observe(mean+r.NormFloat64()) == Drift {
			t.Fatalf("alarm at %d, nothing rose", i)
		}
	}
	if d.width > 1_100 || d.width < 900 {
		t.Errorf("width %v: the window must hold the 1,000 values since the change", d.width)
	}
	for range 64 {
		if d.Observe(3+r.NormFloat64()) == Drift {
			return
		}
	}
	t.Error("a rise was not found within 64 values")
}
