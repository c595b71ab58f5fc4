package event

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// decodeJSON decodes one record with a fresh decoder.
func decodeJSON(t *testing.T, s Schema, needLabel bool, text string) (*Event, error) {
	t.Helper()
	d, err := NewJSON(s, needLabel)
	if err != nil {
		t.Fatal(err)
	}
	e := &Event{}
	return e, d.Decode([]byte(text), e)
}

func TestJSONFeatures(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		schema        Schema
		dense, sparse []Feature
	}{
		{name: "types", text: `{"n":1.5,"s":"x","t":true,"f":false,"z":null}`,
			dense: []Feature{num("n", 1.5)}, sparse: []Feature{cat("s=x"), cat("t=true"), cat("f=false")}},
		{name: "nested", text: `{"a":{"b":{"c":2,"d":"x"},"e":3},"f":4}`,
			dense: []Feature{num("a.b.c", 2), num("a.e", 3), num("f", 4)}, sparse: []Feature{cat("a.b.d=x")}},
		{name: "bag", text: `{"tags":["x","y","x",true,null]}`,
			sparse: []Feature{cat("tags=x"), cat("tags=y"), cat("tags=x"), cat("tags=true")}},
		{name: "array of numbers", text: `{"v":[1,null,3,[4]]}`,
			dense: []Feature{num("v.0", 1), num("v.2", 3), num("v.3.0", 4)}},
		{name: "array of objects", text: `{"items":[{"price":5,"sku":"a"},{"price":7}]}`,
			dense: []Feature{num("items.0.price", 5), num("items.1.price", 7)}, sparse: []Feature{cat("items.0.sku=a")}},
		{name: "empty text is a category", text: `{"s":""}`, sparse: []Feature{cat("s=")}},
		{name: "zero stays", text: `{"n":0}`, dense: []Feature{num("n", 0)}},
		{name: "escapes", text: `{"\u006eame":"caf\u00e9 \ud83d\ude00 \"\\\/"}`, sparse: []Feature{cat(`name=café 😀 "\/`)}},
		{name: "lone surrogate", text: `{"s":"a\ud800b"}`, sparse: []Feature{cat("s=a\ufffdb")}},
		{name: "invalid UTF-8", text: "{\"s\":\"a\xffb\xc3\"}", sparse: []Feature{cat("s=a\ufffdb\ufffd")}},
		{name: "last of equal keys", text: `{"a":1,"b":{"c":1},"a":"x","b":{"d":2}}`,
			dense: []Feature{num("b.d", 2)}, sparse: []Feature{cat("a=x")}},
		{name: "equal keys by escape", text: `{"a":1,"\u0061":2}`, dense: []Feature{num("a", 2)}},
		{name: "one path of two keys", text: `{"a.b":2,"a":{"b":1}}`, dense: []Feature{num("a.b", 1)}},
		{name: "equal keys hide what is wrong with the first", text: `{"a":1e999,"a":3}`, dense: []Feature{num("a", 3)}},
		{name: "numeric", schema: Schema{Numeric: []string{"n"}}, text: `{"n":{"a":" 12.5 ","b":true,"c":"","d":["1","2"],"e":7}}`,
			dense: []Feature{num("n.a", 12.5), num("n.b", 1), num("n.d.0", 1), num("n.d.1", 2), num("n.e", 7)}},
		{name: "categorical", schema: Schema{Categorical: []string{"c"}}, text: `{"c":{"a":1.0,"b":1e3,"c":-0.0,"d":12345678901234567890,"e":[1,2.50],"f":1e-7,"g":1e21,"h":"1.0","i":1.25e2}}`,
			sparse: []Feature{cat("c.a=1"), cat("c.b=1000"), cat("c.c=0"), cat("c.d=12345678901234567890"), cat("c.e=1"), cat("c.e=2.5"),
				cat("c.f=1e-7"), cat("c.g=1e+21"), cat("c.h=1.0"), cat("c.i=125")}},
		{name: "longest entry decides", schema: Schema{Numeric: []string{"g.*"}, Categorical: []string{"g.zip"}}, text: `{"g":{"zip":10115,"lat":"52.5"}}`,
			dense: []Feature{num("g.lat", 52.5)}, sparse: []Feature{cat("g.zip=10115")}},
		{name: "include", schema: Schema{Include: []string{"a", "g.*", "v.1"}}, text: `{"a":{"x":1},"ab":2,"g":{"y":3},"gh":4,"v":[5,6]}`,
			dense: []Feature{num("a.x", 1), num("g.y", 3), num("v.1", 6)}},
		{name: "exclude beats include", schema: Schema{Include: []string{"a*"}, Exclude: []string{"a.b"}}, text: `{"a":{"b":{"c":1},"d":2}}`,
			dense: []Feature{num("a.d", 2)}},
		{name: "excluded values are not read", schema: Schema{Exclude: []string{"x"}}, text: `{"x":1e999,"a":1}`, dense: []Feature{num("a", 1)}},
		{name: "configured fields are no features", schema: Schema{Key: "k", ID: "m.id", Time: "t", Weight: "w"},
			text: `{"k":"x","m":{"id":7,"v":1},"t":5,"w":2}`, dense: []Feature{num("m.v", 1)}},
		{name: "fields below a configured one are no features", schema: Schema{Key: "k"}, text: `{"k":{"a":1},"b":2}`, dense: []Feature{num("b", 2)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := decodeJSON(t, c.schema, false, c.text)
			if err != nil {
				t.Fatal(err)
			}
			want := Vector{Dense: c.dense, Sparse: c.sparse}
			if diff := diffEvent(&Event{X: want}, &Event{X: e.X}); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestJSONConfiguredFields(t *testing.T) {
	s := Schema{Label: "y", Weight: "w", Time: "t", Key: "k", ID: "i"}
	for _, c := range []struct {
		text string
		want Event
	}{
		{`{"y":2.5,"a":1}`, Event{Label: 2.5, Weight: 1, Labelled: true}},
		{`{"y":true,"w":0,"t":1700000000,"k":"card","i":"id","a":1}`, Event{Label: 1, Weight: 0, Time: 1700000000000, Key: []byte("card"), ID: []byte("id"), Labelled: true}},
		{`{"y":"-1","w":"2.5","t":1700000000123,"k":12345678901234567890,"i":true,"a":1}`, Event{Label: -1, Weight: 2.5, Time: 1700000000123, Key: []byte("12345678901234567890"), ID: []byte("true"), Labelled: true}},
		{`{"y":"false","w":null,"t":"2026-01-02T03:04:05.678Z","k":["x"],"i":null,"a":1}`, Event{Label: 0, Weight: 1, Time: 1767323045678, Labelled: true}},
		{`{"y":1,"w":"","t":"","k":"a\u00e9","a":1}`, Event{Label: 1, Weight: 1, Key: []byte("aé"), Labelled: true}},
	} {
		e, err := decodeJSON(t, s, true, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		c.want.X = Vector{Dense: []Feature{num("a", 1)}}
		if diff := diffEvent(&c.want, e); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.text, diff)
		}
	}
}

func TestPositiveClass(t *testing.T) {
	for _, c := range []struct {
		positive, label string
		want            float64
	}{
		{"yes", `"yes"`, 1}, {"yes", `"no"`, 0}, {"yes", `" yes"`, 1}, {"yes", `7`, 0}, {"yes", `true`, 0},
		{"true", `true`, 1}, {"true", `false`, 0}, {"2", `2`, 1}, {"2", `2.0`, 1}, {"2", `"2"`, 1}, {"2", `"2.0"`, 1}, {"2", `1`, 0}, {"1.0", `1`, 1}, {"1", `true`, 0},
	} {
		e, err := decodeJSON(t, Schema{Label: "y", Positive: c.positive}, true, `{"a":1,"y":`+c.label+`}`)
		if err != nil || e.Label != c.want || !e.Labelled {
			t.Errorf("positive %q, label %s: got %v, %v, want %v", c.positive, c.label, e.Label, err, c.want)
		}
	}
}

func TestJSONRejections(t *testing.T) {
	s := Schema{Label: "y", Weight: "w", Time: "t", Numeric: []string{"n"}, Categorical: []string{"c"}, MaxFeatures: 5}
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	for _, c := range []struct {
		name, text string
		reason     Reason
		field      string
	}{
		{"empty", ``, Syntax, ""},
		{"array", `[{"y":1}]`, Syntax, ""},
		{"null", `null`, Syntax, ""},
		{"cut", `{"y":1,"a":{"b":2}`, Syntax, ""},
		{"after the end", `{"y":1,"a":1} {}`, Syntax, ""},
		{"syntax beats what came before it", `{"y":"no","a":1e999,"b":tru}`, Syntax, ""},
		{"leading zero", `{"y":1,"a":01}`, Syntax, ""},
		{"bare point", `{"y":1,"a":1.}`, Syntax, ""},
		{"no exponent", `{"y":1,"a":1e}`, Syntax, ""},
		{"NaN", `{"y":1,"a":NaN}`, Syntax, ""},
		{"control character", "{\"y\":1,\"a\":\"\n\"}", Syntax, ""},
		{"bad escape", `{"y":1,"a":"\q"}`, Syntax, ""},
		{"trailing comma", `{"y":1,"a":1,}`, Syntax, ""},
		{"no label", `{"a":1}`, LabelMissing, "y"},
		{"null label", `{"y":null,"a":1}`, LabelMissing, "y"},
		{"empty label", `{"y":"","a":1}`, LabelMissing, "y"},
		{"last label is null", `{"y":1,"a":1,"y":null}`, LabelMissing, "y"},
		{"text label", `{"y":"fraud","a":1}`, LabelInvalid, "y"},
		{"object label", `{"y":{"z":1},"a":1}`, LabelInvalid, "y"},
		{"infinite label", `{"y":-1e400,"a":1}`, LabelInvalid, "y"},
		{"nan label", `{"y":"NaN","a":1}`, LabelInvalid, "y"},
		{"negative weight", `{"y":1,"w":-0.5,"a":1}`, WeightInvalid, "w"},
		{"infinite weight", `{"y":1,"w":1e400,"a":1}`, WeightInvalid, "w"},
		{"boolean weight", `{"y":1,"w":true,"a":1}`, WeightInvalid, "w"},
		{"list weight", `{"y":1,"w":[1],"a":1}`, WeightInvalid, "w"},
		{"time in words", `{"y":1,"t":"yesterday","a":1}`, TimeInvalid, "t"},
		{"time in microseconds", `{"y":1,"t":1700000000000000,"a":1}`, TimeInvalid, "t"},
		{"boolean time", `{"y":1,"t":true,"a":1}`, TimeInvalid, "t"},
		{"huge number", `{"y":1,"a":1e309}`, NonFinite, "a"},
		{"huge number inside", `{"y":1,"a":{"b":[0,-1e309]}}`, NonFinite, "a.b.1"},
		{"huge category", `{"y":1,"c":1e309}`, NonFinite, "c"},
		{"text in a numeric field", `{"y":1,"n":"N/A"}`, NonFinite, "n"},
		{"huge text in a numeric field", `{"y":1,"n":"1e309"}`, NonFinite, "n"},
		{"too many", `{"y":1,"a":[1,2,3],"b":["x","y","z"]}`, TooManyFeatures, ""},
		{"too deep", `{"y":1,"a":` + deep + `}`, TooDeep, "a" + strings.Repeat(".0", MaxDepth-1)},
		{"nothing", `{"y":1,"a":null,"b":[],"d":{}}`, NoFeatures, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := decodeJSON(t, s, true, c.text)
			wantRejection(t, err, c.reason, c.field)
		})
	}
}

func TestTextLabelSaysWhatToSet(t *testing.T) {
	_, err := decodeJSON(t, Schema{Label: "y"}, true, `{"y":"fraud","a":1}`)
	if err == nil || !strings.Contains(err.Error(), "source.positive") || !strings.Contains(err.Error(), "fraud") {
		t.Errorf("got %v, want the value and source.positive named", err)
	}
}

func TestJSONForScoring(t *testing.T) {
	s := Schema{Label: "y", Arm: "arm", Probability: "p"}
	for text, want := range map[string]Event{
		`{"a":1}`:                           {Weight: 1},
		`{"a":1,"y":3,"arm":2,"p":0.5}`:     {Weight: 1, Label: 3, Labelled: true, Arm: 2, Prob: 0.5},
		`{"a":1,"y":"?","arm":-1,"p":"no"}`: {Weight: 1},
	} {
		e, err := decodeJSON(t, s, false, text)
		want.X = Vector{Dense: []Feature{num("a", 1)}}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if diff := diffEvent(&want, e); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
	}
}

func TestJSONBandit(t *testing.T) {
	named := Schema{Label: "r", Arm: "arm", Arms: []string{"red", "1", "blue"}, Probability: "p"}
	for _, c := range []struct {
		schema Schema
		text   string
		arm    int
		prob   float64
		reason Reason
		field  string
	}{
		{named, `{"r":1,"arm":"blue","p":0.25}`, 2, 0.25, Accepted, ""},
		{named, `{"r":1,"arm":2,"p":"1"}`, 2, 1, Accepted, ""},
		{named, `{"r":1,"arm":"0","p":1e-3}`, 0, 1e-3, Accepted, ""},
		{named, `{"r":1,"arm":1,"p":1}`, 1, 1, Accepted, ""},
		{Schema{Label: "r", Arm: "arm"}, `{"r":1,"arm":34}`, 34, 1, Accepted, ""},
		{named, `{"r":1,"arm":"green","p":0.25}`, 0, 0, ArmUnknown, "arm"},
		{named, `{"r":1,"arm":3,"p":0.25}`, 0, 0, ArmUnknown, "arm"},
		{named, `{"r":1,"arm":1.5,"p":0.25}`, 0, 0, ArmUnknown, "arm"},
		{named, `{"r":1,"arm":-1,"p":0.25}`, 0, 0, ArmUnknown, "arm"},
		{named, `{"r":1,"arm":[1],"p":0.25}`, 0, 0, ArmUnknown, "arm"},
		{named, `{"r":1,"p":0.25}`, 0, 0, ArmUnknown, "arm"},
		{named, `{"r":1,"arm":"red"}`, 0, 0, PropensityInvalid, "p"},
		{named, `{"r":1,"arm":"red","p":0}`, 0, 0, PropensityInvalid, "p"},
		{named, `{"r":1,"arm":"red","p":1.0001}`, 0, 0, PropensityInvalid, "p"},
		{named, `{"r":1,"arm":"red","p":"x"}`, 0, 0, PropensityInvalid, "p"},
		{named, `{"arm":"red","p":1}`, 0, 0, LabelMissing, "r"},
	} {
		e, err := decodeJSON(t, c.schema, true, c.text)
		if c.reason != Accepted {
			t.Run(c.text, func(t *testing.T) { wantRejection(t, err, c.reason, c.field) })
			continue
		}
		if err != nil || e.Arm != c.arm || e.Prob != c.prob {
			t.Errorf("%s: arm %d, probability %v, %v; want %d, %v", c.text, e.Arm, e.Prob, err, c.arm, c.prob)
		}
	}
}

// Roles are remembered by hash; many more keys than the memory holds must not
// change what a record means, nor let it grow without bound.
func TestJSONWithEverNewKeys(t *testing.T) {
	d, err := NewJSON(Schema{Label: "y", Exclude: []string{"x*"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	for i := range 5 * maxRoles {
		text := fmt.Sprintf(`{"k%d":1,"x%d":2,"y":0.5,"n":{"k%d":"v"}}`, i, i, i)
		if err := d.Decode([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		want := Event{Weight: 1, Label: 0.5, Labelled: true, X: Vector{Dense: []Feature{num(fmt.Sprintf("k%d", i), 1)}, Sparse: []Feature{cat(fmt.Sprintf("n.k%d=v", i))}}}
		if i%1000 == 0 {
			if diff := diffEvent(&want, &e); diff != "" {
				t.Fatalf("%s: (-want +got)\n%s", text, diff)
			}
		}
	}
	if n := len(d.roles.slots); n > 4*maxRoles {
		t.Errorf("the memory of roles has %d slots, want at most %d", n, 4*maxRoles)
	}
}

func TestJSONManyKeysInOneRecord(t *testing.T) {
	var text bytes.Buffer
	text.WriteString(`{"y":1`)
	for i := range 3 * maxRoles {
		fmt.Fprintf(&text, `,"k%d":null`, i)
	}
	text.WriteString(`,"a":1}`)
	d, err := NewJSON(Schema{Label: "y"}, true)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var e Event
		if err := d.Decode(text.Bytes(), &e); err != nil || d.again {
			t.Fatalf("%v, repeated path: %v", err, d.again)
		}
	}
}

func TestRoleStampsWrapAround(t *testing.T) {
	d, err := NewJSON(Schema{Label: "y"}, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	d.record = 1<<32 - 3
	for range 6 {
		if err := d.Decode([]byte(`{"y":1,"a":1}`), &e); err != nil || d.again {
			t.Fatalf("%v, repeated path: %v", err, d.again)
		}
	}
}
