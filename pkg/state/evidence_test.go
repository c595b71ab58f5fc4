package state_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// evidence is an example in which everything has moved.
func evidence() *state.Evidence {
	return &state.Evidence{
		From: 900, To: 999, Events: 100, Blocks: 2,
		Direction: &state.Moved{By: 2.5, Share: 0.75}, Loss: &state.Moved{By: 4, Mean: 0.9, Was: 0.4, Share: 0.25},
		Label:   &state.Moved{By: 2, Mean: 0.5, Was: 0.25},
		Pull:    []state.Pull{{Coordinate: 1, Hash: 0xa, Share: 0.5, TooHigh: true}, {Coordinate: 0, Share: 0.3}, {Coordinate: 99, Share: 0.2}},
		Inputs:  []state.Shift{{Hash: 0xa, By: 1.5, Share: 1, Was: 1}, {Hash: 0xb, Share: 0.4, Was: 0.1}},
		Keys:    []state.Presence{{Hash: 0xc, Share: 0.5, Was: 0.01}},
		Sources: []state.Presence{{Hash: 0xd, Name: "north", Share: 0.9, Was: 0.25}},
		Rejects: []state.Refused{{Reason: "extreme", Share: 0.6}},
	}
}

func TestFindings(t *testing.T) {
	name := func(h state.Hash) (string, bool) { return "amount", h == 0xa }
	got := evidence().Findings(name)
	want := []string{
		"60% of the records refused as extreme",
		"source north in 90% of the events, was 25%",
		"mean label 0.5, was 0.25 (+2.0 sd)",
		"loss 0.9, was 0.4 (+4.0 sd)",
		"predictions too high with amount (50% of the gradient's direction)",
		"predictions too low (30% of the gradient's direction)",
		"coordinate 99 in 20% of the gradient's direction",
		"amount moved by +1.5 of its sd",
		"#000000000000000b in 40% of the events, was 10%",
		"key #000000000000000c in 50% of the events, was 1%",
	}
	if !slices.Equal(got, want) {
		t.Errorf("findings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := evidence().What(); !slices.Equal(got, state.AllMoved()) {
		t.Errorf("moved: %v", got)
	}
	var none *state.Evidence
	if none.Findings(nil) != nil || none.What() != nil || len((&state.Evidence{}).What()) != 0 {
		t.Error("nothing has moved, and something is told")
	}
	if got := evidence().Findings(nil)[4]; !strings.Contains(got, "#000000000000000a") {
		t.Errorf("without names: %s", got)
	}
}

// An audit record with evidence has one encoding, which is read back.
func TestEvidenceInAuditRecords(t *testing.T) {
	r := state.AuditRecord{Seq: 1, Kind: state.AuditFreeze, Who: state.Automation, Mode: "frozen", Alarm: &state.AuditAlarm{Detector: "e_detector", Statistic: 3, Evidence: evidence()}}
	again, err := state.ParseAudit(r.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if string(again.Bytes()) != string(r.Bytes()) || again.Alarm.Evidence.Pull[0].Hash != 0xa {
		t.Errorf("%s\nread as %+v", r.Bytes(), again.Alarm.Evidence)
	}
	for _, bad := range []string{`"a"`, `"00000000000000zz"`, `"000000000000000000"`, `7`} {
		if err := json.Unmarshal([]byte(bad), new(state.Hash)); err == nil {
			t.Errorf("%s is taken for a hash", bad)
		}
	}
}
