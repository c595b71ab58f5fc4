package event_test

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
)

func newVWJSON(t testing.TB, s event.Schema, needLabel bool) event.Decoder {
	return made[*event.VWJSON](t)(event.NewVWJSON(s, needLabel))
}

func newVW(t testing.TB, s event.Schema, needLabel bool) event.Decoder {
	return made[*event.VW](t)(event.NewVW(s, needLabel))
}

// sameExample holds an example as JSON and as text to the same event.
func sameExample(t rapid.TB, fromJSON, fromText event.Decoder, object, text string) {
	t.Helper()
	var a, b event.Event
	if err := fromText.Decode([]byte(text), &a); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if err := fromJSON.Decode([]byte(object), &b); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	if diff := cmp.Diff(a, b, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s\n%s\n-text +JSON:\n%s", text, object, diff)
	}
}

func TestVWJSONIsVW(t *testing.T) {
	fromJSON, fromText := newVWJSON(t, event.Schema{}, true), newVW(t, event.Schema{}, true)
	for _, c := range []struct{ object, text string }{
		{`{"_label":1,"f":{"a":0.5,"b":2}}`, `1 |f a:0.5 b:2`},
		{` { "_label" : -1.5 , "f" : { "a" : 0.5 } } `, `-1.5 |f a:0.5`},
		{`{"a":1,"f":{"b":2},"c":3,"_label":1}`, `1 | a |f b:2 | c:3`},
		{`{"_label":1,"f":{"color":"red","new":true,"old":false,"none":null,"zero":0}}`, `1 |f colorred new`},
		{`{"_label":1,"f":{"t":"a b\tc:d|e"}}`, `1 |f ta_b_c_d_e`},
		{`{"_label":1,"f":{"a\u00e9\"":"\ud83d\ude00"}}`, `1 |f aé"😀`},
		{`{"_label":1,"f":{"a":1,"g":{"b":2,"h":{"c":3}},"d":4}}`, `1 |f a |g b:2 |h c:3 |f d:4`},
		{`{"_label":1,"f":[0.5,0,null,2]}`, `1 |f :0.5 :0 :2`},
		{`{"_label":1,"f":{"a":1,"v":[1,{"b":2,"s":"x"},3]}}`, `1 |f a |v :1 b:2 sx |v ignored:0 :0 :3`},
		{`{"_label":1,"f":{"_text":"to be: or  not\tto|be "}}`, `1 |f to be_ or not to_be`},
		{`{"_label":1,"_text":"a abcdefghijklmnop b"}`, `1 | a abcdefghijklmnop b`},
		{`{"_label":1," ":{"a":1},"":{"b":1}}`, `1 | a b`},
		{`{"_label":1,"f":{"a":1,"a":1}}`, `1 |f a a`},
		{`{"_label":{"Label":2,"Weight":3,"Initial":0},"f":{"a":1}}`, `2 3 0 |f a`},
		{`{"_label":{"label":"2","WEIGHT":0.5,"Initial":null},"f":{"a":1}}`, `2 0.5 |f a`},
		{`{"_label_Label":2,"_label_Weight":3,"f":{"a":1}}`, `2 3 |f a`},
		{`{"_label":"2 3 0","f":{"a":1}}`, `2 3 0 |f a`},
		{`{"_label":" -1 ","f":{"a":1}}`, `-1 |f a`},
		{`{"_label":true,"f":{"a":1}}`, `true |f a`},
		{`{"_tag":"id_7","_label":1,"f":{"a":1}}`, `1 'id_7|f a`},
		{`{"_label":1,"_a":{"b":[{"c":"\u0041"},[1,2,true,null,"x"],{}]},"_b":[],"f":{"_skipped":1,"a":1}}`, `1 |f a`},
		{`{"_label":1,"f":{},"g":[]}`, `1 |`},
	} {
		sameExample(t, fromJSON, fromText, c.object, c.text)
	}
	fromJSON, fromText = newVWJSON(t, event.Schema{}, false), newVW(t, event.Schema{}, false)
	sameExample(t, fromJSON, fromText, `{"f":{"a":1}}`, `|f a`)
	sameExample(t, fromJSON, fromText, `{"_label":null,"_tag":null,"_text":null,"f":{"a":1}}`, `|f a`)
	s := event.Schema{Include: []string{"f^*"}, Exclude: []string{"f^b"}, Positive: "spam"}
	sameExample(t, newVWJSON(t, s, true), newVW(t, s, true), `{"_label":"spam","f":{"a":1,"b":2},"g":{"a":1}}`, `spam |f a b:2 |g a`)
}

