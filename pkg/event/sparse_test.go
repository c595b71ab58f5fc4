package event

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// at is the feature of an index.
func at(index string, v float64) Feature { return Feature{xxhash.Sum64String(index), v, 0} }

// hot is the feature of a name that may have a namespace.
func hot(name string, v float64) Feature {
	namespace, _, ok := strings.Cut(name, "^")
	if !ok {
		namespace = ""
	}
	return Feature{xxhash.Sum64String(name), v, uint32(xxhash.Sum64String(namespace))}
}

func TestLibSVM(t *testing.T) {
	for _, c := range []struct {
		name, line string
		schema     Schema
		want       Event
	}{
		{"plain", `-1 3:1 11:-2.5e-1`, Schema{}, Event{Label: -1, X: Vector{Sparse: []Feature{at("3", 1), at("11", -0.25)}}}},
		{"zeros are left out", `+1 3:0 4:1`, Schema{}, Event{Label: 1, X: Vector{Sparse: []Feature{at("4", 1)}}}},
		{"no features", `0.5`, Schema{}, Event{Label: 0.5}},
		{"qid and comment", "2 qid:7 1:1 # 5:1\n", Schema{}, Event{Label: 2, X: Vector{Sparse: []Feature{at("1", 1)}}}},
		{"tabs and spaces", " 1 \t 1:1\t2:2  \r\n", Schema{}, Event{Label: 1, X: Vector{Sparse: []Feature{at("1", 1), at("2", 2)}}}},
		{"positive", `spam 1:1`, Schema{Positive: "spam"}, Event{Label: 1, X: Vector{Sparse: []Feature{at("1", 1)}}}},
		{"exclude", `1 1:1 2:2 13:3`, Schema{Exclude: []string{"1"}}, Event{Label: 1, X: Vector{Sparse: []Feature{at("2", 2), at("13", 3)}}}},
		{"include", `1 1:1 2:2 13:3`, Schema{Include: []string{"1*"}}, Event{Label: 1, X: Vector{Sparse: []Feature{at("1", 1), at("13", 3)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := NewLibSVM(c.schema, true)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Weight, c.want.Labelled = 1, true
			wantEvent(t, d, c.line, &c.want)
		})
	}
}

// wantEvent decodes a line and compares.
func wantEvent(t *testing.T, d Decoder, line string, want *Event) {
	t.Helper()
	var e Event
	if err := d.Decode([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	if diff := diffEvent(want, &e); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLibSVMForScoring(t *testing.T) {
	d, err := NewLibSVM(Schema{}, false)
	if err != nil {
		t.Fatal(err)
	}
	x := Vector{Sparse: []Feature{at("3", 1)}}
	wantEvent(t, d, `3:1`, &Event{Weight: 1, X: x})
	wantEvent(t, d, `? 3:1`, &Event{Weight: 1, X: x})
	wantEvent(t, d, `-1 3:1`, &Event{Weight: 1, Label: -1, Labelled: true, X: x})
}

func TestLibSVMRejections(t *testing.T) {
	d, err := NewLibSVM(Schema{MaxFeatures: 2}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line   string
		reason Reason
		field  string
	}{
		{``, LabelMissing, "label"}, {`# 1 1:1`, LabelMissing, "label"}, {`1:1 2:1`, LabelMissing, "label"},
		{`one 1:1`, LabelInvalid, "label"}, {`inf 1:1`, LabelInvalid, "label"}, {`1,2 1:1`, LabelInvalid, "label"},
		{`1 2`, Syntax, ""}, {`1 a:1`, Syntax, ""}, {`1 -2:1`, Syntax, ""}, {`1 :1`, Syntax, ""}, {`1 1:`, Syntax, "1"}, {`1 1:x`, Syntax, "1"}, {"1 1:1\n2 1:1", Syntax, ""},
		{`1 1:nan`, NonFinite, "1"}, {`1 7:1e999`, NonFinite, "7"}, {`1 1:1 2:1 3:1 4:1`, TooManyFeatures, ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			var e Event
			wantRejection(t, d.Decode([]byte(c.line), &e), c.reason, c.field)
		})
	}
}

func TestVW(t *testing.T) {
	for _, c := range []struct {
		name, line string
		schema     Schema
		want       Event
	}{
		{"plain", `1 |features 13:3.9656971e-02 const:.01`, Schema{}, Event{Label: 1, X: Vector{Sparse: []Feature{hot("features^13", 0.039656971), hot("features^const", 0.01)}}}},
		{"no namespace", `-1 | a b:2`, Schema{}, Event{Label: -1, X: Vector{Sparse: []Feature{hot("a", 1), hot("b", 2)}}}},
		{"namespaces", "0 |a x |b x:2\t| x", Schema{}, Event{X: Vector{Sparse: []Feature{hot("a^x", 1), hot("b^x", 2), hot("x", 1)}}}},
		{"scale", `1 |a:0.5 x y:3 z:0 |b:0 x`, Schema{}, Event{Label: 1, X: Vector{Sparse: []Feature{hot("a^x", 0.5), hot("a^y", 1.5)}}}},
		{"importance", `1 2.5 | a`, Schema{}, Event{Label: 1, Weight: 2.5, X: Vector{Sparse: []Feature{hot("a", 1)}}}},
		{"initial 0", `1 2.5 0 | a`, Schema{}, Event{Label: 1, Weight: 2.5, X: Vector{Sparse: []Feature{hot("a", 1)}}}},
		{"tag", `1 1 'id_7 | a`, Schema{}, Event{Label: 1, ID: []byte("id_7"), X: Vector{Sparse: []Feature{hot("a", 1)}}}},
		{"tag that touches the bar", `0.521144 1 PFF/20091028|T PFF`, Schema{}, Event{Label: 0.521144, ID: []byte("PFF/20091028"), X: Vector{Sparse: []Feature{hot("T^PFF", 1)}}}},
		{"both", `1 'x|f a`, Schema{}, Event{Label: 1, ID: []byte("x"), X: Vector{Sparse: []Feature{hot("f^a", 1)}}}},
		{"unnamed features", `1 |f :2 a :3`, Schema{}, Event{Label: 1, X: Vector{Sparse: []Feature{hot("f^0", 2), hot("f^a", 1), hot("f^1", 3)}}}},
		{"no features", `1 |` + "\n", Schema{}, Event{Label: 1}},
		{"exclude", `1 |f a |g a`, Schema{Exclude: []string{"f^*"}}, Event{Label: 1, X: Vector{Sparse: []Feature{hot("g^a", 1)}}}},
		{"positive", `spam |f a`, Schema{Positive: "spam"}, Event{Label: 1, X: Vector{Sparse: []Feature{hot("f^a", 1)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := NewVW(c.schema, true)
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Weight == 0 {
				c.want.Weight = 1
			}
			c.want.Labelled = true
			wantEvent(t, d, c.line, &c.want)
		})
	}
}

func TestVWForScoring(t *testing.T) {
	d, err := NewVW(Schema{}, false)
	if err != nil {
		t.Fatal(err)
	}
	x := Vector{Sparse: []Feature{hot("f^a", 1)}}
	wantEvent(t, d, `|f a`, &Event{Weight: 1, X: x})
	wantEvent(t, d, `'t |f a`, &Event{Weight: 1, ID: []byte("t"), X: x})
	// A word that touches the bar is a tag, also when it looks like a label.
	wantEvent(t, d, `1|f a`, &Event{Weight: 1, ID: []byte("1"), X: x})
}

func TestVWRejections(t *testing.T) {
	d, err := NewVW(Schema{MaxFeatures: 2}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line   string
		reason Reason
		field  string
	}{
		{``, Syntax, ""}, {`1 2`, Syntax, ""}, {`1 |: a`, Syntax, ""}, {`1 |f a:x`, Syntax, "f^a"}, {`1 |f:x a`, Syntax, "f"}, {`1 |f a:1:2`, Syntax, "f^a"},
		{`1 1 1 | a`, Syntax, ""}, {`1 1 0 0 | a`, Syntax, ""}, {"1 | a\n1 | a", Syntax, ""},
		{`| a`, LabelMissing, "label"}, {`1| a`, LabelMissing, "label"}, {`x | a`, LabelInvalid, "label"}, {`1:0.5:0.2 | a`, LabelInvalid, "label"},
		{`1 -1 | a`, WeightInvalid, "importance"}, {`1 x | a`, WeightInvalid, "importance"},
		{`1 |f a:nan`, NonFinite, "f^a"}, {`1 |f:inf a`, NonFinite, "f"}, {`1 |f:1e300 a:1e300`, NonFinite, "f^a"},
		{`1 | a b |f c`, TooManyFeatures, ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			var e Event
			wantRejection(t, d.Decode([]byte(c.line), &e), c.reason, c.field)
		})
	}
}

// A sieve remembers its decisions; many more names than it holds must not
// change them, nor let it grow without bound.
func TestSieveWithEverNewNames(t *testing.T) {
	d, err := NewLibSVM(Schema{Exclude: []string{"1*"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	for i := range 5 * maxRoles {
		if err := d.Decode(fmt.Appendf(nil, "1 1%d:1 2%d:1", i, i), &e); err != nil {
			t.Fatal(err)
		}
		if len(e.X.Sparse) != 1 || e.X.Sparse[0] != at(fmt.Sprintf("2%d", i), 1) {
			t.Fatalf("record %d: got %v", i, e.X.Sparse)
		}
	}
	if n := len(d.sieve.roles.slots); n > 4*maxRoles {
		t.Errorf("the memory has %d slots, want at most %d", n, 4*maxRoles)
	}
}
