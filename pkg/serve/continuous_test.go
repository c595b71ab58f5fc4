package serve_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// fares is a schema of prices from 5 to 25.
func fares() event.Schema {
	s := shop
	s.Arms, s.Continuous, s.Eligible, s.Actions = []string{"7.5", "12.5", "17.5", "22.5"}, []float64{5, 25, 1}, "", ""
	return s
}

func fareModel(t testing.TB) []byte {
	t.Helper()
	c := bandit.Default()
	c.Policy, c.ValueMin, c.ValueMax, c.Bins, c.Baseline = bandit.Cats, 5, 25, 4, "9.5"
	m, err := bandit.New(c)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := event.NewJSON(fares(), true)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for i := range 200 {
		price := 5 + float64(i*7%200)/10
		paid := 0
		if price < 14 {
			paid = 1
		}
		if err := decoder.Decode(fmt.Appendf(nil, `{"context":{"hour":%d},"arm":%v,"p":0.05,"reward":%d}`, i%24, price, paid), &e); err != nil {
			t.Fatal(err)
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A number is chosen with its density, and the learner reads both from what is logged. In the modes shadow and baseline it is the
// baseline, and Fallback chooses one without a model.
func TestChooseNumber(t *testing.T) {
	b := fareModel(t)
	policy, err := bandit.OpenPolicy(b)
	if err != nil {
		t.Fatal(err)
	}
	learned, err := event.NewJSON(fares(), true)
	if err != nil {
		t.Fatal(err)
	}
	logged := func(d *serve.Decision) (e event.Event) {
		t.Helper()
		record := d.AppendJSON(nil)
		if err := learned.Decode(bytes.Replace(record, []byte("{"), []byte(`{"reward":1,`), 1), &e); err != nil {
			t.Fatalf("%s: %v", record, err)
		}
		if !d.Continuous || e.Value != d.Value || e.Prob != d.Prob || d.Arm >= 0 && e.Arm != d.Arm {
			t.Errorf("%s is read as %+v of %+v", record, e, d)
		}
		return e
	}
	r := visit
	r.Actions = nil
	var d serve.Decision
	online := shopClient(t, serve.Options{}, fares(), b)
	near := 0
	for i := range 200 {
		r.ID = fmt.Sprint("d-", i)
		if err := online.Choose(&d, &r); err != nil {
			t.Fatal(err)
		}
		e := logged(&d)
		if v, arm, density := policy.Value(&e); v != d.Value || arm != d.Arm || density != d.Prob || len(d.PMF) != 4 {
			t.Fatalf("%+v, the policy chooses %v with density %v", d, v, density)
		}
		if d.Value < 14 {
			near++
		}
	}
	if near < 170 {
		t.Errorf("%d of 200 prices are among those that are paid", near)
	}
	for mode, asked := range map[serve.Mode]bool{serve.Shadow: true, serve.Baseline: false} {
		c := shopClient(t, serve.Options{Mode: mode}, fares(), b)
		for named, want := range map[string]float64{"": 9.5, "24.5": 24.5} {
			r.Baseline = named
			if err := c.Choose(&d, &r); err != nil {
				t.Fatal(err)
			}
			from, to := event.Window(want, 5, 25, 1)
			if e := logged(&d); e.Value != want || math.Abs(e.Prob*(to-from)-1) > 1e-15 || (len(d.PMF) > 0) != asked {
				t.Errorf("%s, baseline %q: %+v", mode, named, d)
			}
		}
		for _, named := range []string{"a", "4.9", "NaN"} {
			r.Baseline = named
			if err := c.Choose(&d, &r); !errors.Is(err, serve.ErrNoArm) || !strings.Contains(err.Error(), "must be a number from 5 to 25") {
				t.Errorf("%s, baseline %q: %v", mode, named, err)
			}
		}
	}
	empty, err := serve.Open(t.Context(), serve.Options{Store: state.NewMem(), Model: "shop", Schema: fares()})
	if err != nil {
		t.Fatal(err)
	}
	if r.Baseline = "12"; empty.Fallback(&d, &r) != nil || logged(&d).Prob != 0.5 {
		t.Errorf("without a model: %+v", d)
	}
	if r.Baseline = "red"; !errors.Is(empty.Fallback(&d, &r), serve.ErrNoArm) {
		t.Error("a baseline that is no number is chosen")
	}
}
