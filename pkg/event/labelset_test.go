package event

import (
	"strings"
	"testing"
)

// labelled is an event of the feature a with a set of labels, or with costs.
func labelled(labels []uint32, costs []Cost) *Event {
	return &Event{Weight: 1, Labelled: true, Label: float64(len(labels) + len(costs)), Labels: labels, Costs: costs, X: Vector{Dense: []Feature{num("a", 1)}}}
}

func TestLabelSets(t *testing.T) {
	named := Schema{Label: "y", LabelType: LabelSet, Classes: []string{"red", "green", "2"}}
	d, err := NewJSON(named, true)
	if err != nil {
		t.Fatal(err)
	}
	for y, want := range map[string][]uint32{
		`["green","red"]`: {0, 1}, `["green","green"]`: {1}, `[2.0,"red",null]`: {0, 2}, `[]`: nil, ` [ ] `: nil, `"green, red"`: {0, 1},
		`"red"`: {0}, `2`: {2}, `["gr\u0065en"]`: {1},
	} {
		wantEvent(t, d, `{"y":`+y+`,"a":1}`, labelled(want, nil))
		wantEvent(t, d, `{"y":1,"a":2,"a":1,"y":`+y+`}`, labelled(want, nil)) // a key that occurs twice
	}
	var e Event
	for y, want := range map[string]string{
		`["blue"]`: `"blue" is no class; source.classes allows ["red" "green" "2"]`, `[["red"]]`: "has an object or array inside",
		`{"red":1}`: "is an object; a set of classes must be an array", `"red,blue"`: `"blue" is no class`, `true`: "is no class",
	} {
		err := d.Decode([]byte(`{"y":`+y+`,"a":1}`), &e)
		wantRejection(t, err, LabelInvalid, "y")
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", y, err, want)
		}
	}
	for y, reason := range map[string]Reason{`["red"`: Syntax, `["red";"green"]`: Syntax, `[,]`: Syntax, `["red",]`: Syntax, `null`: LabelMissing, `""`: LabelMissing} {
		if r, ok := d.Decode([]byte(`{"y":`+y+`,"a":1}`), &e).(*Rejection); !ok || r.Reason != reason {
			t.Errorf("%s: %v, want %v", y, r, reason)
		}
	}
	named.LabelSeparator = ";"
	csv, err := NewCSV(named, []string{"y", "a"}, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	wantEvent(t, csv, "2; red,1", labelled([]uint32{0, 2}, nil))
	wantEvent(t, csv, ";,1", labelled(nil, nil))
	scoring, err := NewJSON(named, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range []string{`["blue"]`, `{"red":1}`, `"blue"`} {
		wantEvent(t, scoring, `{"y":`+y+`,"a":1}`, &Event{Weight: 1, X: Vector{Dense: []Feature{num("a", 1)}}})
	}
}

// Without names classes are indices. The lines are those of the documentation of
// LIBSVM's multi-label format and of Vowpal Wabbit's --multilabel_oaa.
func TestLabelSetsOfTextFormats(t *testing.T) {
	s := Schema{LabelType: LabelSet}
	svm, err := NewLibSVM(s, true)
	if err != nil {
		t.Fatal(err)
	}
	vw, err := NewVW(s, true)
	if err != nil {
		t.Fatal(err)
	}
	for d, lines := range map[Decoder][2]string{svm: {"3,1 7:1", " 7:1"}, vw: {"1,3 | 7", ""}} {
		x := Vector{Sparse: []Feature{hot("7", 1)}}
		if d == Decoder(svm) {
			x.Sparse[0].Field = 0
		}
		wantEvent(t, d, lines[0], &Event{Weight: 1, Labelled: true, Label: 2, Labels: []uint32{1, 3}, X: x})
		if lines[1] != "" {
			wantEvent(t, d, lines[1], &Event{Weight: 1, Labelled: true, X: x})
		}
		var e Event
		wantRejection(t, d.Decode([]byte(strings.Replace(lines[0], "3", "1.5", 1)), &e), LabelInvalid, "label")
	}
}

func TestLabelCosts(t *testing.T) {
	named := Schema{Label: "y", LabelType: LabelCosts, Classes: []string{"red", "green", "blue"}}
	d, err := NewJSON(named, true)
	if err != nil {
		t.Fatal(err)
	}
	all := []Cost{{0, 0.5}, {1, 0}, {2, -2}}
	for y, want := range map[string][]Cost{
		`[0.5,0,-2]`: all, `{"blue":-2,"red":0.5,"green":0}`: all, `"red:0.5,green:0,blue:-2"`: all,
		`[null,3,null]`: {{1, 3}}, `{"green":3,"red":null}`: {{1, 3}}, `{"green":"3"}`: {{1, 3}},
	} {
		wantEvent(t, d, `{"y":`+y+`,"a":1}`, labelled(nil, want))
		wantEvent(t, d, `{"a":2,"a":1,"y":`+y+`}`, labelled(nil, want))
	}
	var e Event
	for _, y := range []string{`{"pink":1}`, `{"red":"x"}`, `{}`, `[]`, `[null]`, `{"red":1,"red":2}`, `"red"`, `"red:1,red:2"`, `{"red":{}}`, `[1e999]`, `3`} {
		wantRejection(t, d.Decode([]byte(`{"y":`+y+`,"a":1}`), &e), LabelInvalid, "y")
	}
	vw, err := NewVW(Schema{LabelType: LabelCosts, Classes: []string{"1", "2", "3"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	wantEvent(t, vw, "1:0.5 3:2 |f a", &Event{Weight: 1, Labelled: true, Label: 2, Costs: []Cost{{0, 0.5}, {2, 2}}, X: Vector{Sparse: []Feature{hot("f^a", 1)}}})
	if _, err := NewLibSVM(Schema{LabelType: LabelCosts}, true); err == nil || !strings.Contains(err.Error(), "source.label_type") {
		t.Errorf("libsvm with costs: %v", err)
	}
	if _, err := NewVWJSON(Schema{LabelType: LabelCosts}, true); err == nil || !strings.Contains(err.Error(), "source.label_type") {
		t.Errorf("vwjson with costs: %v", err)
	}
}

func TestLabelTypeIsChecked(t *testing.T) {
	for want, s := range map[string]Schema{
		`source.label_type: "set": must be empty, multilabel or costs`:                   {LabelType: "set"},
		`source.label_separator: ";": needs source.label_type`:                           {LabelSeparator: ";"},
		`source.label_separator: ":": must be one character`:                             {LabelType: LabelSet, LabelSeparator: ":"},
		`source.label_type: "multilabel": source.positive must be empty`:                 {LabelType: LabelSet, Positive: "a"},
		`source.label_type: "costs": must be empty with source.arm`:                      {LabelType: LabelCosts, Arm: "arm"},
		`source.label_type: "costs": source.class_weights must be empty and source.samp`: {LabelType: LabelCosts, SampleNegatives: 0.5},
	} {
		if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestLabelsDoNotAllocate(t *testing.T) {
	for label, y := range map[string]string{LabelSet: `["red","blue"]`, LabelCosts: `{"red":1,"blue":2}`} {
		d, err := NewJSON(Schema{Label: "y", LabelType: label, Classes: []string{"red", "green", "blue"}}, true)
		if err != nil {
			t.Fatal(err)
		}
		var e Event
		record := []byte(`{"y":` + y + `,"a":1}`)
		if n := testing.AllocsPerRun(100, func() { _ = d.Decode(record, &e) }); n != 0 {
			t.Errorf("%s: %v allocations", label, n)
		}
	}
}
