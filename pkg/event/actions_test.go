package event

import (
	"fmt"
	"strings"
	"testing"
)

// offers is a schema of decisions.
var offers = Schema{
	Label: "reward", ID: "id", Time: "ts", Arm: "arm", Arms: []string{"a", "b", "c"}, Probability: "p",
	Eligible: "eligible", Actions: "actions", Context: "context",
	Categorical: []string{"actions.size"}, Log1p: []string{"actions.price", "context.age"}, Exclude: []string{"actions.cost"},
}

func decodeOffer(t *testing.T, s Schema, record string) (*Event, error) {
	t.Helper()
	d, err := NewJSON(s, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	return &e, d.Decode([]byte(record), &e)
}

// vectors writes what a reader of the record expects, by the names of features.
func vectors(e *Event) string {
	names := map[uint64]string{}
	for _, n := range []string{"context.hour", "context.country=DE", "actions.price", "actions.size=3", "actions.size=4", "actions.color=red", "actions.tags=x", "actions.n.0"} {
		f := cat(n)
		names[f.Hash] = n
	}
	var out []string
	for _, v := range append([]Vector{e.X}, e.Actions...) {
		var parts []string
		for _, f := range append(append([]Feature{}, v.Dense...), v.Sparse...) {
			parts = append(parts, fmt.Sprintf("%s:%.3g", names[f.Hash], f.Value))
		}
		out = append(out, strings.Join(parts, " "))
	}
	return strings.Join(out, " | ")
}

func TestActions(t *testing.T) {
	for _, c := range []struct{ name, record, want, eligible string }{
		{"no actions", `{"reward":1,"arm":"b","p":1,"context":{"hour":7,"country":"DE"},"version":12,"pmf":[0.1,0.9],"mode":"online"}`,
			"context.hour:7 context.country=DE:1", "[]"},
		{"actions of all arms", `{"context":{"hour":7},"actions":[{"price":1.718281828459045,"size":3},null,{"color":"red","cost":9,"tags":["x"],"n":[5]}],"reward":0,"arm":2,"p":0.5}`,
			"context.hour:7 | actions.price:1 actions.size=3:1 |  | actions.n.0:5 actions.color=red:1 actions.tags=x:1", "[]"},
		{"actions in the order of the eligible arms, which come later", `{"reward":0,"arm":"a","p":0.5,"actions":[{"size":3},{"size":4}],"context":{"hour":1},"eligible":["c","a"]}`,
			"context.hour:1 | actions.size=4:1 |  | actions.size=3:1", "[true false true]"},
		{"eligible by index", `{"reward":0,"arm":1,"p":0.5,"eligible":[1,"2"],"context":{}}`, "", "[false true true]"},
		{"a path in every action, and repeated in one", `{"reward":0,"arm":1,"p":0.5,"actions":[{"size":3},{"size":3},{"size":4,"size":3}],"context":{"hour":2}}`,
			"context.hour:2 | actions.size=3:1 | actions.size=3:1 | actions.size=3:1", "[]"},
		{"repeated keys around them", `{"context":{"hour":1},"actions":[{},{},{}],"actions":[{"size":4},null,{}],"eligible":["a"],"eligible":["c","b","a"],"context":{"hour":3},"reward":0,"arm":1,"p":0.5}`,
			"context.hour:3 |  |  | actions.size=4:1", "[true true true]"},
		{"null for none", `{"context":null,"actions":null,"eligible":null,"reward":0,"arm":1,"p":1}`, "", "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := decodeOffer(t, offers, c.record)
			if err != nil {
				t.Fatal(err)
			}
			if got := vectors(e); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if got := fmt.Sprint(e.Eligible); got != c.eligible {
				t.Errorf("eligible %s, want %s", got, c.eligible)
			}
		})
	}
}

