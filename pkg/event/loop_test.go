package event

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func loopSchema() LoopSchema {
	return LoopSchema{
		Schema: Schema{Label: "reward", Time: "ts", ID: "id", Arm: "arm", Arms: []string{"a", "b"}, Probability: "p"},
		Kind:   "kind", Decision: "decision", Reward: "reward", Activation: "shown", Shown: "shown", RewardID: "rid",
	}
}

func TestLoopTellsRecordsApart(t *testing.T) {
	l, err := NewLoop(loopSchema())
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	var m Message
	decision := []byte(`{"kind":"decision","id":"d-1","ts":1732456800000,"x":2,"arm":"b","p":0.25,"shown":false,"reward":7}`)
	for range 2 {
		if err := l.Decode(decision, &e, &m); err != nil {
			t.Fatal(err)
		}
		if m.Kind != DecisionMessage || m.Shown != NeverShown || string(e.ID) != "d-1" || e.Time != 1732456800000 || e.Arm != 1 || e.Prob != 0.25 ||
			e.Labelled || e.X.Len() != 1 || e.X.Dense[0].Value != 2 {
			t.Fatalf("%+v, %+v", m, e)
		}
		if err := l.Decode([]byte(`{"kind":"reward","id":"d-1","ts":1732456860000,"reward":1.5,"rid":"r-9","x":3}`), &e, &m); err != nil {
			t.Fatal(err)
		}
		if m.Kind != RewardMessage || string(m.RewardID) != "r-9" || string(e.ID) != "d-1" || e.Label != 1.5 || !e.Labelled || e.X.Len() != 0 {
			t.Fatalf("%+v, %+v", m, e)
		}
		if err := l.Decode([]byte(`{"kind":"shown","id":"d-1","ts":1732456801000}`), &e, &m); err != nil {
			t.Fatal(err)
		}
		if m.Kind != ActivationMessage || e.Time != 1732456801000 {
			t.Fatalf("%+v, %+v", m, e)
		}
	}
	if err := l.Again(decision, &e); err != nil || e.Labelled || e.X.Len() != 1 {
		t.Errorf("again: %v, %+v", err, e)
	}
}

