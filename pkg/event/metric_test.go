package event

import (
	"slices"
	"strings"
	"testing"
)

// metricsOf decodes a record with the metrics ms and out.errors.
func metricsOf(t *testing.T, d Decoder, text string) []Metric {
	t.Helper()
	e := &Event{Metrics: []Metric{{1, 2}}}
	if err := d.Decode([]byte(text), e); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, f := range append(slices.Clone(e.X.Dense), e.X.Sparse...) {
		if f != num("a", 1) {
			t.Errorf("%s: %v is a feature", text, f)
		}
	}
	return e.Metrics
}

// A metric is a finite number, text of one, or a boolean. It is no feature, and what is none is absent.
func TestMetricsOfRecords(t *testing.T) {
	ms, failed := MetricName("ms"), MetricName("out.errors")
	d, err := NewJSON(Schema{Label: "y", Metrics: []string{"ms", "out.errors"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]Metric{
		`{"y":1,"a":1,"ms":12.5,"out":{"errors":2}}`:        {{ms, 12.5}, {failed, 2}},
		`{"y":1,"a":1,"ms":" 12.5 ","out":{"errors":true}}`: {{ms, 12.5}, {failed, 1}},
		`{"y":1,"a":1,"ms":-0.5,"out.errors":false}`:        {{ms, -0.5}, {failed, 0}},
		`{"y":1,"a":1}`: nil,
		`{"y":1,"a":1,"ms":null,"out":{"errors":"none"}}`:             nil,
		`{"y":1,"a":1,"ms":1e999,"out":{"errors":"inf"}}`:             nil,
		`{"y":1,"a":1,"ms":[1,2],"out":{"errors":{"n":1,"list":[]}}}`: nil,
		`{"y":1,"a":1,"ms":{"p50":3}}`:                                nil,
		`{"y":1,"a":1,"ms":1,"b":null,"ms":2}`:                        {{ms, 2}},
	} {
		if got := metricsOf(t, d, text); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	c, err := NewCSV(Schema{Label: "y", Metrics: []string{"ms"}}, []string{"y", "a", "ms"}, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	if got := metricsOf(t, c, "1,1,7"); !slices.Equal(got, []Metric{{ms, 7}}) {
		t.Errorf("csv: %v", got)
	}
	if got := metricsOf(t, c, "1,1,"); len(got) > 0 {
		t.Errorf("csv without a value: %v", got)
	}
	e := Event{Metrics: []Metric{{ms, 1}, {failed, 2}, {ms, 3}}}
	if v, ok := e.Metric(ms); v != 3 || !ok {
		t.Errorf("of two values of one name %v, %v counts", v, ok)
	}
	if _, ok := e.Metric(MetricName("other")); ok {
		t.Error("a metric that is not there")
	}
}

// Decisions and rewards of a loop both tell metrics, and readers are told that they are no features.
func TestMetricsOfALoop(t *testing.T) {
	s := Schema{ID: "id", Time: "ts", Label: "reward", Arm: "arm", Metrics: []string{"ms"}}
	l, err := NewLoop(LoopSchema{Schema: s, Kind: "kind", Decision: "decision", Reward: "reward", Activation: "shown"})
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	var m Message
	for _, text := range []string{
		`{"kind":"decision","id":"a","ts":1700000000000,"arm":1,"ms":5}`,
		`{"kind":"reward","id":"a","ts":1700000000000,"reward":1,"ms":5}`,
	} {
		if err := l.Decode([]byte(text), &e, &m); err != nil || !slices.Equal(e.Metrics, []Metric{{MetricName("ms"), 5}}) || e.X.Len() > 0 {
			t.Errorf("%s: %v, metrics %v, features %v", text, err, e.Metrics, e.X)
		}
	}
	if p := (Layout{Format: "json", Schema: s}).Published(); len(p.Metrics) > 0 || !slices.Contains(p.Exclude, "ms") {
		t.Errorf("published: metrics %q, excluded %q", p.Metrics, p.Exclude)
	}
}

func TestMetricsHaveOneMeaning(t *testing.T) {
	for want, edit := range map[string]func(s *LoopSchema){
		`"reward": is a part of what source.label names`: func(s *LoopSchema) { s.Metrics = []string{"reward"} },
		`features.numeric: "ms": is a metric`:            func(s *LoopSchema) { s.Numeric = []string{"ms"} },
		`"ms": is there twice`:                           func(s *LoopSchema) { s.Metrics = []string{"ms", "ms"} },
		"at most 8 fields":                               func(s *LoopSchema) { s.Metrics = strings.Split("a,b,c,d,e,f,g,h,i", ",") },
		`source.join.kind: "kind": is a metric`:          func(s *LoopSchema) { s.Metrics = []string{"kind"} },
	} {
		s := LoopSchema{Schema: Schema{ID: "id", Time: "ts", Label: "reward", Metrics: []string{"ms"}}, Kind: "kind", Decision: "decision", Reward: "reward", Activation: "shown"}
		edit(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
