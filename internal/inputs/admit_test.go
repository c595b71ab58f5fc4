package inputs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
)

func TestRules(t *testing.T) {
	c := inputs.Default()
	c.Rules = []inputs.Rule{
		{Field: "amount", Required: true, Range: []float64{0, 1000}},
		{Field: "fee", Range: []float64{-5, 5}},
		{Field: "country", Values: []string{"de", "fr"}},
		{Field: "zip", Type: inputs.Category},
		{Field: "score", Type: inputs.Number},
		{Field: "note", Required: true},
		{Field: "geo.lat", Range: []float64{-90, 90}},
	}
	schema := event.Schema{Log1p: []string{"amount"}, Missing: []string{"note", "score"}, Text: []string{"note"}, Categorical: []string{"zip"}, Cross: [][]string{{"country", "zip"}}}
	for _, tc := range []struct {
		record string
		reason event.Reason
		field  string
		detail string
	}{
		{`{"amount":10,"note":"a"}`, event.Accepted, "", ""},
		{`{"amount":1000,"note":"a","fee":-5,"country":"fr","zip":7,"score":1.5,"geo":{"lat":90}}`, event.Accepted, "", ""},
		{`{"amount":1000.5,"note":"a"}`, event.OutOfRange, "amount", "1000.5: must be from 0 to 1000"},
		{`{"amount":-1,"note":"a"}`, event.OutOfRange, "amount", "-1: must be from 0 to 1000"},
		{`{"note":"a"}`, event.FieldMissing, "amount", "absent"},
		{`{"amount":null,"note":"a"}`, event.FieldMissing, "amount", "absent"},
		{`{"amount":"10","note":"a"}`, event.TypeInvalid, "amount", "must be a number"},
		{`{"amount":10}`, event.FieldMissing, "note", "absent"},
		{`{"amount":10,"note":""}`, event.FieldMissing, "note", "absent"},
		{`{"amount":10,"note":"a","fee":6}`, event.OutOfRange, "fee", "6: must be from -5 to 5"},
		{`{"amount":10,"note":"a","country":"us"}`, event.CategoryUnknown, "country", "none of the 2 values"},
		{`{"amount":10,"note":"a","country":3}`, event.TypeInvalid, "country", "must be a category"},
		{`{"amount":10,"note":"a","score":true}`, event.TypeInvalid, "score", "must be a number"},
		{`{"amount":10,"note":"a","geo":{"lat":91}}`, event.OutOfRange, "geo.lat", "91: must be"},
	} {
		s := newStation(t, c, schema)
		ok := s.feed(t, []byte(`{"fraud":1,`+tc.record[1:]))
		switch {
		case ok != (tc.reason == event.Accepted):
			t.Errorf("%s: admitted %v, want %v: %v", tc.record, ok, tc.reason, s.last)
		case !ok && (s.last.Reason != tc.reason || s.last.Field != tc.field || !strings.Contains(s.last.Detail, tc.detail)):
			t.Errorf("%s: %v, want %v of %s with %q", tc.record, s.last, tc.reason, tc.field, tc.detail)
		}
	}
}

// A partner who supplies 40% of the events, all with a label of its own choice, gets no
// more than its share of any block, and the others keep theirs.
func TestSourceThatFloods(t *testing.T) {
	c := inputs.Default()
	c.MaxSourceShare = 0.25
	s := newStation(t, c, event.Schema{Source: "partner"})
	const events = 20_000
	admitted := map[string]int{}
	p := newPayments(11, func(n int, r map[string]any) {
		if n%5 < 2 {
			r["partner"], r["fraud"] = "evil", 0
		}
	})
	for n := range events {
		ok := s.feed(t, p.next(t))
		source := string(s.e.Source)
		if ok {
			admitted[source]++
		} else if source != "evil" || s.last.Reason != event.SourceShare || !strings.Contains(s.last.Detail, `the source "evil" has supplied more than 250 of a block of 1000 events`) {
			t.Fatalf("event %d of %s refused: %v", n, source, s.last)
		}
		if n%1000 == 999 && admitted["evil"] != 250*(n/1000+1) {
			t.Fatalf("%d events of the flood were admitted of %d", admitted["evil"], n+1)
		}
	}
	if n := s.refused[event.SourceShare]; n != events*2/5-events/4 {
		t.Errorf("%d refused, want %d", n, events*2/5-events/4)
	}
	if len(s.warnings) != 1 || s.warnings[0].Check != inputs.SourceShare || s.warnings[0].Field != "evil" || s.warnings[0].Value != 0.4 {
		t.Errorf("warnings: %+v", s.warnings)
	}
	sources := s.guard.Report().Sources
	if len(sources) != 6 || sources[0].Source != "evil" || sources[0].Share != 0.4 || sources[0].Refused != 150 {
		t.Errorf("sources: %+v", sources)
	}
}

// Events that hide their source share one; many small sources are not limited, and are not named.
func TestSourcesWithoutName(t *testing.T) {
	c := inputs.Default()
	c.MaxSourceShare = 0.2
	s := newStation(t, c, event.Schema{Source: "partner"})
	s.run(t, newPayments(4, func(n int, r map[string]any) {
		if n%2 == 0 {
			delete(r, "partner")
		} else {
			r["partner"] = fmt.Sprint("one of many ", n)
		}
	}), 5_000)
	if n := s.refused[event.SourceShare]; n != 5*(500-200) {
		t.Errorf("%d refused, want %d", n, 5*300)
	}
	if got := s.guard.Report().Sources; len(got) != 1 || got[0].Source != "" || got[0].Share != 0.5 {
		t.Errorf("sources: %+v", got)
	}
}

// A producer that sends its last 300 records over and over, with noise in the last digits.
func TestReplayedRecords(t *testing.T) {
	for _, action := range []string{inputs.Warn, inputs.Reject} {
		c := inputs.Default()
		c.MaxDuplicates, c.Duplicates = 0.3, action
		s := newStation(t, c, event.Schema{})
		p := newPayments(9, nil)
		s.run(t, p, 10_000)
		if len(s.warnings)+len(s.refused) > 0 || s.guard.Report().Duplicates > 0.01 {
			t.Fatalf("%s: a good stream: %+v, refused %v, share %v", action, s.warnings, s.refused, s.guard.Report().Duplicates)
		}
		var sent []map[string]any
		again := newPayments(9, func(n int, r map[string]any) {
			if n < 300 {
				sent = append(sent, r)
				return
			}
			for k, v := range sent[n%300] {
				if x, ok := v.(float64); ok {
					v = x * 1.0001
				}
				r[k] = v
			}
			if _, ok := sent[n%300]["age"]; !ok {
				delete(r, "age")
			}
		})
		s.run(t, again, 5_300)
		r := s.guard.Report()
		if len(s.warnings) != 1 || s.warnings[0].Check != inputs.Duplicates || r.Duplicates < 0.9 {
			t.Errorf("%s: warnings %+v, share %v", action, s.warnings, r.Duplicates)
		}
		if n := s.refused[event.NearDuplicate]; (n > 0) != (action == inputs.Reject) || n > 0 && (n < 2_500 || n > 3_500) {
			t.Errorf("%s: %d refused of 5,000", action, n)
		}
	}
}