// TestVWJSONOfRealData has Vowpal Wabbit's test 0001 as JSON and as text.
func TestVWJSONOfRealData(t *testing.T) {
	read := func(name string) []string {
		b, err := os.ReadFile("../../../shared/data/vw/" + name)
		if err != nil {
			t.Fatalf("shared test data is needed: %v", err)
		}
		return strings.Split(strings.TrimSpace(string(b)), "\n")
	}
	objects, text := read("0001.json"), read("0001.dat")
	if len(objects) != 200 || len(text) != 200 {
		t.Fatalf("%d and %d lines, want 200", len(objects), len(text))
	}
	fromJSON, fromText := newVWJSON(t, event.Schema{}, true), newVW(t, event.Schema{}, true)
	for i := range text {
		sameExample(t, fromJSON, fromText, objects[i], text[i])
	}
}

// TestVWJSONDecodesAlike draws examples and writes them both ways.
func TestVWJSONDecodesAlike(t *testing.T) {
	fromJSON, fromText := newVWJSON(t, event.Schema{}, true), newVW(t, event.Schema{}, true)
	word := rapid.StringMatching(`[a-zA-Z0-9é"\\.]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		var object, text strings.Builder
		quote := func(s string) string {
			b, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		number := func() string {
			return strconv.FormatFloat(rapid.Float64Range(-1e9, 1e9).Draw(t, "number"), 'g', -1, 64)
		}
		label := number()
		object.WriteString(`{"_label":` + label)
		text.WriteString(label + " ")
		for range rapid.IntRange(0, 4).Draw(t, "namespaces") {
			name := word.Draw(t, "namespace")
			object.WriteString("," + quote(name) + ":{")
			text.WriteString("|" + name)
			for n := range rapid.IntRange(0, 5).Draw(t, "features") {
				if n > 0 {
					object.WriteString(",")
				}
				key := word.Draw(t, "feature")
				switch rapid.IntRange(0, 2).Draw(t, "kind") {
				case 0:
					v := number()
					object.WriteString(quote(key) + ":" + v)
					text.WriteString(" " + key + ":" + v)
				case 1:
					v := word.Draw(t, "value")
					object.WriteString(quote(key) + ":" + quote(v))
					text.WriteString(" " + key + v)
				case 2:
					words := rapid.SliceOf(word).Draw(t, "words")
					object.WriteString(`"_text":` + quote(strings.Join(words, " ")))
					text.WriteString(" " + strings.Join(words, " "))
				}
			}
			object.WriteString("}")
			text.WriteString(" ")
		}
		object.WriteString("}")
		if !strings.Contains(text.String(), "|") {
			text.WriteString("|")
		}
		sameExample(t, fromJSON, fromText, object.String(), text.String())
	})
}

func TestVWJSONRejections(t *testing.T) {
	d := newVWJSON(t, event.Schema{MaxFeatures: 2}, true)
	deep := strings.Repeat(`{"a":`, event.MaxDepth+1)
	for _, c := range []struct {
		object string
		reason event.Reason
		field  string
	}{
		{``, event.Syntax, ""}, {`[]`, event.Syntax, ""}, {`{"_label":1`, event.Syntax, ""}, {`{"_label":1}}`, event.Syntax, ""}, {`{"_label":1,}`, event.Syntax, ""},
		{`{"_label":1,"f":{"a" 1}}`, event.Syntax, ""}, {`{"_label":1,"f":{"a":01}}`, event.Syntax, ""}, {`{"_label":1,"f":[1 2]}`, event.Syntax, ""},
		{`{"_label":1,"f":{"a":nul}}`, event.Syntax, ""}, {`{"_label":1,"_x":[1,{"a":"\x"}]}`, event.Syntax, ""}, {`{"_label":{"Label":1]}`, event.Syntax, ""},
		{`{"f":{"a":1}}`, event.LabelMissing, "_label"}, {`{"_label":null,"f":{"a":1}}`, event.LabelMissing, "_label"},
		{`{"_label":{"Weight":1},"f":{"a":1}}`, event.LabelMissing, "_label"},
		{`{"_label":"x","f":{"a":1}}`, event.LabelInvalid, "_label"}, {`{"_label":[1],"f":{"a":1}}`, event.LabelInvalid, "_label"}, {`{"_label":1e999}`, event.LabelInvalid, "_label"},
		{`{"_label":{"Label":1,"Weight":-1}}`, event.WeightInvalid, "_label"}, {`{"_label":"1 x"}`, event.WeightInvalid, "_label"},
		{`{"_label":{"Label":1,"Initial":0.5}}`, event.Syntax, "_label"}, {`{"_label":"1 1 0.5"}`, event.Syntax, "_label"}, {`{"_label":"1 1 0 0"}`, event.Syntax, "_label"},
		{`{"_label_cost":1,"f":{"a":1}}`, event.Syntax, "_label"}, {`{"_label":{"Action":1}}`, event.Syntax, "_label"},
		{`{"_label":1,"_multi":[{"f":{"a":1}}]}`, event.Syntax, "_multi"}, {`{"_label":1,"_tag":{}}`, event.Syntax, "_tag"}, {`{"_label":1,"f":{"_text":1}}`, event.Syntax, "_text"},
		{`{"_label":1,"f":["a"]}`, event.Syntax, "f"}, {`{"_label":1,"f":[[1]]}`, event.Syntax, "f"}, {`{"_label":1,"f":[true]}`, event.Syntax, "f"},
		{`{"_label":1,"f":{"a":1e999}}`, event.NonFinite, "f^a"}, {`{"_label":1,"f":[-1e999]}`, event.NonFinite, "f^0"},
		{`{"_label":1,"f":{"a":1,"b":1,"c":1}}`, event.TooManyFeatures, ""}, {`{"_label":1,"_text":"a b c"}`, event.TooManyFeatures, ""},
		{deep, event.TooDeep, ""}, {`{"_x":` + deep, event.TooDeep, ""}, {`{"f":[` + deep, event.TooDeep, ""},
	} {
		var e event.Event
		var r *event.Rejection
		if err := d.Decode([]byte(c.object), &e); !errors.As(err, &r) || r.Reason != c.reason || c.field != "" && r.Field != c.field {
			t.Errorf("%.200s: %v, want %v of field %q", c.object, err, c.reason, c.field)
		}
	}
	if _, err := event.NewVWJSON(event.Schema{Weight: "w"}, true); err == nil || !strings.Contains(err.Error(), "source.weight") {
		t.Errorf("a weight field: %v", err)
	}
}

func TestVWJSONConforms(t *testing.T) {
	conform.Decoder(t, conform.DecoderCase{
		New: func() event.Decoder { return newVWJSON(t, event.Schema{Exclude: []string{"f^x*"}}, true) },
		Good: values(
			`{"_label":1,"f":{"a":1.5,"b":"red","c":true,"d":null},"v":[1,2,{"x":3}],"_text":"to be: or"}`,
			`{"_label":{"Label":-1,"Weight":2,"Initial":0},"_tag":"id","a":{"b":{"c":{"d":"\u00e9\ud83d\ude00"}}},"_skip":[{"a":[]}]}`,
			` { "_label" : "1 2 0" , "f" : { "x1" : 1 , "y" : -0.5e-3 } } `,
		),
		Bad: values(`{"_label":1,"f":{"a":1e999}}`, `{"f":{"a":1}}`, `{"_label":1,"f":["a"]}`, `{"_label":"1 -1"}`, `{"_label":1,"_multi":[]}`, `[1]`, ``),
	})
}

func FuzzVWJSON(f *testing.F) {
	create := func() event.Decoder { return newVWJSON(f, event.Schema{Exclude: []string{"f^x*"}}, true) }
	fuzzDecoder(f, create(), create(), `{"_label":1,"f":{"a":1.5,"b":"red","c":true},"v":[1,{"x":3}],"_text":"to be: or"}`,
		`{"_label":{"Label":-1,"Weight":2},"_tag":"id","a":{"b":{"c":null}},"_skip":[{"a":[]}]}`, `{"_label":"1 2 0","f":{"":1}}`, `{"_multi":[]}`)
}
