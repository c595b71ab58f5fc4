package event

import (
	"errors"
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
