package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

// reference flattens what encoding/json makes of a record, by the rules that
// JSON documents and in the simplest way.
type reference struct {
	dense  map[string]float64
	sparse []Feature
	taken  map[string]bool
	finite bool
	depth  int
}

func (r *reference) walk(path string, v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		r.depth = max(r.depth, depth)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			p := path + "." + k
			if depth == 1 {
				p = k
			}
			_, isObject := v[k].(map[string]any)
			if r.taken[p] {
				r.measure(v[k], depth+1)
				continue
			}
			r.taken[p] = v[k] != nil && !isObject
			r.walk(p, v[k], depth+1)
		}
	case []any:
		r.depth = max(r.depth, depth)
		for i, x := range v {
			p := path
			switch x.(type) {
			case string, bool:
			default:
				p += "." + strconv.Itoa(i)
				if r.taken[p] {
					r.measure(x, depth+1)
					continue
				}
				_, isObject := x.(map[string]any)
				r.taken[p] = x != nil && !isObject
			}
			r.walk(p, x, depth+1)
		}
	case json.Number:
		f, err := strconv.ParseFloat(string(v), 64)
		r.finite = r.finite && err == nil
		r.dense[path] = f
	case string:
		r.category(path, v)
	case bool:
		r.category(path, strconv.FormatBool(v))
	}
}

func (r *reference) category(path, text string) {
	r.sparse = append(r.sparse, Feature{xxhash.Sum64String(path + "=" + text), 1, uint32(xxhash.Sum64String(path))})
}

// measure only takes the depth of a value that does not count.
func (r *reference) measure(v any, depth int) {
	switch v := v.(type) {
	case map[string]any:
		r.depth = max(r.depth, depth)
		for _, x := range v {
			r.measure(x, depth+1)
		}
	case []any:
		r.depth = max(r.depth, depth)
		for _, x := range v {
			r.measure(x, depth+1)
		}
	}
}

// fingerprint lists the features of a vector in an order of its own.
func fingerprint(v *Vector) []string {
	var out []string
	for _, f := range v.Dense {
		out = append(out, fmt.Sprintf("dense %016x %08x %016x", f.Hash, f.Field, math.Float64bits(f.Value)))
	}
	for _, f := range v.Sparse {
		out = append(out, fmt.Sprintf("sparse %016x %08x %016x", f.Hash, f.Field, math.Float64bits(f.Value)))
	}
	slices.Sort(out)
	return out
}

func (r *reference) fingerprint() []string {
	v := Vector{Sparse: r.sparse}
	for path, x := range r.dense {
		v.Dense = append(v.Dense, num(path, x))
	}
	return fingerprint(&v)
}

// parse reads text as encoding/json reads it into a map; nil when it does not.
func parse(text []byte) map[string]any {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var root map[string]any
	if err := dec.Decode(&root); err != nil {
		return nil
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil
	}
	return root
}

// fatal is what a check needs of *testing.T and *rapid.T.
type fatal interface {
	Helper()
	Fatalf(string, ...any)
}

// checkParity fails unless the decoder and encoding/json read text alike.
func checkParity(t fatal, d *JSON, text []byte) {
	t.Helper()
	var e Event
	err := d.Decode(text, &e)
	var rejection *Rejection
	if err != nil && !errors.As(err, &rejection) {
		t.Fatalf("%q: error of type %T", text, err)
	}
	root := parse(text)
	if root == nil {
		if rejection == nil || rejection.Reason != Syntax && rejection.Reason != TooDeep && rejection.Reason != TooManyFeatures {
			t.Fatalf("%q: got %v, want a syntax error as encoding/json has", text, err)
		}
		return
	}
	r := reference{dense: map[string]float64{}, taken: map[string]bool{}, finite: true}
	r.walk("", root, 1)
	want := Accepted
	switch {
	case r.depth > MaxDepth:
		want = TooDeep
	case !r.finite:
		want = NonFinite
	case len(r.dense)+len(r.sparse) == 0:
		want = NoFeatures
	case len(r.dense)+len(r.sparse) > DefaultMaxFeatures:
		want = TooManyFeatures
	}
	switch {
	case rejection != nil && rejection.Reason == TooManyFeatures && len(text) > 2*DefaultMaxFeatures:
	case rejection != nil && rejection.Reason == TooDeep && len(text) > MaxDepth:
		// A repeated key can hide features and depth that the record does hold.
	case want == Accepted && rejection != nil, want != Accepted && (rejection == nil || rejection.Reason != want):
		t.Fatalf("%q: got %v, want %v", text, err, want)
	case want == Accepted:
		if got, want := fingerprint(&e.X), r.fingerprint(); !slices.Equal(got, want) {
			t.Fatalf("%q:\ngot  %q\nwant %q (dense %v, sparse %v)", text, got, want, r.dense, r.sparse)
		}
	}
}

