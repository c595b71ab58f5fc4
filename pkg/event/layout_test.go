package event

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The JSON of a layout is a format that readers in other languages depend on.
func TestLayoutJSON(t *testing.T) {
	for _, c := range []struct {
		layout Layout
		want   string
	}{
		{Layout{Format: "json"}, `{"format":"json"}`},
		{Layout{Format: "csv", Columns: []string{"y", "a", "b"}, Delimiter: "\t", Schema: Schema{Label: "y"}},
			`{"format":"csv","columns":["y","a","b"],"delimiter":"\t","label":"y"}`},
		{Layout{Format: "json", Schema: Schema{
			Label: "y", Positive: "yes", Weight: "w", Time: "t", Key: "k", ID: "i", Arm: "a", Arms: []string{"u", "v"}, Probability: "p",
			Include: []string{"*"}, Exclude: []string{"x"}, Numeric: []string{"n"}, Categorical: []string{"c"}, MaxFeatures: 7,
		}}, `{"format":"json","label":"y","positive":"yes","weight":"w","time":"t","key":"k","id":"i","arm":"a","arms":["u","v"],"probability":"p",` +
			`"include":["*"],"exclude":["x"],"numeric":["n"],"categorical":["c"],"max_features":7}`},
		{Layout{Format: "json", Schema: Schema{
			Label: "y", Classes: []string{"u", "v"}, ClassWeights: []float64{1, 2.5}, SampleNegatives: 0.25, Time: "t",
			Text: []string{"m"}, Ngrams: 2, Log1p: []string{"l*"}, Cyclic: []string{"t"}, Missing: []string{"n"}, Cross: [][]string{{"a", "*"}, {"b", "c", "d"}},
		}}, `{"format":"json","label":"y","classes":["u","v"],"class_weights":[1,2.5],"sample_negatives":0.25,"time":"t",` +
			`"text":["m"],"ngrams":2,"log1p":["l*"],"cyclic":["t"],"missing":["n"],"cross":[["a","*"],["b","c","d"]]}`},
	} {
		got, err := json.Marshal(c.layout)
		if err != nil || string(got) != c.want {
			t.Errorf("%v\n got %s\nwant %s", err, got, c.want)
		}
		back, err := ParseLayout(got)
		if diff := cmp.Diff(c.layout, back); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", got, err, diff)
		}
	}
}

func TestParseLayoutRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                       "EOF",
		`{`:                                      "EOF",
		`null`:                                   "names no format",
		`{"label":"y"}`:                          "names no format",
		`{"format":"json"} {}`:                   "more than one",
		`{"format":"json","embed":["a"]}`:        `unknown field "embed"`,
		`{"format":"json","label":7}`:            "label",
		`{"format":"json","label":"y","id":"y"}`: "is already named by source.label",
	} {
		if l, err := ParseLayout([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want an error with %q", text, l, err, want)
		}
	}
}

func TestLayoutComma(t *testing.T) {
	for text, want := range map[string]byte{",": ',', "\t": '\t', "": 0, "::": 0} {
		if got := (&Layout{Delimiter: text}).Comma(); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
