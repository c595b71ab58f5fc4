package dataset_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/dataset"
)

// decisionsOf reads a file of decisions.
func decisionsOf(t *testing.T, name, text, format string) (*dataset.File, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := dataset.Open(path, nil, dataset.Options{Format: format})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for {
		record, err := f.Next()
		if errors.Is(err, io.EOF) {
			return f, out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(record))
	}
}

// TestDecisions: the records of files that other programs logged, by the examples of their documentation.
func TestDecisions(t *testing.T) {
	for _, c := range []struct {
		name, format, text string
		want               []string // a text that begins with ! is part of why the decision is malformed
	}{
		{"adf.vw", dataset.VWADF, `shared | s_1 s_2
0:1.0:0.5 | a_1 b_1 c_1
 | a_2 b_2 c_2

shared 'd-7|User age:0.5 male | :2 x:1e3
|Item price:-1.5
1:-0.25:0.8 'late|Item:2 price:1 sale


 | b_1
 | b_2

0:0:0.5 | a
1:1:0.5 | b

| a
0:zero:half | b
0:1:0.5 | :x
shared | a
`, []string{
			`{"context":{"s_1":true,"s_2":true},"eligible":[0,1],"actions":[{"a_1":true,"b_1":true,"c_1":true},{"a_2":true,"b_2":true,"c_2":true}],"arm":0,"p":0.5,"reward":-1}`,
			`{"context":{"User":{"age":0.5,"male":true},"0":2,"x":1000},"id":"d-7","eligible":[0,1],"actions":[{"Item":{"price":-1.5}},{"Item":{"price":2,"sale":2}}],"arm":1,"p":0.8,"reward":0.25}`,
			"!no action has a cost:  | b_1  | b_2 ", "!more than one action has a cost", "!a shared line behind the first",
		}},
		{"adf-numbers", dataset.VWADF, "| a\n0:zero:half | b\n\n0:1 | a\n| b\n\n| a\n0:nan:0.5 | b a a\n\n| a:\n0:1:1 |\n\nno bar\n0:1:0.5|x:1 x:2\n", []string{
			`{"context":{},"eligible":[0,1],"actions":[{"a":true},{"b":true}],"arm":1,"p":"half","reward":"zero"}`,
			`{"context":{},"eligible":[0,1],"actions":[{"a":true},{"b":true}],"arm":0,"reward":-1}`, // without a probability
			`{"context":{},"eligible":[0,1],"actions":[{"a":true},{"b":true,"a":true}],"arm":1,"p":0.5,"reward":1e999}`,
			"!its value is no number", "!no | that begins",
		}},
		{"cb", dataset.VWCB, "1:2:0.4 | a c\n3:0.5:0.2 'x|n f:2\n1 2:1.5:.5 4 tag| x\n0:1:0.5 | a\n1:1:1 2:1:1 | a\n1 | a\nshared | a\n1:2:3:4 | a\n1:1:1|u a |u b\n", []string{
			`{"context":{"a":true,"c":true},"arm":0,"p":0.4,"reward":-2}`,
			`{"context":{"n":{"f":2}},"id":"x","arm":2,"p":0.2,"reward":-0.5}`,
			`{"context":{"x":true},"id":"tag","eligible":[0,1,3],"arm":1,"p":0.5,"reward":-1.5}`,
			"!action \"0\": must be a number from 1", "!more than one action", "!no action has a cost", "!--format vwadf", "!must be action:cost:probability", "!namespace \"u\" is there twice",
		}},
		{"personalizer.json", dataset.DSJSON, `{"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,"o":[{"v":1.0,"EventId":"e","ActionTaken":false}],"Timestamp":"2019-11-12T14:22:37.2290000Z","Version":"1","EventId":"e-1","a":[2,1,3],"c":{"User":[{"tier":"pro"}],"hour":7,"_synthetic":false,"_multi":[{"_tag":"news","i":{"id":"news"}},{"i":{"id":"sports"}},{}]},"p":[0.8,0.15,0.05],"VWState":{"m":"x"}}
{"_label_cost":0.0,"_label_probability":0.5,"_label_Action":1,"pdrop":0.9,"event_id":"e-2","a":[0,1],"c":{"_multi":[{},{}]},"p":[0.5,0.5]}
{"_label_cost":0,"_label_probability":1,"_label_Action":1,"_skipLearn":true,"c":{"_multi":[{}]}}
{"_label_Cost":2,"_label_Probability":0.25,"_label_Action":3,"s":{"f":"x"}}
{"_label_cost":"a lot","_label_probability":"high","_labelIndex":0,"c":{}}
{"RewardValue":1,"EventId":"e"}
{"_label_cost":0,"_labelIndex":-1,"c":{}}
{"_label_cost":0,"c":{}}
{"_label_cost":0,"c":{"_slots":[]}}
{"_label_cost":0,"_labelIndex":0,"c":{"_multi":[1]}}
{"_label_cost":
`, []string{
			`{"context":{"User":[{"tier":"pro"}],"hour":7},"id":"e-1","ts":"2019-11-12T14:22:37.2290000Z","p":0.8,"pdrop":0,"eligible":[0,1,2],"actions":[{"i":{"id":"news"}},{"i":{"id":"sports"}},{}],"pmf":[0.15,0.8,0.05],"arm":1,"reward":1}`,
			`{"context":{},"id":"e-2","p":0.5,"pdrop":0.9,"eligible":[0,1],"actions":[{},{}],"arm":0,"reward":0}`,
			`{"context":{"s":{"f":"x"}},"p":0.25,"pdrop":0,"arm":2,"reward":-2}`,
			`{"context":{},"p":"high","pdrop":0,"arm":0,"reward":"a lot"}`,
			"!no _label_cost", "!_labelIndex is -1", "!neither _labelIndex nor _label_Action", "!_slots", "!action 0 of _multi is no object", "!no JSON object",
		}},
	} {
		if c.name == "personalizer.json" {
			c.text = strings.Replace(c.text, `{"_label_cost":0,"c":{"_slots":[]}}`, `{"_label_cost":0,"_labelIndex":0,"c":{"_slots":[]}}`, 1)
		}
		formats := []string{c.format, "auto"}
		if c.name == "cb" { // it has lines that only the other format has
			formats = formats[:1]
		}
		for _, format := range formats {
			f, got := decisionsOf(t, c.name, c.text, format)
			if f.Decisions != c.format || f.Format != dataset.JSON {
				t.Errorf("%s as %s: is %s of %s", c.name, format, f.Format, f.Decisions)
				continue
			}
			if len(got) != len(c.want) {
				t.Errorf("%s: %d decisions, want %d: %q", c.name, len(got), len(c.want), got)
				continue
			}
			for i, want := range c.want {
				if why, malformed := strings.CutPrefix(want, "!"); malformed {
					if !strings.Contains(got[i], why) || json.Valid([]byte(got[i])) {
						t.Errorf("%s: decision %d: %s, want %s", c.name, i, got[i], why)
					}
				} else if got[i] != want {
					t.Errorf("%s: decision %d:\n got %s\nwant %s", c.name, i, got[i], want)
				}
			}
		}
	}
	for name, text := range map[string]string{"simple.vw": "1 | a:1\n\n-1 | b\n", "csoaa.vw": "1:0.5 2:1 | a\n", "cs.ldf.vw": "shared | s\n1:0.5 | a\n2:1 | b\n"} {
		if f, _ := decisionsOf(t, name, text, "auto"); f.Decisions != "" || f.Format != dataset.VW {
			t.Errorf("%s: is %s of %s", name, f.Format, f.Decisions)
		}
	}
}

