package event

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSourceOfRecord(t *testing.T) {
	for _, c := range []struct {
		name           string
		schema         Schema
		record, source string
		features       int
	}{
		{"text", Schema{Source: "by"}, `{"y":1,"a":2,"by":"acme"}`, "acme", 1},
		{"number", Schema{Source: "by"}, `{"y":1,"a":2,"by":17}`, "17", 1},
		{"nested", Schema{Source: "meta.by"}, `{"y":1,"a":2,"meta":{"by":"acme","v":3}}`, "acme", 2},
		{"absent", Schema{Source: "by"}, `{"y":1,"a":2}`, "", 1},
		{"null", Schema{Source: "by"}, `{"y":1,"a":2,"by":null}`, "", 1},
		{"object", Schema{Source: "by"}, `{"y":1,"a":2,"by":{"x":1}}`, "", 1},
		{"a feature, too", Schema{Source: "by", Categorical: []string{"by"}}, `{"y":1,"a":2,"by":7}`, "7", 2},
		{"the key, too", Schema{Source: "by", Key: "by"}, `{"y":1,"a":2,"by":"acme"}`, "acme", 1},
		{"the key and a feature", Schema{Source: "by", Key: "by", Categorical: []string{"by"}}, `{"y":1,"a":2,"by":"acme"}`, "acme", 2},
		{"twice", Schema{Source: "by"}, `{"y":1,"by":"first","a":2,"by":"last"}`, "last", 1},
	} {
		c.schema.Label = "y"
		d, err := NewJSON(c.schema, true)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var e Event
		for range 2 { // the second one goes the way of keys that are known
			if err := d.Decode([]byte(c.record), &e); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if string(e.Source) != c.source || e.X.Len() != c.features {
				t.Errorf("%s: source %q and %d features, want %q and %d", c.name, e.Source, e.X.Len(), c.source, c.features)
			}
		}
		if err := d.Decode([]byte(`{"y":1,"a":2}`), &e); err != nil || len(e.Source) > 0 {
			t.Errorf("%s: the record without a source has %q: %v", c.name, e.Source, err)
		}
	}
	csv, err := NewCSV(Schema{Label: "y", Source: "by"}, []string{"y", "by", "a"}, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := csv.Decode([]byte("1,acme,2"), &e); err != nil || string(e.Source) != "acme" || e.X.Len() != 1 {
		t.Errorf("csv: source %q, %d features: %v", e.Source, e.X.Len(), err)
	}
}

func TestLoggedFeatures(t *testing.T) {
	d, err := NewJSON(Schema{Label: "y", Logged: "seen"}, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	for _, c := range []struct{ record, logged string }{
		{`{"y":1,"a":2,"seen":{"a": 3, "b":{"c":"}"}}}`, `{"a": 3, "b":{"c":"}"}}`},
		{`{"y":1,"seen":{},"a":2}`, `{}`},
		{`{"y":1,"a":2,"seen":[1]}`, ``},
		{`{"y":1,"a":2,"seen":"{}"}`, ``},
		{`{"y":1,"a":2}`, ``},
		{`{"y":1,"a":3,"a":2,"seen":{"b":1,"a":3}}`, `{"a":3,"b":1}`},
	} {
		for range 2 {
			if err := d.Decode([]byte(c.record), &e); err != nil {
				t.Fatalf("%s: %v", c.record, err)
			}
			if string(e.Logged) != c.logged || e.X.Len() != 1 {
				t.Errorf("%s: logged %q and %d features, want %q and 1", c.record, e.Logged, e.X.Len(), c.logged)
			}
		}
	}
}

// Readers make the same features although they are not told what the guard alone needs.
func TestPublishedLayout(t *testing.T) {
	for _, s := range []Schema{
		{Label: "y", Source: "by", Logged: "seen", Exclude: []string{"z"}},
		{Label: "y", Source: "by", Categorical: []string{"by"}},
		{Label: "y", Source: "k", Key: "k"},
	} {
		l := Layout{Format: "json", Schema: s}
		p := l.Published()
		if p.Source != "" || p.Logged != "" {
			t.Errorf("%+v: published with source %q and logged %q", s, p.Source, p.Logged)
		}
		if len(s.Exclude) != len(l.Exclude) {
			t.Errorf("publishing changed the layout itself: %q", l.Exclude)
		}
		record := []byte(`{"y":1,"a":2,"by":7,"k":"x","z":3,"seen":{"a":2}}`)
		var events [2]Event
		for i, schema := range []Schema{s, p.Schema} {
			d, err := NewJSON(schema, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Decode(record, &events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(events[0].X, events[1].X); diff != "" {
			t.Errorf("%+v: (-learner +reader)\n%s", s, diff)
		}
	}
}

func TestSourceRefused(t *testing.T) {
	for _, c := range []struct {
		schema Schema
		want   string
	}{
		{Schema{Label: "y", Source: "y"}, `guard.source.field: "y": is already named by source.label`},
		{Schema{Source: "a*"}, `guard.source.field: "a*": must name one field`},
		{Schema{Source: "a", Numeric: []string{"a"}, Exclude: []string{"a"}}, `features.exclude: "a": is named by guard.source.field`},
		{Schema{Logged: "seen", Include: []string{"seen"}}, `features.include: "seen": is named by guard.inputs.logged`},
	} {
		if err := c.schema.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.schema, err, c.want)
		}
	}
	if _, err := NewCSV(Schema{Label: "y", Logged: "a"}, []string{"y", "a"}, ',', true); err == nil || !strings.Contains(err.Error(), "guard.inputs.logged") {
		t.Errorf("csv with logged features: %v", err)
	}
	if _, err := NewLibSVM(Schema{Source: "a"}, true); err == nil || !strings.Contains(err.Error(), "guard.source.field") {
		t.Errorf("libsvm with a source: %v", err)
	}
}