func TestActionsRejected(t *testing.T) {
	for _, c := range []struct {
		members string
		reason  Reason
		field   string
	}{
		{`"arm":"a","p":0`, PropensityInvalid, "p"},
		{`"arm":"a","p":1.0000001`, PropensityInvalid, "p"},
		{`"arm":"a","p":-0.1`, PropensityInvalid, "p"},
		{`"arm":"a","p":"NaN"`, PropensityInvalid, "p"},
		{`"arm":"a","p":1e999`, PropensityInvalid, "p"},
		{`"arm":"a"`, PropensityInvalid, "p"},
		{`"arm":"d","p":1`, ArmUnknown, "arm"},
		{`"arm":3,"p":1`, ArmUnknown, "arm"},
		{`"p":1`, ArmUnknown, "arm"},
		{`"arm":"a","p":1,"eligible":["b","c"]`, ArmUnknown, "arm"},
		{`"arm":"a","p":1,"eligible":["a","d"]`, ArmUnknown, "eligible"},
		{`"arm":"a","p":1,"eligible":["a","a"]`, ArmUnknown, "eligible"},
		{`"arm":"a","p":1,"eligible":["a",0]`, ArmUnknown, "eligible"},
		{`"arm":"a","p":1,"eligible":["a",null]`, ArmUnknown, "eligible"},
		{`"arm":"a","p":1,"eligible":["a",["b"]]`, ArmUnknown, "eligible"},
		{`"arm":"a","p":1,"eligible":[]`, ArmUnknown, "eligible"},
		{`"arm":"a","p":1,"eligible":"a"`, ArmUnknown, "eligible"},
		{`"arm":"a","p":1,"eligible":{"a":true}`, ArmUnknown, "eligible"},
		{`"arm":"a","p":1,"actions":[{}]`, ActionsInvalid, "actions"},
		{`"arm":"a","p":1,"actions":[]`, ActionsInvalid, "actions"},
		{`"arm":"a","p":1,"actions":[{},{},{},{}]`, ActionsInvalid, "actions"},
		{`"arm":"a","p":1,"actions":[{},{},{}],"eligible":["a","b"]`, ActionsInvalid, "actions"},
		{`"arm":"a","p":1,"actions":[{},1,{}]`, ActionsInvalid, "actions"},
		{`"arm":"a","p":1,"actions":{"price":1}`, ActionsInvalid, "actions"},
		{`"arm":"a","p":1,"actions":7`, ActionsInvalid, "actions"},
		{`"arm":"a","p":1,"actions":[{"n":1e999},{},{}]`, NonFinite, "actions.n"},
	} {
		t.Run(c.members, func(t *testing.T) {
			_, err := decodeOffer(t, offers, `{"reward":1,"context":{"hour":1},`+c.members+`}`)
			wantRejection(t, err, c.reason, c.field)
			if _, err = decodeOffer(t, offers, `{"reward":1,"reward":1,"context":{"hour":1},`+c.members+`}`); err == nil {
				t.Error("accepted when a key is repeated")
			}
		})
	}
}

// A decoder that refused a record in the middle of an action has memory that no two vectors share.
func TestActionsAfterARefusal(t *testing.T) {
	d, err := NewJSON(offers, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	good := `{"reward":1,"arm":"a","p":1,"context":{"hour":7},"actions":[{"size":3},{"price":0},{"size":4}]}`
	for _, bad := range []string{`{"context":{"hour":1},"actions":[{"size":3},{"size":4,`, `{"context":{"hour":1},"actions":[{"size":1},[`, `{"actions":[{"price":{"x":[`} {
		for _, record := range []string{good, bad, good} {
			err := d.Decode([]byte(record), &e)
			if record == bad {
				if err == nil {
					t.Errorf("%s is accepted", bad)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, want := vectors(&e), "context.hour:7 | actions.size=3:1 | actions.price:0 | actions.size=4:1"; got != want {
				t.Errorf("after %s: got %s, want %s", bad, got, want)
			}
		}
	}
}

func TestActionsSettings(t *testing.T) {
	for _, c := range []struct {
		edit func(s *Schema)
		want string
	}{
		{func(s *Schema) { s.Arm, s.Probability, s.Arms = "", "", nil }, `source.actions: "actions": source.arm must name`},
		{func(s *Schema) { s.Arms = nil }, `source.eligible: "eligible": source.arms must list`},
		{func(s *Schema) { s.Context = "con*" }, `source.context: "con*": must name one field`},
		{func(s *Schema) { s.Context = "arm" }, `source.context: "arm": is already named by source.arm`},
		{func(s *Schema) { s.Label = "actions.reward" }, `source.label: "actions.reward": is below source.actions`},
		{func(s *Schema) { s.Missing = []string{"actions.price"} }, `features.missing: "actions.price": is a feature of actions`},
		{func(s *Schema) { s.Cross = [][]string{{"context.hour", "actions.*"}} }, `"actions.*" is a feature of actions`},
		{func(s *Schema) { s.Numeric = []string{"hour"} }, `features.numeric: "hour": is not below source.context, and so is no feature; name it "context.hour"`},
		{func(s *Schema) { s.Numeric = []string{"con*", "actions", "act*"} }, ""},
		{func(s *Schema) { s.Include = []string{"context", "actions.*"} }, ""},
	} {
		s := offers
		c.edit(&s)
		err := s.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	s := Schema{Arm: "arm", Arms: []string{"a"}, Context: "c", Label: "y"}
	if _, err := NewCSV(s, []string{"arm", "c", "y"}, ',', true); err == nil || !strings.Contains(err.Error(), "source.context") {
		t.Errorf("csv: %v", err)
	}
	if _, err := NewVW(Schema{Context: "c"}, true); err == nil || !strings.Contains(err.Error(), "source.context") {
		t.Errorf("vw: %v", err)
	}
}