var jsonSeeds = []string{
	`{"is_fraud":1,"amount":129.95,"age_days":812,"score":-1.25,"country":"DE","merchant":"m_49213","ts":1767225600000}`,
	`{"a":1}`, ` { "a" : [ 1 , 2 ] } `, `{"a":1e400}`, `{"a":-0}`, `{"a":-0.0e-0,"b":01}`, `{"a":1.,"b":.5}`, `{"a":1e+5,"b":1E-5,"c":12345678901234567890123}`,
	`{"a":9007199254740993,"b":0.1e-300,"c":123456789.123456789e22,"d":4.9e-324,"e":1.7976931348623157e308}`,
	`{"a":"x","a":"y"}`, `{"a":{"b":1},"a":{"c":2}}`, `{"a":{"b":1},"a.b":2}`, `{"a.b":2,"a":{"b":1}}`, `{"a":null,"a":1}`, `{"a":1,"a":null}`,
	`{"a":[1,"x",true,null,{"b":1},[2,"y"]],"a.0":7}`, `{"a":["x"],"a":["y","y"]}`, `{"":1,"":{"":2}}`, `{"":{"":2}}`,
	`{"a":"\u00e9\ud83d\ude00\ud800\udc00\ud800x\udc00\\\/\b\f\n\r\t\""}`, `{"\u0061":1,"a":2}`, "{\"a\":\"\xff\xfe\xc3\"}", "{\"\xff\":1,\"\xfe\":2}", "{\"a\":\"\x1f\"}",
	`{"a":"\ud800\u0041"}`, `{"a":"\ud83d\ud83d\ude00"}`, `{"a":"\u12"}`, `{"a":"\x"}`, `{"a":tru}`, `{"a":nul}`, `{"a":truefalse}`, `{"a":1}x`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`,
	`null`, `[]`, `"a"`, `1`, ``, `{`, `{}`, `{"a":[]}`, `{"a":[1,]}`, `{"a":{}}`, "\ufeff{}",
	`{"a":[[[[[[[[1]]]]]]]]}`,
}

func FuzzJSONParity(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"a":` + string(bytes.Repeat([]byte(`[`), 70)) + string(bytes.Repeat([]byte(`]`), 70)) + `}`))
	d, err := NewJSON(Schema{}, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkParity(t, d, text) })
}

// FuzzJSONTree compares the two ways in which JSON decodes, under a schema in
// which every role occurs.
func FuzzJSONTree(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Add([]byte(`{"y":1,"t":"2026-11-23T01:00:00Z","due":3e9,"m":"a b, A","mm":["c d","e"],"l":[1,-2.5,"x"],"c":"u","b":{"x":3}}`))
	f.Add([]byte(`{"y":1,"w":2,"t":3,"k":4,"i":5,"r":6,"p":0.7,"n":"8","c":9,"x":10,"n1":["1",2,true],"c1":[1,2.0,"3"]}`))
	f.Add([]byte(`{"y":1,"r":"v","el":["w","v"],"acts":[{"n":"3","l":2,"m":"a b"},null],"a.b":1,"a":{"b":2}}`))
	f.Add([]byte(`{"y":1,"acts":[{"n1":["1",2]},{"c":3,"c":4},{"x":1}],"r":2,"el":[0,1,"w"]}`))
	d, err := NewJSON(Schema{
		Label: "y", Weight: "w", Time: "t", Key: "k", ID: "i", Arm: "r", Probability: "p", Arms: []string{"u", "v", "w"}, Actions: "acts", Eligible: "el",
		Numeric: []string{"n*"}, Categorical: []string{"c*", "a.0"}, Exclude: []string{"x*", "a.b"},
		Text: []string{"m*"}, Ngrams: 2, Log1p: []string{"l*", "n"}, Cyclic: []string{"t", "due"}, Missing: []string{"a", "n", "m", "c", "due"},
		Cross: [][]string{{"c", "m*"}, {"b", "*"}, {"l*", "l*", "a"}},
	}, true)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkTree(t, d, text) })
}