// FuzzDecisions: any bytes become JSON objects, or texts that are none, and never end in a panic.
func FuzzDecisions(f *testing.F) {
	f.Add("shared 'id|n:2 a:1 b |c\n0:1:0.5 |n x\n|n y\n\n")
	f.Add("1:2:0.4 3 'x| a:1 :2\n")
	f.Add(`{"_label_cost":-1,"_label_probability":0.5,"_labelIndex":0,"a":[2,1],"p":[0.5,0.5],"c":{"a":"\ud800","_multi":[{"b":[1]},{}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range []string{dataset.VWCB, dataset.VWADF, dataset.DSJSON} {
			file, err := dataset.Open("-", strings.NewReader(text), dataset.Options{Format: format})
			if err != nil {
				continue
			}
			for {
				record, err := file.Next()
				if err != nil {
					break
				}
				var d struct {
					Context           map[string]any
					Actions, Eligible []any
				}
				if json.Unmarshal(record, &d) != nil {
					if strings.HasPrefix(string(record), "{") && format != dataset.DSJSON { // whose texts go as they are, for a decoder to refuse
						t.Fatalf("%s: %q is no JSON", format, record)
					}
					continue
				}
				if d.Context == nil || len(d.Actions) > 0 && len(d.Actions) != len(d.Eligible) {
					t.Fatalf("%s: %s", format, record)
				}
			}
		}
	})
}
