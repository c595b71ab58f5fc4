package event

import (
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
)

// The categories of an event, in JSON and CSV, with numbers that are names, a bag,
// and a path that is not at the top.
func TestCategories(t *testing.T) {
	s := Schema{Label: "y", Target: []string{"zip", "a.b"}, Count: []string{"tags", "zip"}}
	category := func(name, path string, target, count bool) Category {
		c := Category{Hash: xxhash.Sum64String(name), Field: uint32(xxhash.Sum64String(path))}
		if target {
			c.Target = xxhash.Sum64String(path + "#mean")
		}
		if count {
			c.Count = xxhash.Sum64String(path + "#count")
		}
		return c
	}
	d, err := NewJSON(s, true)
	if err != nil {
		t.Fatal(err)
	}
	for record, want := range map[string][]Category{
		`{"y":1,"zip":10115,"a":{"b":"x"},"tags":["p","q"],"n":2}`: {
			category("zip=10115", "zip", true, true), category("a.b=x", "a.b", true, false),
			category("tags=p", "tags", false, true), category("tags=q", "tags", false, true),
		},
		`{"y":1,"y":1,"zip":"10115"}`: {category("zip=10115", "zip", true, true)}, // a key twice is read with care
		`{"y":1,"n":2,"zip":null}`:    nil,
	} {
		var e Event
		if err := d.Decode([]byte(record), &e); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, e.Categories); diff != "" {
			t.Errorf("%s: %s", record, diff)
		}
		if n := len(want); len(e.X.Sparse) != n {
			t.Errorf("%s: the categories are no features any more: %+v", record, e.X)
		}
	}
	c, err := NewCSV(Schema{Label: "y", Target: []string{"zip"}}, []string{"y", "zip"}, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := c.Decode([]byte("1,10115"), &e); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Category{category("zip=10115", "zip", true, false)}, e.Categories); diff != "" {
		t.Error(diff)
	}
}

// The field of the key is a feature when a list says so, and the key either way.
func TestKeyAsFeature(t *testing.T) {
	for _, c := range []struct {
		schema Schema
		sparse int
		dense  int
	}{
		{Schema{}, 1, 0},
		{Schema{Categorical: []string{"k"}}, 2, 0},
		{Schema{Include: []string{"k", "c"}}, 1, 1},
		{Schema{Include: []string{"c"}}, 1, 0},
		{Schema{Target: []string{"k"}}, 2, 0},
		{Schema{Categorical: []string{"k"}, Cross: [][]string{{"k", "c"}}}, 3, 0},
		{Schema{Categorical: []string{"*"}}, 1, 0}, // a pattern does not name it
	} {
		c.schema.Key, c.schema.Label = "k", "y"
		d, err := NewJSON(c.schema, true)
		if err != nil {
			t.Fatal(err)
		}
		var e Event
		if err := d.Decode([]byte(`{"k":17,"c":"x","y":1}`), &e); err != nil {
			t.Fatal(err)
		}
		if string(e.Key) != "17" || len(e.X.Sparse) != c.sparse || len(e.X.Dense) != c.dense {
			t.Errorf("%+v: key %q, %+v", c.schema, e.Key, e.X)
		}
	}
}
