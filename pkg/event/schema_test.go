package event

import (
	"strings"
	"testing"
)

func TestSchemaValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		schema Schema
		want   []string // parts of the error; nil when valid
	}{
		{"zero", Schema{}, nil},
		{"full", Schema{Label: "y", Weight: "w", Time: "t", Key: "k", ID: "i", Positive: "x", Arm: "a", Arms: []string{"u", "v"}, Probability: "p",
			Include: []string{"*"}, Exclude: []string{"geo.*"}, Numeric: []string{"n"}, Categorical: []string{"c*"}, MaxFeatures: 7}, nil},
		{"two meanings", Schema{Label: "y", Weight: "y"}, []string{"source.weight", `"y"`, "source.label"}},
		{"pattern as label", Schema{Label: "y*"}, []string{"source.label", `"y*"`, "features"}},
		{"star inside", Schema{Exclude: []string{"a*b"}}, []string{"features.exclude", `"a*b"`}},
		{"two stars", Schema{Include: []string{"a**"}}, []string{"features.include", `"a**"`}},
		{"empty entry", Schema{Numeric: []string{""}}, []string{"features.numeric", `""`}},
		{"label as feature", Schema{Label: "y", Include: []string{"y"}}, []string{"features.include", `"y"`, "source.label"}},
		{"id listed numeric", Schema{ID: "i", Numeric: []string{"i"}}, []string{"features.numeric", `"i"`, "source.id"}},
		{"key excluded", Schema{Key: "k", Exclude: []string{"k"}}, []string{"features.exclude", `"k"`, "source.key"}},
		{"key in missing alone", Schema{Key: "k", Missing: []string{"k"}}, []string{"features.missing", `"k"`, "features.categorical"}},
		{"target of a prefix", Schema{Target: []string{"a.*"}}, []string{"features.target", `"a.*"`, "one field"}},
		{"target twice", Schema{Target: []string{"a", "a"}}, []string{"features.target", `"a"`, "twice"}},
		{"target excluded", Schema{Target: []string{"a"}, Exclude: []string{"a"}}, []string{"features.target", `"a"`, "features.exclude"}},
		{"target numeric", Schema{Target: []string{"a"}, Numeric: []string{"a"}}, []string{"features.target", `"a"`, "features.numeric"}},
		{"count of text", Schema{Count: []string{"a"}, Text: []string{"a"}}, []string{"features.count", `"a"`, "features.text"}},
		{"count of log1p", Schema{Count: []string{"a"}, Log1p: []string{"a"}}, []string{"features.count", `"a"`, "features.log1p"}},
		{"target of the label", Schema{Label: "y", Target: []string{"y"}}, []string{"features.target", `"y"`, "source"}},
		{"target cyclic", Schema{Target: []string{"t"}, Cyclic: []string{"t"}}, []string{"features.cyclic", `"t"`, "features.target"}},
		{"included and excluded", Schema{Include: []string{"a"}, Exclude: []string{"a"}}, []string{"features.include", `"a"`, "features.exclude"}},
		{"numeric and categorical", Schema{Numeric: []string{"a.*"}, Categorical: []string{"a.*"}}, []string{"features.categorical", `"a.*"`, "features.numeric"}},
		{"numeric and excluded", Schema{Numeric: []string{"a"}, Exclude: []string{"a"}}, []string{"features.numeric", `"a"`, "features.exclude"}},
		{"numeric but not included", Schema{Include: []string{"a"}, Numeric: []string{"b"}}, []string{"features.numeric", `"b"`, "features.include"}},
		{"numeric below an included field", Schema{Include: []string{"a"}, Numeric: []string{"a.b", "a.*"}}, nil},
		{"everything", Schema{Time: "t", Text: []string{"m"}, Ngrams: 2, Log1p: []string{"n*"}, Cyclic: []string{"t", "due"}, Missing: []string{"a.b"}, Cross: [][]string{{"a", "*"}, {"a", "b", "n*"}}}, nil},
		{"text and categorical", Schema{Text: []string{"m"}, Categorical: []string{"m"}}, []string{"features.text", `"m"`, "features.categorical"}},
		{"text and log1p", Schema{Text: []string{"m"}, Log1p: []string{"m"}}, []string{"features.log1p", `"m"`, "features.text"}},
		{"text of the label", Schema{Label: "m", Text: []string{"m"}}, []string{"features.text", `"m"`, "source.label"}},
		{"all of some are logarithms", Schema{Include: []string{"a", "nb"}, Log1p: []string{"*", "n*"}}, nil},
		{"none of them are", Schema{Include: []string{"a", "nb"}, Log1p: []string{"c*"}}, []string{"features.log1p", `"c*"`, "features.include"}},
		{"n-grams of nothing", Schema{Ngrams: 2}, []string{"features.ngrams", "2", "features.text"}},
		{"too long n-grams", Schema{Text: []string{"m"}, Ngrams: 6}, []string{"features.ngrams", "6", "5"}},
		{"negative n-grams", Schema{Text: []string{"m"}, Ngrams: -1}, []string{"features.ngrams", "-1"}},
		{"missing pattern", Schema{Missing: []string{"a*"}}, []string{"features.missing", `"a*"`, "pattern"}},
		{"missing twice", Schema{Missing: []string{"a", "b", "a"}}, []string{"features.missing", `"a"`, "twice"}},
		{"missing but excluded", Schema{Exclude: []string{"a*"}, Missing: []string{"ab"}}, []string{"features.missing", `"ab"`, "features.exclude"}},
		{"missing but below the label", Schema{Label: "y", Missing: []string{"y.z"}}, []string{"features.missing", `"y.z"`, "source"}},
		{"missing time", Schema{Time: "t", Missing: []string{"t"}}, []string{"features.missing", `"t"`, "source"}},
		{"cyclic key", Schema{Key: "k", Cyclic: []string{"k"}}, []string{"features.cyclic", `"k"`, "source"}},
		{"cyclic pattern", Schema{Cyclic: []string{"*"}}, []string{"features.cyclic", `"*"`, "pattern"}},
		{"cyclic and categorical", Schema{Cyclic: []string{"a"}, Categorical: []string{"a"}}, []string{"features.cyclic", `"a"`, "features.categorical"}},
		{"cross of one", Schema{Cross: [][]string{{"a"}}}, []string{"features.cross", `"a"`, "2 to 4"}},
		{"cross of five", Schema{Cross: [][]string{{"a", "b", "c", "d", "e"}}}, []string{"features.cross", `"e"`, "2 to 4"}},
		{"cross of a bad entry", Schema{Cross: [][]string{{"a", "*b"}}}, []string{"features.cross", `"*b"`, "prefix"}},
		{"cross of nothing", Schema{Cross: [][]string{{"a", ""}}}, []string{"features.cross", `""`}},
		{"cross of the label", Schema{Label: "y", Cross: [][]string{{"a", "y"}}}, []string{"features.cross", `"y"`, "no feature"}},
		{"cross of an excluded field", Schema{Exclude: []string{"b"}, Cross: [][]string{{"a", "b"}}}, []string{"features.cross", `"b"`, "features.exclude"}},
		{"cross twice", Schema{Cross: [][]string{{"a", "b"}, {"b", "a"}}}, []string{"features.cross", `"a"`, "twice"}},
		{"classes", Schema{Label: "y", Classes: []string{"a", "b", "1"}, ClassWeights: []float64{1, 2, 0}}, nil},
		{"two classes sampled", Schema{Label: "y", Classes: []string{"a", "b"}, SampleNegatives: 0.1}, nil},
		{"classes and positive", Schema{Classes: []string{"a", "b"}, Positive: "b"}, []string{"source.classes", `"a"`, "source.positive"}},
		{"one class", Schema{Classes: []string{"a"}}, []string{"source.classes", `"a"`, "two"}},
		{"class twice", Schema{Classes: []string{"a", "b", "a"}}, []string{"source.classes", `"a"`, "twice"}},
		{"one number twice", Schema{Classes: []string{"1", "x", "1.0"}}, []string{"source.classes", `"1.0"`, `"1"`}},
		{"class without name", Schema{Classes: []string{"a", " b"}}, []string{"source.classes", `" b"`, "spaces"}},
		{"classes of rewards", Schema{Arm: "arm", Classes: []string{"a", "b"}}, []string{"source.classes", "source.arm"}},
		{"too few weights", Schema{Classes: []string{"a", "b", "c"}, ClassWeights: []float64{1, 2}}, []string{"source.class_weights", "[1 2]", "3 numbers"}},
		{"weights of unnamed classes", Schema{ClassWeights: []float64{1, 2, 3}}, []string{"source.class_weights", "[1 2 3]", "source.classes"}},
		{"negative class weight", Schema{ClassWeights: []float64{1, -2}}, []string{"source.class_weights", "-2", ">= 0"}},
		{"weights of rewards", Schema{Arm: "arm", ClassWeights: []float64{1, 2}}, []string{"source.class_weights", "source.arm"}},
		{"share above 1", Schema{SampleNegatives: 2}, []string{"source.sample_negatives", "2", "(0, 1]"}},
		{"sample of three classes", Schema{Classes: []string{"a", "b", "c"}, SampleNegatives: 0.5}, []string{"source.sample_negatives", "0.5", "two classes"}},
		{"arms without field", Schema{Arms: []string{"u"}}, []string{"source.arms", "source.arm"}},
		{"probability without arm", Schema{Probability: "p"}, []string{"source.probability", "source.arm"}},
		{"same arm twice", Schema{Arm: "a", Arms: []string{"u", "v", "u"}}, []string{"source.arms", `"u"`}},
		{"negative limit", Schema{MaxFeatures: -1}, []string{"features.max_features", "-1"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantError(t, c.schema.Validate(), c.want) })
	}
}

