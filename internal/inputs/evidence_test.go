package inputs_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Every kind of warning says what moved: the block, the shares then and now, and what the figure is made of.
func TestEvidenceOfWarnings(t *testing.T) {
	const good = 15_000
	type record = map[string]any
	for _, c := range []struct {
		check   inputs.Check
		field   string
		fault   func(n int, r record)
		example func(r record) bool // what the first part's offset leads to
		want    func(e *state.InputEvidence) bool
		text    []string
	}{
		{
			inputs.Missing, "country",
			func(n int, r record) {
				if n%5 == 0 {
					delete(r, "country")
				}
			}, nil,
			func(e *state.InputEvidence) bool {
				return e.Was == 0 && e.Now == 0.2 && e.Of == 1_000 && len(e.Parts) == 0 && e.Chance > 0
			},
			[]string{"missing of country 0.2, limit 0.1: 20%, was 0%"},
		},
		{
			inputs.Unseen, "country",
			func(n int, r record) {
				switch {
				case n%4 == 0:
					r["country"] = "atlantis"
				case n%8 == 1:
					r["country"] = fmt.Sprintf("x%d", n)
				}
			},
			func(r record) bool { return r["country"] == "atlantis" },
			func(e *state.InputEvidence) bool {
				p := e.Parts[0]
				return e.Now > 0.3 && p.Hash == state.Hash(xxhash.Sum64String("country=atlantis")) && p.Share > 0.2 && p.Share <= 0.25 && len(e.Parts) == state.MostParts
			},
			[]string{"was 0%", "country=atlantis, first at offset 1500", "5 more"},
		},
		{
			inputs.Unseen, "amount",
			func(_ int, r record) { r["amount"] = fmt.Sprint(r["amount"]) }, nil,
			func(e *state.InputEvidence) bool { return e.Now == 1 && len(e.Parts) == state.MostParts },
			nil,
		},
		{
			inputs.Unseen, "country",
			func(n int, r record) {
				if n%2 == 0 {
					r["country"] = 5
				}
			},
			func(r record) bool { return r["country"] == 5.0 },
			func(e *state.InputEvidence) bool {
				return e.Now == 0.5 && len(e.Parts) == 1 && e.Parts[0].Name == state.PartNumber && e.Parts[0].Share == 0.5
			},
			[]string{"50%, was 0%; 50% number, first at offset 15000"},
		},
		{
			inputs.OutOfRange, "age",
			func(n int, r record) {
				switch {
				case n%10 == 0:
					r["age"] = 1e6 + float64(n)
				case n%20 == 1:
					r["age"] = -9_999
				}
			},
			func(r record) bool { a, ok := r["age"].(float64); return ok && a > 1e6 },
			func(e *state.InputEvidence) bool {
				above, below := e.Parts[0], e.Parts[1]
				return above.Name == state.PartAbove && above.Share > 0.09 && above.Extreme > 1e6+good && below.Name == state.PartBelow && below.Extreme == -9_999
			},
			[]string{"above, to 1.016e+06", "below, to -9999"},
		},
		{
			inputs.PSI, "age",
			func(_ int, r record) {
				if a, ok := r["age"].(float64); ok {
					r["age"] = a / 2
				}
			}, nil,
			func(e *state.InputEvidence) bool {
				was, now := 0.0, 0.0
				for i, b := range e.Bins {
					was, now = was+b.Was, now+b.Now
					if i > 0 && i < 9 && !(*b.Below > *e.Bins[i-1].Below && math.Abs(*b.Below-200*float64(i+1)) < 60) {
						return false // the edges are the deciles of the reference, uniform from 0 to 2,000
					}
				}
				return len(e.Bins) == 10 && math.Abs(was-1) < 1e-3 && math.Abs(now-1) < 1e-3 && e.Bins[9].Below == nil && e.Bins[9].Now == 0
			},
			[]string{"of the numbers ", ", was "},
		},
		{
			inputs.NewFields, "",
			func(n int, r record) {
				r["visit_count"] = 3
				if n%2 == 0 {
					r["note"] = "text"
				}
			},
			func(r record) bool { return r["visit_count"] == 3.0 },
			func(e *state.InputEvidence) bool {
				return e.Now == 1 && len(e.Parts) == 2 && e.Parts[0].Name == "visit_count" && e.Parts[0].Share == 1 && e.Parts[1].Name == "note" && e.Parts[1].Share == 0.5
			},
			[]string{"100% visit_count", "50% note"},
		},
		{
			inputs.Duplicates, "",
			func(n int, r record) {
				if n%2 == 0 {
					for k, v := range map[string]any{"amount": 5.0, "age": 7.0, "visits": 1, "country": "de", "merchant": "m1", "online": true, "fraud": 1} {
						r[k] = v
					}
				}
			},
			func(r record) bool { return r["age"] == 7.0 },
			func(e *state.InputEvidence) bool {
				return e.Now > 0.45 && e.Parts[0].Share > 0.45 && e.Parts[0].Hash != 0
			},
			[]string{"the same event as at offset "},
		},
		{
			inputs.SourceShare, "evil",
			func(n int, r record) {
				if n%2 == 0 {
					r["partner"] = "evil"
				}
			},
			func(r record) bool { return r["partner"] == "evil" },
			func(e *state.InputEvidence) bool {
				return e.Of == 1_000 && len(e.Parts) == 6 && e.Parts[0].Name == "evil" && e.Parts[0].Refused == 200 && e.Now == 0.2 && e.Parts[1].Share < 0.15
			},
			[]string{"50% evil, 200 events refused", "3 more"},
		},
		{
			inputs.Skew, "visits",
			func(_ int, r record) {
				seen := record{}
				for k, v := range r {
					if k != "fraud" && k != "visits" {
						seen[k] = v
					}
				}
				r["seen"] = seen
			}, func(record) bool { return true },
			func(e *state.InputEvidence) bool { return e.Parts[0].Name == state.PartAbsent && e.Parts[0].Share == 1 },
			[]string{"100% absent then, first at offset 15000"},
		},
	} {
		t.Run(c.check.String()+" "+c.field, func(t *testing.T) {
			config := watched(func(c *inputs.Config) { c.MaxDuplicates, c.MaxSourceShare, c.Logged = 0.2, 0.3, "seen" })
			s := newStation(t, config, event.Schema{Source: "partner"})
			records := map[int64]record{}
			s.run(t, newPayments(7, func(n int, r record) {
				if n >= good {
					c.fault(n, r)
					kept := record{}
					for k, v := range r {
						if i, ok := v.(int); ok {
							v = float64(i)
						}
						kept[k] = v
					}
					if i, ok := kept["country"].(float64); ok && i == 5 {
						kept["country"] = 5.0
					}
					records[int64(n)] = kept
				}
			}), good+4_000)
			var w *inputs.Warning
			for i := range s.warnings {
				if s.warnings[i].Check == c.check && s.warnings[i].Field == c.field && !s.warnings[i].Over {
					w = &s.warnings[i]
					break
				}
			}
			if w == nil {
				t.Fatalf("no such warning: %+v", s.begun())
			}
			e := w.Evidence
			if e == nil || e.From < good-1_000 || e.To != w.Offset || e.To-e.From != 999 && c.check != inputs.NewFields && e.To-e.From < 900 {
				t.Fatalf("warning at offset %d with evidence %+v", w.Offset, e)
			}
			if !c.want(e) {
				t.Errorf("evidence %+v", e)
			}
			if c.example != nil && !c.example(records[e.Parts[0].Offset]) {
				t.Errorf("the record at offset %d is no example: %v", e.Parts[0].Offset, records[e.Parts[0].Offset])
			}
			d := w.Document()
			text := d.Text(func(h state.Hash) (string, bool) {
				return "country=atlantis", h == state.Hash(xxhash.Sum64String("country=atlantis"))
			})
			for _, part := range c.text {
				if !strings.Contains(text, part) {
					t.Errorf("text %q lacks %q", text, part)
				}
			}
		})
	}
}
