package event

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMissing(t *testing.T) {
	s := Schema{Missing: []string{"n", "c", "o.p", "m", "t"}, Numeric: []string{"m"}, Text: []string{"t"}}
	d, err := NewJSON(s, false)
	if err != nil {
		t.Fatal(err)
	}
	gone := func(path string) Feature { f := cat(path + "?"); f.Field = cat(path).Field; return f }
	for _, c := range []struct {
		name, record  string
		dense, sparse []Feature
	}{
		{"all there", `{"n":0,"c":"","o":{"p":false},"m":"7","t":"x"}`, []Feature{num("n", 0), num("m", 7)}, []Feature{cat("c="), cat("o.p=false"), cat("t=x")}},
		{"all absent", `{}`, nil, []Feature{gone("n"), gone("c"), gone("o.p"), gone("m"), gone("t")}},
		{"null, empty and without words", `{"n":null,"c":null,"o":null,"m":" ","t":"?"}`, nil, []Feature{gone("n"), gone("c"), gone("o.p"), gone("m"), gone("t")}},
		{"objects and arrays are there", `{"n":{"a":1},"c":[],"o":{"p":[]},"m":{},"t":["x"]}`, []Feature{num("n.a", 1)}, []Feature{cat("t=x")}},
		{"one", `{"n":1,"c":"x","o":{"q":1},"m":2,"t":"x"}`, []Feature{num("n", 1), num("o.q", 1), num("m", 2)}, []Feature{cat("c=x"), cat("t=x"), gone("o.p")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantEvent(t, d, c.record, &Event{Weight: 1, X: Vector{Dense: c.dense, Sparse: c.sparse}})
		})
	}
	csv, err := NewCSV(Schema{Label: "y", Missing: []string{"a", "b"}}, []string{"y", "a", "b"}, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	wantEvent(t, csv, `1,,2`, &Event{Weight: 1, Label: 1, Labelled: true, X: Vector{Dense: []Feature{num("b", 2)}, Sparse: []Feature{gone("a")}}})
	wantEvent(t, csv, `1, ,`, &Event{Weight: 1, Label: 1, Labelled: true, X: Vector{Sparse: []Feature{gone("a"), gone("b")}}})
}

func TestLog1p(t *testing.T) {
	d, err := NewJSON(Schema{Log1p: []string{"n*"}, Numeric: []string{"nt"}, Cross: [][]string{{"n", "c"}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := d.Decode([]byte(`{"n":1,"n2":[0,-3,1e300],"nt":"1e-9","nc":"7","c":"x","m":9}`), &e); err != nil {
		t.Fatal(err)
	}
	want := Vector{
		Dense:  []Feature{num("n", math.Ln2), num("n2.0", 0), num("n2.1", -math.Log(4)), num("n2.2", 300*math.Ln10), num("nt", math.Log1p(1e-9)), num("m", 9)},
		Sparse: []Feature{cat("nc=7"), cat("c=x"), times(num("n", math.Ln2), cat("c=x"))},
	}
	if diff := cmp.Diff(want, e.X, cmpopts.EquateApprox(1e-15, 0)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	wantRejection(t, d.Decode([]byte(`{"n":1e999}`), &e), NonFinite, "n")
}

func TestCyclic(t *testing.T) {
	d, err := NewJSON(Schema{Time: "ts", Cyclic: []string{"ts", "due"}, Missing: []string{"due"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	clock := func(path string, day, week float64) []Feature {
		var out []Feature
		for i, name := range []string{"#hour_sin", "#hour_cos", "#weekday_sin", "#weekday_cos"} {
			f := num(path+name, 0)
			f.Field = cat(path).Field
			turn := [...]float64{day, week}[i/2]
			f.Value = [...]float64{math.Sin(2 * math.Pi * turn), math.Cos(2 * math.Pi * turn)}[i%2]
			out = append(out, f)
		}
		return out
	}
	gone := cat("due?")
	gone.Field = cat("due").Field
	for _, c := range []struct {
		name, record string
		time         int64
		want         Vector
	}{
		{"a Monday's midnight", `{"ts":"2026-11-23T00:00:00Z"}`, 1795392000000, Vector{Dense: clock("ts", 0, 0), Sparse: []Feature{gone}}},
		{"Thursday noon, by its offset", `{"ts":"2026-11-26T14:00:00+02:00"}`, 1795694400000, Vector{Dense: clock("ts", 0.5, 0.5), Sparse: []Feature{gone}}},
		{"1970", `{"ts":0}`, 0, Vector{Dense: clock("ts", 0, 3./7), Sparse: []Feature{gone}}},
		{"before", `{"ts":-21600}`, -21600000, Vector{Dense: clock("ts", 0.75, 2.75/7), Sparse: []Feature{gone}}},
		{"two", `{"ts":0,"due":"1970-01-04T15:00:00Z"}`, 0, Vector{Dense: append(clock("ts", 0, 3./7), clock("due", 0.625, 6.625/7)...)}},
		{"null and empty", `{"ts":null,"due":"","a":1}`, 0, Vector{Dense: []Feature{num("a", 1)}, Sparse: []Feature{gone}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e Event
			if err := d.Decode([]byte(c.record), &e); err != nil {
				t.Fatal(err)
			}
			if e.Time != c.time {
				t.Errorf("time %d, want %d", e.Time, c.time)
			}
			if diff := cmp.Diff(c.want, e.X, cmpopts.EquateApprox(0, 1e-15), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	var e Event
	wantRejection(t, d.Decode([]byte(`{"ts":"noon","a":1}`), &e), TimeInvalid, "ts")
	wantRejection(t, d.Decode([]byte(`{"due":true,"a":1}`), &e), TimeInvalid, "due")
	wantRejection(t, d.Decode([]byte(`{"due":[1],"a":1}`), &e), TimeInvalid, "due")
}

// sinCos is that of the standard library but for the rounding of its angle, and exact where the
// circle meets the axes.
func TestSinCos(t *testing.T) {
	for ms := int64(0); ms < dayMillis; ms += 9_999 {
		sin, cos := sinCos(ms, dayMillis)
		near := ms
		if ms > dayMillis/2 {
			near -= dayMillis
		}
		x := 2 * math.Pi * float64(near) / dayMillis
		if math.Abs(sin-math.Sin(x)) > 1e-15 || math.Abs(cos-math.Cos(x)) > 1e-15 {
			t.Fatalf("%d ms: %v, %v; want %v, %v", ms, sin, cos, math.Sin(x), math.Cos(x))
		}
	}
	for i, want := range [][2]float64{{0, 1}, {1, 0}, {0, -1}, {-1, 0}} {
		if sin, cos := sinCos(int64(i)*weekMillis/4, weekMillis); sin != want[0] || cos != want[1] {
			t.Errorf("%d quarters: %v, %v; want %v", i, sin, cos, want)
		}
	}
}
