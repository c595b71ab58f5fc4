package tune

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// fill sets everything in v to something that is not zero.
func fill(v reflect.Value, n *uint64) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 5))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Array, reflect.Pointer: // Views, which are a model's alone
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	default:
		v.SetUint(*n % 256)
	}
}

// TestLentEvents holds for all fields of an event, so that a new one cannot be forgotten:
// a learner gets all of it, and cannot write behind it.
func TestLentEvents(t *testing.T) {
	var want, got event.Event
	n := uint64(0)
	fill(reflect.ValueOf(&want).Elem(), &n)
	b := batch{events: []event.Event{want}, rejected: make([]*event.Rejection, 1)}
	roomy := &b.events[0]
	for _, v := range []reflect.Value{reflect.ValueOf(roomy).Elem(), reflect.ValueOf(&roomy.X).Elem()} {
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Slice {
				f.Grow(9)
			}
		}
	}
	p := player{batch: &b}
	if err := p.Decode(nil, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the event lacks a field (-want +got):\n%s", diff)
	}
	for _, v := range []reflect.Value{reflect.ValueOf(got), reflect.ValueOf(got.X)} {
		for i := range v.NumField() {
			if f := v.Field(i); f.Kind() == reflect.Slice && f.Cap() > f.Len() {
				t.Errorf("%s has room for %d more elements, which others may write to", v.Type().Field(i).Name, f.Cap()-f.Len())
			}
		}
	}
}

// TestPairsCoverage draws differences without a mean: in all but a share of
// alpha of the runs, the interval holds 0 at every block.
func TestPairsCoverage(t *testing.T) {
	const runs, events, alpha = 300, 64 * 300, 0.1
	wrong := 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 8))
		p := newPairs(2)
		values := [][]float64{make([]float64, 1), make([]float64, 1)}
		missed := false
		for e := range events {
			shared := r.ExpFloat64()
			values[0][0], values[1][0] = shared+r.ExpFloat64(), shared+r.ExpFloat64()
			p.add([]int{0, 1}, values, 0)
			if (e+1)%Block == 0 {
				c := p.compare(0, 1, alpha)
				missed = missed || c.Lo > 0 || c.Hi < 0
			}
		}
		if missed {
			wrong++
		}
	}
	if wrong > runs*alpha {
		t.Errorf("0 was excluded in %d of %d runs, at most %v are allowed", wrong, runs, runs*alpha)
	}
}

func TestPairsByHand(t *testing.T) {
	p := newPairs(3)
	live := []int{0, 1, 2}
	for block := range 20 {
		for e := range Block {
			d := float64(1 + block%2) // 1 in even blocks, 2 in odd ones
			values := [][]float64{{5}, {5 + d}, {5 - d}}
			p.add(live, values, 0)
			if e == 3 {
				p.add(live, [][]float64{{1e9}, {math.NaN()}, {0}}, 0) // one has refused it: it counts for nobody
			}
		}
	}
	a, b := p.compare(1, 0, 0.05), p.compare(0, 1, 0.05)
	if a.Blocks != 20 || math.Abs(a.Difference-1.5) > 1e-12 || math.Abs(a.Difference+b.Difference) > 1e-12 || math.Abs(a.Lo+b.Hi) > 1e-12 {
		t.Errorf("compare(1, 0) %+v, compare(0, 1) %+v", a, b)
	}
	sigma := math.Sqrt(20 * 0.25 / 19)
	if want := ope.AsymptoticHalfWidth(20, sigma, ope.TightestRho(tightBlocks, 0.05), 0.05); math.Abs(a.Hi-a.Lo-2*want) > 1e-12 {
		t.Errorf("width %v, want %v", a.Hi-a.Lo, 2*want)
	}
	if c := p.compare(2, 1, 0.05); math.Abs(c.Difference+3) > 1e-12 {
		t.Errorf("compare(2, 1) %+v", c)
	}
}

func TestCurve(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40_000).Draw(rt, "events")
		most := rapid.IntRange(1, 200).Draw(rt, "points")
		var c Curve
		for i := range n {
			c.Add(float64(i), 1)
		}
		window := c.Window(most)
		points := c.Points(window)
		if len(c.points) > maxWindows || len(points) > most || len(points) == 0 {
			rt.Fatalf("%d windows, %d points", len(c.points), len(points))
		}
		var begin uint64
		for i, p := range points {
			if i < len(points)-1 && p.Event != begin+window {
				rt.Fatalf("window %d ends at %d", i, p.Event)
			}
			if want := float64(begin+p.Event-1) / 2; math.Abs(p.Mean-want) > 1e-6*(1+want) {
				rt.Fatalf("events %d to %d: mean %v, want %v", begin, p.Event, p.Mean, want)
			}
			begin = p.Event
		}
		if uint64(n)-begin > window/2 {
			rt.Fatalf("the curve ends at %d of %d events", begin, n)
		}
	})
}

func TestCurveOfNothing(t *testing.T) {
	var c Curve
	if p := c.Points(c.Window(10)); p != nil {
		t.Errorf("points %v", p)
	}
	c.Add(1, 0)
	if p := c.Points(c.Window(10)); len(p) != 0 {
		t.Errorf("points without weight: %v", p)
	}
}