// wantError checks that err holds all parts, or is nil when there are none.
func wantError(t *testing.T, err error, parts []string) {
	t.Helper()
	if (err == nil) != (len(parts) == 0) {
		t.Fatalf("got error %v, want one that holds %q", err, parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("got error %v, want one that holds %q", err, p)
		}
	}
}

func TestConstructorsRefuse(t *testing.T) {
	columns := []string{"y", "a"}
	csv := func(s Schema, columns []string, comma byte, needLabel bool) error {
		_, err := NewCSV(s, columns, comma, needLabel)
		return err
	}
	json := func(s Schema, needLabel bool) error { _, err := NewJSON(s, needLabel); return err }
	libsvm := func(s Schema) error { _, err := NewLibSVM(s, true); return err }
	vw := func(s Schema) error { _, err := NewVW(s, true); return err }
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"json without label", json(Schema{}, true), []string{"source.label"}},
		{"json for scoring", json(Schema{}, false), nil},
		{"json with a bad schema", json(Schema{Label: "*"}, true), []string{"source.label", `"*"`}},
		{"csv without label", csv(Schema{}, columns, ',', true), []string{"source.label", `"y"`}},
		{"csv with unknown label", csv(Schema{Label: "z"}, columns, ',', true), []string{"source.label", `"z"`, `"a"`}},
		{"csv for scoring without the label's column", csv(Schema{Label: "z"}, columns, ',', false), nil},
		{"csv for scoring without the key's column", csv(Schema{Key: "z"}, columns, ',', false), []string{"source.key", `"z"`}},
		{"csv with a column twice", csv(Schema{Label: "y"}, []string{"y", "a", "a"}, ',', true), []string{"columns", `"a"`}},
		{"csv without columns", csv(Schema{}, nil, ',', false), []string{"columns"}},
		{"csv with a quote as delimiter", csv(Schema{Label: "y"}, columns, '"', true), []string{"delimiter"}},
		{"csv with a bad schema", csv(Schema{Label: "y", MaxFeatures: -1}, columns, ',', true), []string{"features.max_features"}},
		{"libsvm", libsvm(Schema{Label: "ignored", Positive: "1", Exclude: []string{"3"}}), nil},
		{"libsvm with a key", libsvm(Schema{Key: "k"}), []string{"source.key", `"k"`, "libsvm"}},
		{"libsvm with a numeric field", libsvm(Schema{Numeric: []string{"3"}}), []string{"features.numeric", "libsvm"}},
		{"vw", vw(Schema{Label: "ignored"}), nil},
		{"libsvm with a text", libsvm(Schema{Text: []string{"3"}}), []string{"features.text", "libsvm"}},
		{"libsvm with logarithms", libsvm(Schema{Log1p: []string{"3"}}), []string{"features.log1p", "libsvm"}},
		{"vw with a time", vw(Schema{Cyclic: []string{"t"}}), []string{"features.cyclic", "vw"}},
		{"vw with an absent field", vw(Schema{Missing: []string{"3"}}), []string{"features.missing", `"3"`, "vw"}},
		{"vw with a cross", vw(Schema{Cross: [][]string{{"a^*", "b^*"}}}), nil},
		{"vw with a cross of one", vw(Schema{Cross: [][]string{{"a^*"}}}), []string{"features.cross"}},
		{"vw with an arm", vw(Schema{Arm: "a"}), []string{"source.arm", "vw"}},
		{"vw with a categorical field", vw(Schema{Categorical: []string{"3"}}), []string{"features.categorical", "vw"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantError(t, c.err, c.want) })
	}
}