// checkTree fails unless both ways give the same event.
func checkTree(t fatal, d *JSON, text []byte) {
	t.Helper()
	var fast, slow Event
	err := d.Decode(text, &fast)
	var r *Rejection
	if errors.As(err, &r) && (r.Reason == Syntax || r.Reason == TooDeep || r.Reason == TooManyFeatures) {
		return
	}
	slowErr := d.decodeTree(text, &slow)
	if (err == nil) != (slowErr == nil) {
		t.Fatalf("%q: one pass: %v; tree: %v", text, err, slowErr)
	}
	if err != nil {
		return
	}
	if got, want := fingerprint(&fast.X), fingerprint(&slow.X); !slices.Equal(got, want) {
		t.Fatalf("%q: one pass %q, tree %q", text, got, want)
	}
	fast.X, slow.X = Vector{}, Vector{}
	if diff := diffEvent(&slow, &fast); diff != "" {
		t.Fatalf("%q: (-tree +one pass)\n%s", text, diff)
	}
}

// jsonText draws a JSON value of up to depth levels whose few keys often repeat
// and often flatten to one path.
func jsonText(depth int) *rapid.Generator[string] {
	space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t\r "})
	key := rapid.SampledFrom([]string{`"a"`, `"b"`, `"a.b"`, `"0"`, `"a.0"`, `""`, `"\u0061"`, `"n"`, `"c"`, `"x"`, `"y"`, "\"\xff\"", `"é"`, `"long_name_of_a_field"`})
	scalar := rapid.OneOf(
		rapid.SampledFrom([]string{"null", "true", "false", "1e400", "-0", "0", "7", "7.0", `""`, `"a"`, `"3.5"`, `"\ud83d\ude00\ud83d"`, "\"\xe2\x28\""}),
		rapid.Map(rapid.Float64(), func(v float64) string {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return "0.1e1"
			}
			return strconv.FormatFloat(v, 'g', -1, 64)
		}),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?`),
		rapid.Map(rapid.String(), func(s string) string { q, _ := json.Marshal(s); return string(q) }),
	)
	if depth == 0 {
		return scalar
	}
	inner := jsonText(depth - 1)
	list := func(t *rapid.T, n int, item func() string) string {
		var out []string
		for range n {
			out = append(out, space.Draw(t, "space")+item()+space.Draw(t, "space"))
		}
		return strings.Join(out, ",")
	}
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.IntRange(0, 5).Draw(t, "size")
		switch rapid.IntRange(0, 5).Draw(t, "shape") {
		case 0:
			return scalar.Draw(t, "scalar")
		case 1:
			return "[" + list(t, n, func() string { return inner.Draw(t, "element") }) + "]"
		}
		return "{" + list(t, n, func() string {
			return key.Draw(t, "key") + space.Draw(t, "space") + ":" + space.Draw(t, "space") + inner.Draw(t, "member")
		}) + "}"
	})
}

func TestJSONParityOnGeneratedRecords(t *testing.T) {
	plain, err := NewJSON(Schema{}, false)
	if err != nil {
		t.Fatal(err)
	}
	roles, err := NewJSON(Schema{Label: "y", Key: "a.b", Numeric: []string{"n"}, Categorical: []string{"c", "a.0"}, Exclude: []string{"x"},
		Text: []string{"a"}, Log1p: []string{"b", "n"}, Missing: []string{"a", "b", "n", "c"}, Cyclic: []string{"0"}, Cross: [][]string{{"a", "*"}, {"b", "b"}}}, true)
	if err != nil {
		t.Fatal(err)
	}
	text := jsonText(4)
	rapid.Check(t, func(t *rapid.T) {
		record := []byte(text.Draw(t, "record"))
		checkParity(t, plain, record)
		checkTree(t, roles, record)
	})
}
