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
		{"key listed numeric", Schema{Key: "k", Numeric: []string{"k"}}, []string{"features.numeric", `"k"`, "source.key"}},
		{"included and excluded", Schema{Include: []string{"a"}, Exclude: []string{"a"}}, []string{"features.include", `"a"`, "features.exclude"}},
		{"numeric and categorical", Schema{Numeric: []string{"a.*"}, Categorical: []string{"a.*"}}, []string{"features.categorical", `"a.*"`, "features.numeric"}},
		{"numeric and excluded", Schema{Numeric: []string{"a"}, Exclude: []string{"a"}}, []string{"features.numeric", `"a"`, "features.exclude"}},
		{"numeric but not included", Schema{Include: []string{"a"}, Numeric: []string{"b"}}, []string{"features.numeric", `"b"`, "features.include"}},
		{"numeric below an included field", Schema{Include: []string{"a"}, Numeric: []string{"a.b", "a.*"}}, nil},
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
		{"vw with an arm", vw(Schema{Arm: "a"}), []string{"source.arm", "vw"}},
		{"vw with a categorical field", vw(Schema{Categorical: []string{"3"}}), []string{"features.categorical", "vw"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantError(t, c.err, c.want) })
	}
}