// A decision stays readable when arms are added before its reward has come.
func TestLoopReadsDecisionsOfFewerArmsAgain(t *testing.T) {
	s := loopSchema()
	s.Actions = "actions"
	loop := func(arms ...string) *Loop {
		t.Helper()
		s.Arms = arms
		l, err := NewLoop(s)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	var e Event
	var m Message
	decision := []byte(`{"kind":"decision","id":"1","ts":1732456800000,"arm":"b","p":0.5,"actions":[{"x":1},{"x":2}]}`)
	if err := loop("a", "b").Decode(decision, &e, &m); err != nil || len(e.Eligible) != 0 {
		t.Fatal(err, e.Eligible)
	}
	l := loop("a", "b", "c", "d")
	if err := l.Decode(decision, &e, &m); err == nil {
		t.Error("a new decision with features of two of four arms was taken")
	}
	if err := l.Again(decision, &e); err != nil {
		t.Fatal(err)
	}
	if want := []bool{true, true, false, false}; !slices.Equal(e.Eligible, want) || len(e.Actions) != 4 ||
		e.Actions[0].Dense[0].Value != 1 || e.Actions[1].Dense[0].Value != 2 || e.Actions[2].Len()+e.Actions[3].Len() != 0 {
		t.Errorf("eligible %v, actions %+v", e.Eligible, e.Actions)
	}
	if err := loop("a").Again(decision, &e); err == nil {
		t.Error("a decision with features of more arms than there are was taken")
	}
}

func TestLoopRefuses(t *testing.T) {
	l, err := NewLoop(loopSchema())
	if err != nil {
		t.Fatal(err)
	}
	for record, want := range map[string]string{
		`{"kind":"decision","id":"1","ts":1,"arm":"c","p":1}`:                "arm_unknown",
		`{"kind":"decision","id":"1","ts":1,"p":1}`:                          "arm_unknown",
		`{"kind":"decision","id":"1","ts":1,"arm":"a","p":0}`:                "propensity_invalid",
		`{"kind":"decision","id":"1","ts":1,"arm":"a","p":1.5}`:              "propensity_invalid",
		`{"kind":"decision","id":"1","ts":1,"arm":"a","p":"NaN"}`:            "propensity_invalid",
		`{"kind":"decision","id":"1","ts":1,"arm":"a"}`:                      "propensity_invalid",
		`{"kind":"decision","ts":1,"arm":"a","p":1}`:                         "id_missing",
		`{"kind":"decision","id":"1","ts":1,"arm":"a","p":1,"shown":"soon"}`: "kind_unknown",
		`{"kind":"click","id":"1","ts":1}`:                                   `kind_unknown: field "kind": "click": must be decision, reward or shown`,
		`{"id":"1","ts":1}`:                                                  "kind_unknown",
		`{"kind":"reward","id":"1","ts":1}`:                                  "label_missing",
		`{"kind":"reward","id":"1","ts":1,"reward":"NaN"}`:                   "label_invalid",
		`{"kind":"reward","id":"1","ts":1,"reward":1e999}`:                   "label_invalid",
		`{"kind":"reward","id":"","ts":1,"reward":1}`:                        "id_missing",
		`{"kind":"reward","id":"1","ts":"noon","reward":1}`:                  "time_invalid",
		`{"kind":"shown","ts":1}`:                                            "id_missing",
		`{"kind":"reward","id":"1"`:                                          "syntax",
	} {
		var e Event
		var m Message
		err := l.Decode([]byte(record), &e, &m)
		if r := (*Rejection)(nil); !errors.As(err, &r) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", record, err, want)
		}
	}
}

func TestLoopSchemaNamesTheRemedy(t *testing.T) {
	for want, edit := range map[string]func(*LoopSchema){
		"source.label: empty":                              func(s *LoopSchema) { s.Label = "" },
		"source.id: empty":                                 func(s *LoopSchema) { s.ID = "" },
		"source.time: empty":                               func(s *LoopSchema) { s.Time = "" },
		"source.join.kind: empty":                          func(s *LoopSchema) { s.Kind = "" },
		`source.join.kind: "id": is already named by`:      func(s *LoopSchema) { s.Kind = "id" },
		`source.join.reward_id: "shown": is already named`: func(s *LoopSchema) { s.RewardID = "shown" },
		"source.join.decision: empty":                      func(s *LoopSchema) { s.Decision = "" },
		`source.join.reward: "decision": is the value of`:  func(s *LoopSchema) { s.Reward = "decision" },
		"source.class_weights: [1 2]: must be empty":       func(s *LoopSchema) { s.Arm, s.Arms, s.Probability, s.ClassWeights = "", nil, "", []float64{1, 2} },
		"source.sample_negatives: 0.5: must be 1 with":     func(s *LoopSchema) { s.Arm, s.Arms, s.Probability, s.SampleNegatives = "", nil, "", 0.5 },
		`"id": is already named by source.label`:           func(s *LoopSchema) { s.Label = "id" },
	} {
		s := loopSchema()
		edit(&s)
		if _, err := NewLoop(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestLoopAllocatesNothing(t *testing.T) {
	l, err := NewLoop(loopSchema())
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	var m Message
	decision := []byte(`{"kind":"decision","id":"d-1","ts":1732456800000,"x":2,"arm":"b","p":0.25,"shown":false}`)
	reward := []byte(`{"kind":"reward","id":"d-1","ts":1732456860000,"reward":1.5}`)
	feed := func() {
		if l.Decode(decision, &e, &m) != nil || l.Decode(reward, &e, &m) != nil || l.Again(decision, &e) != nil {
			t.Fatal("refused")
		}
	}
	feed()
	if n := testing.AllocsPerRun(100, feed); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