func TestSearch(t *testing.T) {
	for _, tc := range []struct {
		name   string
		search Search
		want   []string
		err    string
	}{
		{name: "grid", search: Search{Grid: []string{"a=1, 2", "b=x"}}, want: []string{"a=1 b=x", "a=2 b=x"}},
		{name: "values with commas", search: Search{Grid: []string{"a=x,y;z"}}, want: []string{"a=x,y", "a=z"}},
		{name: "listed", search: Search{Listed: [][]string{{"a=1"}}, Grid: []string{"b=1,2"}}, want: []string{"a=1", "b=1", "b=2"}},
		{name: "choice", search: Search{Sample: []string{"a=x"}, Random: 2}, want: []string{"a=x", "a=x"}},
		{name: "one whole number", search: Search{Sample: []string{"a=int:3..3"}, Random: 1}, want: []string{"a=3"}},
		{name: "both", search: Search{Grid: []string{"g=1,2"}, Sample: []string{"a=lin:7..7"}, Random: 1}, want: []string{"g=1 a=7", "g=2 a=7"}},
		{name: "nothing"},
		{name: "no value", search: Search{Grid: []string{"a"}}, err: "--grid a: must be key=value"},
		{name: "no key", search: Search{Grid: []string{"=1"}}, err: "must be key=value"},
		{name: "product", search: Search{Grid: []string{"a=1,2,3,4", "b=1,2,3,4"}}, err: "more than 10 configurations"},
		{name: "draws", search: Search{Sample: []string{"a=1"}, Random: 11}, err: "more than 10 configurations"},
		{name: "no number", search: Search{Sample: []string{"a=1"}}, err: "--sample a=1: needs --random N"},
		{name: "no sample", search: Search{Random: 3}, err: "needs --sample key=log:LOW..HIGH"},
		{name: "negative", search: Search{Random: -1}, err: "--random -1: must be a number"},
		{name: "bounds", search: Search{Random: 1, Sample: []string{"a=log:1-2"}}, err: "must be key=log:LOW..HIGH"},
		{name: "order", search: Search{Random: 1, Sample: []string{"a=lin:2..1"}}, err: "must not be above"},
		{name: "logarithm", search: Search{Random: 1, Sample: []string{"a=log:0..1"}}, err: "above 0"},
		{name: "whole", search: Search{Random: 1, Sample: []string{"a=int:0.5..1"}}, err: "whole numbers"},
		{name: "infinite", search: Search{Random: 1, Sample: []string{"a=lin:0..inf"}}, err: "finite"},
	} {
		tc.search.Maximum = 10
		sets, err := tc.search.Sets()
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: got %v, want %s", tc.name, err, tc.err)
			}
			continue
		}
		var got []string
		for _, s := range sets {
			got = append(got, strings.Join(s, " "))
		}
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, %v, want %q", tc.name, got, err, tc.want)
		}
	}
}

// TestDraws: the same seed draws the same numbers, inside of the bounds and,
// on a logarithmic scale, as many in every decade.
func TestDraws(t *testing.T) {
	s := Search{Sample: []string{"a=log:0.01..10", "b=int:1..3", "c=lin:-1..1"}, Random: 900, Maximum: 1000}
	first, err := s.Sets()
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Sets()
	if diff := cmp.Diff(first, again); diff != "" || err != nil {
		t.Errorf("the same seed drew otherwise (%v):\n%s", err, diff)
	}
	s.Seed = 1
	if other, err := s.Sets(); err != nil || cmp.Equal(first, other) {
		t.Errorf("another seed drew the same, %v", err)
	}
	decades, wholes := map[float64]int{}, map[string]int{}
	for _, set := range first {
		var a float64
		if err := json.Unmarshal([]byte(strings.TrimPrefix(set[0], "a=")), &a); err != nil || a < 0.01 || a > 10 {
			t.Fatalf("%s: %v", set[0], err)
		}
		decades[math.Floor(math.Log10(a))]++
		wholes[set[1]]++
	}
	for what, n := range decades {
		if n < 240 {
			t.Errorf("%d of 900 numbers in the decade %v", n, what)
		}
	}
	for what, n := range wholes {
		if n < 240 || len(wholes) != 3 {
			t.Errorf("%d of 900 are %s", n, what)
		}
	}
}

func TestCriteria(t *testing.T) {
	hit := &event.Step{Prediction: 0.8, Label: 1, Loss: 7}
	for name, want := range map[string]float64{"loss": 7, "log_loss": -math.Log(0.8), "error": 0} {
		c, err := CriterionOf(name, metric.Classification)
		if err != nil {
			t.Fatal(err)
		}
		if got := c(hit); math.Abs(got-want) > 1e-15 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	third := &event.Step{Prediction: 1, Class: 1, Label: 2, Probs: []float64{0.1, 0.6, 0.3}}
	for name, want := range map[string]float64{"log_loss": -math.Log(0.3), "error": 1} {
		c, err := CriterionOf(name, metric.MultiClass)
		if err != nil || math.Abs(c(third)-want) > 1e-15 {
			t.Errorf("%s of three classes: %v, want %v (%v)", name, c(third), want, err)
		}
	}
	far := &event.Step{Prediction: 5, Label: 2}
	for name, want := range map[string]float64{"squared_error": 9, "absolute_error": 3} {
		c, err := CriterionOf(name, metric.Regression)
		if err != nil || c(far) != want {
			t.Errorf("%s: %v, want %v (%v)", name, c(far), want, err)
		}
	}
	if _, err := CriterionOf("log_loss", metric.Regression); err == nil || !strings.Contains(err.Error(), "must be one of loss, squared_error") {
		t.Errorf("got %v", err)
	}
	wrong, err := CriterionOf("log_loss", metric.Classification)
	if err != nil || math.IsInf(wrong(&event.Step{Prediction: 1, Label: 0}), 0) {
		t.Error("a certain and wrong prediction costs infinitely much")
	}
}
