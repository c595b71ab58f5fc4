package python

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/factor"
)

// models is a golden file of models that score the same events.
type models struct {
	Schema event.Layout
	Events []string
	Models []scored
}

// scoreAll is what a model says of the events.
func scoreAll(file string, es []event.Event, score func(e *event.Event) float64) scored {
	s := scored{Model: filepath.ToSlash(file)}
	for i := range es {
		s.Scores = append(s.Scores, hex(score(&es[i])))
	}
	return s
}

func TestGoldenFactor(t *testing.T) {
	out := models{Schema: event.Layout{Format: "json"}}
	for i := range 12 {
		out.Events = append(out.Events, fmt.Sprintf(`{"fielda":%d,"fieldb":%v,"user":"%c","item":"%c"}`, i*2%11-4, float64(i*3%11)/3-1, 'a'+i%6, 'a'+i%9))
	}
	out.Events = append(out.Events, `{"fielda":0,"other":["x","y"],"user":["a","zz"]}`, `{"item":"b"}`, `{"new":true,"fieldb":1e8}`)
	es := events(t, out.Schema.Schema, out.Events)
	for _, file := range modelFiles(t, "factor") {
		m, err := factor.Open(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		out.Models = append(out.Models, scoreAll(file, es, m.Score))
	}
	golden(t, "factor", out)
}

// Models behind encodings are learned here, from records.
func TestGoldenEncoded(t *testing.T) {
	schema := event.Schema{
		Label: "label", Include: []string{"zip", "country", "amount", "word"}, Text: []string{"word"},
		Target: []string{"zip", "country"}, Count: []string{"zip"},
	}
	out := models{Schema: event.Layout{Format: "json", Schema: schema}}
	record := func(i int) string {
		return fmt.Sprintf(`{"zip":[%d,"z%d"],"country":"c%d","amount":%v,"word":"w%d common","label":%d}`, i*i%17, i%5, i%3, float64(i*7%50)/4, i*i%40, i*i%7/4)
	}
	for i := range 15 {
		out.Events = append(out.Events, record(300+i*3))
	}
	out.Events = append(out.Events, `{"amount":2}`, `{"zip":"never","country":"c1"}`, `{"word":"w1 w2 w3 w4 w5 w36 common rare"}`)
	es := events(t, schema, out.Events)
	for _, s := range []struct {
		name   string
		encode encode.Config
		edit   func(l *catalog.Learner)
	}{
		{"target", encode.Config{Prior: 20, Bits: 6}, func(*catalog.Learner) {}},
		{"half-life", encode.Config{Prior: 0, Bits: 10, HalfLife: 37.5, MinCount: 4}, func(l *catalog.Learner) { l.Loss, l.Optimizer = "squared", "nag" }},
		{"expiry", encode.Config{Prior: 3, Bits: 8, MinCount: 3, ExpireAfter: 25}, func(l *catalog.Learner) { l.Optimizer = "ftrl" }},
		{"exact", encode.Config{MinCount: 2, ExpireAfter: 30}, func(l *catalog.Learner) { l.Bits = 0 }},
		{"factor", encode.Config{Prior: 20, Bits: 6, MinCount: 2}, func(l *catalog.Learner) { l.Kind = "factor" }},
	} {
		l := catalog.DefaultLearner()
		l.Bits = 8
		s.edit(&l)
		m, err := catalog.Encoded(l, s.encode)
		if err != nil {
			t.Fatal(err)
		}
		decoder, err := event.NewJSON(schema, true)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		for i := range 200 {
			if err := decoder.Decode([]byte(record(i)), &e); err != nil {
				t.Fatal(err)
			}
			if step := m.Learn(&e); step.Reject != nil {
				t.Fatal(step.Reject)
			}
		}
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("tests", "golden", s.name+".model")
		goldenBytes(t, file, b)
		scorer, ok := m.(interface{ Score(e *event.Event) float64 })
		if !ok {
			t.Fatalf("%s: %T does not score", s.name, m)
		}
		out.Models = append(out.Models, scoreAll(file, es, scorer.Score))
	}
	golden(t, "encoded", out)
}

// goldenBytes compares bytes with a golden file.
func goldenBytes(t *testing.T, path string, got []byte) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, path); string(want) != string(got) {
		t.Errorf("%s is not what the program gives: run go test ./clients/python -update, and see that the change is meant", path)
	}
}
