package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// guard show lists the warnings of the inputs with what moved, and draws the newest distribution.
func TestGuardShowsInputWarnings(t *testing.T) {
	cut := 121.5
	g := guardStatus{Warned: inputAlarmsOf([]state.InputWarning{
		{
			Check: "psi", Field: "amount", Value: 2.79, Limit: 0.25, Event: 15_999, Offset: 15_999, Over: 21_999,
			Evidence: &state.InputEvidence{From: 15_000, To: 15_999, Of: 1_000, Bins: []state.InputBin{{Below: &cut, Was: 0.9, Now: 0.288}, {Was: 0.1, Now: 0.712}}},
		},
		{
			Check: "unseen", Field: "country", Value: 0.33, Limit: 0.1, Event: 17_999, Offset: 17_999,
			Evidence: &state.InputEvidence{From: 17_000, To: 17_999, Of: 1_000, Was: 0.0002, Now: 0.333, Parts: []state.InputPart{
				{Hash: 7, Share: 0.25, Offset: 17_004}, {Hash: 8, Share: 0.001, Offset: 17_100},
			}},
		},
	}, func(h state.Hash) (string, bool) { return "country=atlantis", h == 7 })}
	var out bytes.Buffer
	if err := g.printWarned(&out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{
		"unseen         country  17999  17000 to 17999   0.33    0.1  stands", "country=atlantis, first at offset 17004", "#0000000000000008",
		"15000 to 15999", "over", "71.2% of the numbers above 121.5, was 10%", "up to 121.5  90%  28.8%", "distribution at offsets 15000 to 15999",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Index(text, "unseen") > strings.Index(text, "psi") {
		t.Errorf("the newest is not first:\n%s", text)
	}
	if g.Warned[0].Names["0000000000000007"] != "country=atlantis" || len(g.Warned[0].Names) != 1 || len(g.Warned[1].Findings) != 1 {
		t.Errorf("document %+v", g.Warned)
	}
}
