package consumer

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// watcher is a learner that keeps the headers of its records and warns of the inputs at each.
type watcher struct {
	Learner
	headers [][]learner.Header
}

func (w *watcher) Feed(r learner.Record) *learner.Outcome {
	w.headers = append(w.headers, append([]learner.Header(nil), r.Headers...))
	o, cut := w.Learner.Feed(r), 10.0
	o.Inputs = []inputs.Warning{
		{Check: inputs.PSI, Field: "amount", Value: 1.5, Limit: 0.25, Event: 999, Offset: r.Offset, Evidence: &state.InputEvidence{
			From: 3, To: 7, Bins: []state.InputBin{{Below: &cut, Was: 0.9, Now: 0.2}, {Was: 0.1, Now: 0.8}},
		}},
		{Check: inputs.SourceShare, Field: "acme", Over: true},
	}
	return o
}

// A learner is given the headers of a record if it needs them; the record after has its own.
func TestHeadersOfRecords(t *testing.T) {
	batch := []*kgo.Record{
		{Offset: 0, Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}}},
		{Offset: 1},
		{Offset: 2, Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("3")}}},
	}
	for needed, want := range map[bool][][]learner.Header{
		true:  {{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}}, nil, {{Key: "a", Value: []byte("3")}}},
		false: {nil, nil, nil},
	} {
		s := feedingSession(t)
		s.p.c.cfg.Headers = needed
		w := &watcher{Learner: s.learner}
		s.learner = w
		if err := s.feed(batch); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, w.headers); diff != "" {
			t.Errorf("headers needed: %v (-want +got)\n%s", needed, diff)
		}
	}
}

func TestWarningsOfInputsAreLogged(t *testing.T) {
	s := feedingSession(t)
	var out bytes.Buffer
	s.p.log = slog.New(slog.NewTextHandler(&out, nil))
	s.learner = &watcher{Learner: s.learner}
	if err := s.feed([]*kgo.Record{{Offset: 7}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`level=WARN msg="warning of the inputs" check=psi field=amount value=1.5 limit=0.25 event=999 offset=7 from=3 findings="80% of the numbers above 10, was 10%"`,
		`level=INFO msg="warning of the inputs is over" check=source_share source=acme`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, out.String())
		}
	}
}
