package event

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
)

// times is the product of features as the package comment defines it.
func times(parts ...Feature) Feature {
	slices.SortFunc(parts, func(a, b Feature) int {
		if a.Hash < b.Hash {
			return -1
		}
		return 1
	})
	out := Feature{Value: 1}
	var name []byte
	for _, p := range parts {
		name = binary.LittleEndian.AppendUint64(name, p.Hash)
		out.Value *= p.Value
		out.Field += p.Field
	}
	out.Hash = xxhash.Sum64(name)
	return out
}

func TestCross(t *testing.T) {
	const record = `{"c":"DE","m":"shop","tags":["x","y"],"n":3,"k":-2,"zero":0,"geo":{"lat":5,"lon":7}}`
	c, m, x, y := cat("c=DE"), cat("m=shop"), cat("tags=x"), cat("tags=y")
	n, k, lat, lon := num("n", 3), num("k", -2), num("geo.lat", 5), num("geo.lon", 7)
	for _, test := range []struct {
		name  string
		cross [][]string
		want  []Feature
	}{
		{"categories", [][]string{{"c", "m"}}, []Feature{times(c, m)}},
		{"the order of fields does not matter", [][]string{{"m", "c"}}, []Feature{times(c, m)}},
		{"numbers", [][]string{{"n", "k"}}, []Feature{times(n, k)}},
		{"number and category", [][]string{{"c", "n"}}, []Feature{times(c, n)}},
		{"a product of 0 is left out", [][]string{{"zero", "c"}, {"zero", "n"}}, nil},
		{"a bag", [][]string{{"c", "tags"}}, []Feature{times(c, x), times(c, y)}},
		{"pairs of a bag", [][]string{{"tags", "tags"}}, []Feature{times(x, y)}},
		{"a field has no square", [][]string{{"n", "n"}}, nil},
		{"triple", [][]string{{"c", "m", "n"}}, []Feature{times(c, m, n)}},
		{"four", [][]string{{"c", "m", "n", "k"}}, []Feature{times(c, m, n, k)}},
		{"fields below", [][]string{{"geo", "c"}}, []Feature{times(c, lat), times(c, lon)}},
		{"prefix twice", [][]string{{"geo.*", "geo.*"}}, []Feature{times(lat, lon)}},
		{"the longest entry decides", [][]string{{"geo.lat", "geo.*"}}, []Feature{times(lat, lon)}},
		{"one with all others", [][]string{{"c", "*"}}, []Feature{times(c, m), times(c, x), times(c, y), times(c, n), times(c, k), times(c, lat), times(c, lon)}},
		{"two crosses", [][]string{{"c", "m"}, {"c", "n"}}, []Feature{times(c, m), times(c, n)}},
		{"an absent field", [][]string{{"c", "absent"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := NewJSON(Schema{Cross: test.cross}, false)
			if err != nil {
				t.Fatal(err)
			}
			var e Event
			if err := d.Decode([]byte(record), &e); err != nil {
				t.Fatal(err)
			}
			want := Vector{Sparse: slices.Concat([]Feature{c, m, x, y}, test.want)}
			if diff := cmp.Diff(fingerprint(&want), fingerprint(&Vector{Sparse: e.X.Sparse})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if n := len(e.Plain()); n != 4 {
				t.Errorf("%d features before the products, want 4", n)
			}
		})
	}
}

// All pairs and triples of 6 features, each once, whatever the order of the record.
func TestCrossOfEverything(t *testing.T) {
	var features []Feature
	for i := range 6 {
		features = append(features, num(fmt.Sprint("f", i), float64(i+1)))
	}
	var pairs, triples []Feature
	for i, a := range features {
		for j, b := range features[:i] {
			pairs = append(pairs, times(a, b))
			for _, c := range features[:j] {
				triples = append(triples, times(a, b, c))
			}
		}
	}
	for _, c := range []struct {
		cross []string
		want  []Feature
	}{{[]string{"*", "*"}, pairs}, {[]string{"f*", "f*", "f*"}, triples}} {
		d, err := NewJSON(Schema{Cross: [][]string{c.cross}}, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range []string{`{"f0":1,"f1":2,"f2":3,"f3":4,"f4":5,"f5":6}`, `{"f5":6,"f3":4,"f1":2,"f0":1,"f4":5,"f2":3}`} {
			var e Event
			if err := d.Decode([]byte(record), &e); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fingerprint(&Vector{Sparse: c.want}), fingerprint(&Vector{Sparse: e.X.Sparse})); diff != "" {
				t.Errorf("%q: (-want +got)\n%s", c.cross, diff)
			}
		}
	}
}

// Text formats cross namespaces.
func TestCrossOfTextFormats(t *testing.T) {
	vw, err := NewVW(Schema{Cross: [][]string{{"u^*", "i^*"}}, Exclude: []string{"u^x"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := hot("u^a", 1), hot("i^b", 2), hot("i^c", 1)
	wantEvent(t, vw, `1 |u a x |i b:2 c`, &Event{Weight: 1, Label: 1, Labelled: true, X: Vector{Sparse: []Feature{a, b, c, times(a, b), times(a, c)}}, Products: 2})
	wantEvent(t, vw, `1 |u x |i b:2`, &Event{Weight: 1, Label: 1, Labelled: true, X: Vector{Sparse: []Feature{b}}})
	object, err := NewVWJSON(Schema{Cross: [][]string{{"u^*", "i^*"}}, Exclude: []string{"u^x"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	wantEvent(t, object, `{"_label":1,"u":{"a":1,"x":1},"i":{"b":2,"c":1}}`, &Event{Weight: 1, Label: 1, Labelled: true, X: Vector{Sparse: []Feature{a, b, c, times(a, b), times(a, c)}}, Products: 2})
	svm, err := NewLibSVM(Schema{Cross: [][]string{{"3", "*"}}}, true)
	if err != nil {
		t.Fatal(err)
	}
	p, q, r := at("3", 2), at("4", 5), at("7", 1)
	wantEvent(t, svm, `1 4:5 3:2 7:1`, &Event{Weight: 1, Label: 1, Labelled: true, X: Vector{Sparse: []Feature{q, p, r, times(p, q), times(p, r)}}, Products: 2})
}

func TestCrossLimits(t *testing.T) {
	d, err := NewJSON(Schema{Cross: [][]string{{"*", "*"}}, MaxFeatures: 6}, false)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := d.Decode([]byte(`{"a":1,"b":2,"c":3}`), &e); err != nil || e.X.Len() != 6 {
		t.Errorf("%d features, %v; want 3 and their 3 pairs", e.X.Len(), err)
	}
	wantRejection(t, d.Decode([]byte(`{"a":1,"b":2,"c":3,"d":4}`), &e), TooManyFeatures, "")
	wantRejection(t, d.Decode([]byte(`{"a":1e200,"b":-1e200}`), &e), NonFinite, "")
}
