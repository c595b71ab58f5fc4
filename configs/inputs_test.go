package configs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
)

const rules = `[{field: amount, required: true, range: [0, 1e6]}, {field: country, values: [de, "a: b"]}, {field: zip, type: category}]`

// Rules are read as written, and what a state keeps of them is read back the same.
func TestInputRules(t *testing.T) {
	m, err := LoadModel([]string{"source.topic=t", "source.label=y", "guard.inputs.rules=" + rules})
	if err != nil {
		t.Fatal(err)
	}
	want := []inputs.Rule{
		{Field: "amount", Required: true, Range: []float64{0, 1e6}}, {Field: "country", Values: []string{"de", "a: b"}}, {Field: "zip", Type: "category"},
	}
	if diff := cmp.Diff(want, m.Guard.Inputs.Rules); diff != "" {
		t.Errorf("rules: %s", diff)
	}
	other, err := LoadModel([]string{"source.topic=t", "source.label=y"})
	if err != nil {
		t.Fatal(err)
	}
	back, err := other.WithSettings(m.Settings())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, back.Guard.Inputs.Rules); diff != "" {
		t.Errorf("rules of stored settings: %s", diff)
	}
}

func TestInputsRefused(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want string
	}{
		{[]string{"guard.source.field=a", "guard.source.header=b"}, `guard.source.header: "b": must be empty with guard.source.field ("a")`},
		{[]string{"guard.source.field=a", "guard.source.topic=true"}, `guard.source.topic: true: must be false with guard.source.field ("a")`},
		{[]string{"guard.source.topic=true"}, "guard.source.topic: true: source.copies.topics must name the topics that records are copied from"},
		{[]string{"guard.source.topic=true", "source.copies.topics=a,b", "source.copies.partition=hash"}, `source.copies.partition: "hash": must be one of same, key`},
		{[]string{"source.copies.topics=a,"}, "source.copies.topics: [a ]: must be different names"},
		{[]string{"source.copies.topics=a,a"}, "source.copies.topics: [a a]: must be different names"},
		{[]string{"guard.source.field=y"}, `guard.source.field: "y": is already named by source.label`},
		{[]string{"guard.inputs.max_source_share=0.5"}, "guard.inputs.max_source_share: 0.5: guard.source must say where records name their source"},
		{[]string{"guard.inputs.max_source_share=40", "guard.source.field=a"}, "guard.inputs.max_source_share: 40: must be above 0 and at most 1"},
		{[]string{"guard.inputs.block=10"}, "guard.inputs.block: 10: must be from 100 to 65536 events"},
		{[]string{"guard.inputs.duplicates=drop"}, `guard.inputs.duplicates: "drop": must be warn or reject`},
		{[]string{"guard.inputs.logged=seen"}, `guard.inputs.logged: "seen": guard.inputs.watch must be true`},
		{[]string{"guard.inputs.ranges=reject"}, "guard.inputs.ranges: reject: guard.inputs.watch must be true"},
		{[]string{"guard.inputs.watch=true", "guard.inputs.fields=a*"}, `guard.inputs.fields: "a*": must name fields`},
		{[]string{"guard.inputs.watch=true", "guard.inputs.fields=a", "features.exclude=a"}, `guard.inputs.fields: "a": is no feature`},
		{[]string{"guard.inputs.watch=true", "guard.inputs.max_psi=0"}, "guard.inputs.max_psi: 0: must be above 0"},
		{[]string{"guard.inputs.watch=true", "guard.inputs.logged=seen", "source.format=csv", "source.columns=y,seen,a"}, `guard.inputs.logged: "seen": must be empty with format csv`},
		{[]string{"guard.inputs.rules=[{field: a, type: text}]"}, `guard.inputs.rules: a: type "text" must be number or category`},
		{[]string{"guard.inputs.rules=[{field: a}]"}, "guard.inputs.rules: a: says nothing"},
		{[]string{"guard.inputs.rules=[{field: a, range: [1, 0]}]"}, "guard.inputs.rules: a: range must be [least, greatest]"},
		{[]string{"guard.inputs.rules=[{field: a, required: true}, {field: a, type: number}]"}, `guard.inputs.rules: a: field "a" has a rule before`},
		{[]string{"guard.inputs.rules=[{field: a, range: [0, 1]}]", "features.categorical=a"}, "guard.inputs.rules: a: its type cannot be number"},
		{[]string{"guard.inputs.rules=[{field: y, required: true}]"}, "guard.inputs.rules: y: is no feature"},
		{[]string{"guard.inputs.rules=[{field: a, max: 1}]"}, `has no key "max": it has field, required, type, range, values`},
		{[]string{"guard.inputs.rules=[{field: a, required: true}]", "source.format=vw", "source.label="}, "guard.inputs.rules: a: there must be none with format vw"},
	} {
		_, err := LoadModel(append([]string{"source.topic=t", "source.label=y"}, c.set...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q\n got %v\nwant %s", c.set, err, c.want)
		}
	}
}

// What the guard needs comes from the configuration: a decoder of logged features, and names of fields.
func TestInputsOfModel(t *testing.T) {
	m, err := LoadModel([]string{
		"source.topic=t", "source.label=y", "guard.source.field=partner", "guard.inputs.watch=true", "guard.inputs.logged=seen", "features.log1p=amount",
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	record := []byte(`{"y":1,"amount":3,"country":"de","partner":"p","seen":{"amount":4,"partner":"p"}}`)
	var e event.Event
	if err := c.Decoder.Decode(record, &e); err != nil || string(e.Source) != "p" || e.X.Len() != 2 {
		t.Fatalf("%v: source %q, %d features", err, e.Source, e.X.Len())
	}
	if got := c.Inputs.Name(record, e.X.Sparse[0].Field); got != "country" {
		t.Errorf("the field of the category is %q", got)
	}
	var logged event.Event
	if err := c.Inputs.Logged.Decode(e.Logged, &logged); err != nil || logged.X.Len() != 1 {
		t.Errorf("%v: %d features logged", err, logged.X.Len())
	}
	if strings.Contains(string(c.Schema), `"source"`) || !strings.Contains(string(c.Schema), `"exclude":["partner","seen"]`) {
		t.Errorf("published: %s", c.Schema)
	}
}
