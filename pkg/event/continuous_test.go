package event

import (
	"errors"
	"math"
	"testing"
)

// A number and its density are read, with the bin of the number; what is out of bounds is refused with its reason.
func TestContinuous(t *testing.T) {
	s := Schema{Label: "r", Arm: "a", Arms: []string{"1", "3", "5", "7"}, Probability: "p", Continuous: []float64{0, 8, 1}}
	d, err := NewJSON(s, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := d.Decode([]byte(`{"x":1,"r":1,"a":4.5,"p":2.5}`), &e); err != nil || e.Value != 4.5 || e.Arm != 2 || e.Prob != 2.5 {
		t.Errorf("value %v, arm %d, density %v: %v", e.Value, e.Arm, e.Prob, err)
	}
	for record, reason := range map[string]Reason{
		`{"x":1,"r":1,"a":8.5,"p":1}`:   ArmUnknown,
		`{"x":1,"r":1,"a":-0.1,"p":1}`:  ArmUnknown,
		`{"x":1,"r":1,"a":"red","p":1}`: ArmUnknown,
		`{"x":1,"r":1,"p":1}`:           ArmUnknown,
		`{"x":1,"r":1,"a":4,"p":0}`:     PropensityInvalid,
		`{"x":1,"r":1,"a":4,"p":-1}`:    PropensityInvalid,
		`{"x":1,"r":1,"a":4,"p":"NaN"}`: PropensityInvalid,
		`{"x":1,"r":1,"a":4}`:           PropensityInvalid,
	} {
		var rej *Rejection
		if err := d.Decode([]byte(record), &e); !errors.As(err, &rej) || rej.Reason != reason {
			t.Errorf("%s: %v", record, err)
		}
	}
}

// FuzzContinuous: whatever a record says, what is accepted has a number of the interval, in its bin, with a density; both ways in which JSON decodes agree.
func FuzzContinuous(f *testing.F) {
	for _, s := range []string{
		`{"x":1,"r":1,"a":4.5,"p":2.5}`, `{"r":0,"a":"8","p":1e308}`, `{"r":0,"a":-0,"p":5e-324}`, `{"r":1,"a":8.000000000000001,"p":1}`, `{"r":1,"a":[4],"p":1}`,
		`{"r":1,"a":"NaN","p":"Inf"}`, `{"r":1,"a":1e999,"p":1e999}`, `{"r":1,"a":true,"p":null}`, `{"r":1,"a":1,"a":2,"p":1,"p":0}`, `{"r":1,"a":0x1,"p":-1}`,
	} {
		f.Add([]byte(s))
	}
	s := Schema{Label: "r", Arm: "a", Arms: []string{"1", "3", "5", "7"}, Probability: "p", Continuous: []float64{0, 8, 1}}
	d, err := NewJSON(s, true)
	if err != nil {
		f.Fatal(err)
	}
	var e Event
	f.Fuzz(func(t *testing.T, text []byte) {
		checkTree(t, d, text)
		if d.Decode(text, &e) != nil {
			return
		}
		if !(e.Value >= 0 && e.Value <= 8) || e.Arm != Bin(e.Value, 0, 8, 4) || !(e.Prob > 0 && e.Prob <= math.MaxFloat64) {
			t.Errorf("%q: value %v, arm %d, density %v", text, e.Value, e.Arm, e.Prob)
		}
	})
}
