package state_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// history is a chain in which every field of a record has a value somewhere.
func history() (out [][]byte) {
	v := state.Version{
		Number: 7, Sum: state.SumOf([]byte("parameters")), Parent: 6, Created: 1_700_000_000_123, Next: state.Position{Offset: 48_000, LeaderEpoch: 2},
		Learned: 47_980, Config: "c0ffee0123456789", Binary: "v0.1.0", Arch: "amd64", Guarded: true, MaxAgeMS: 60_000,
	}
	for i, r := range []state.AuditRecord{
		{Kind: state.AuditInit, Who: state.Automation, Why: "no stored state", Next: state.Position{LeaderEpoch: -1}, Mode: "learning"},
		{Kind: state.AuditPublish, Who: state.Automation, Mode: "learning", Version: &v},
		{Kind: state.AuditFreeze, Who: state.Automation, Why: "e_detector at 12.3, threshold 11.51", Mode: "frozen", From: "learning", Cause: "alarm",
			Alarm: &state.AuditAlarm{Detector: "e_detector", Statistic: 12.25, Threshold: 11.512925464970229}},
		{Kind: state.AuditRestore, Who: state.Automation, Mode: "frozen", Version: &v},
		{Kind: state.AuditCommand, Who: "ana@ops-1", Why: "café <closed> & \u2028 back", Given: 1_700_000_100_000, Mode: "frozen",
			Command: "thaw", Args: state.Args{Version: 3, Sum: v.Sum, Label: "<b>", Restore: true, Forced: true}, ID: "XK2", Error: "unknown command"},
		{Kind: state.AuditConfig, Who: state.Automation, Why: "snapshot.keep: stored 20, configured 30", Mode: "frozen"},
	} {
		r.Seq, r.At, r.Config, r.Binary, r.Arch = uint64(i)+1, 1_700_000_000_000+int64(i), "c0ffee0123456789", "v0.1.0", "amd64"
		if i > 0 {
			r.Prev = state.SumOf(out[i-1])
			r.Next, r.Fed, r.Learned = state.Position{Offset: 50_000 + int64(i), LeaderEpoch: 2}, 50_000+uint64(i), 49_990
		}
		out = append(out, r.Bytes())
	}
	return out
}

// chainOf is a stored chain whose account of itself is true.
func chainOf(records [][]byte) *state.Chain {
	c := &state.Chain{Records: records, Length: uint64(len(records))}
	if len(records) > 0 {
		c.Sum = state.SumOf(records[len(records)-1])
	}
	return c
}

func TestAuditGolden(t *testing.T) {
	want := append(bytes.Join(history(), []byte("\n")), '\n')
	conform.Golden(t, "audit", want, *rewrite)
	if fault := chainOf(bytes.Split(bytes.TrimSpace(want), []byte("\n"))).Verify(); fault != nil {
		t.Error(fault)
	}
}

func TestAuditRecordsAreBounded(t *testing.T) {
	r := state.AuditRecord{Seq: 1, Kind: state.AuditCommand, Who: strings.Repeat("\x00", 1<<20), Why: strings.Repeat("é", 5000) + "\xff", ID: "\xff",
		Args: state.Args{To: strings.Repeat("9", 1<<20)}, Alarm: &state.AuditAlarm{Statistic: math.Inf(1), Threshold: math.NaN()}}
	data := r.Bytes()
	got, err := state.ParseAudit(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 1<<15 || len(got.Why) > 2051 || !strings.HasSuffix(got.Why, "é...") || got.ID != "\ufffd" {
		t.Errorf("%d bytes, why %q, id %q", len(data), got.Why, got.ID)
	}
	if got.Alarm.Statistic != math.MaxFloat64 || got.Alarm.Threshold != 0 {
		t.Errorf("alarm %+v", got.Alarm)
	}
}

func TestTamperingIsFound(t *testing.T) {
	edit := func(data []byte) []byte { return bytes.Replace(data, []byte(`"who":"a`), []byte(`"who":"A`), 1) }
	for _, c := range []struct {
		name  string
		do    func(c *state.Chain)
		seq   uint64
		fault string
	}{
		{"untouched", func(*state.Chain) {}, 0, ""},
		{"old records dropped", func(c *state.Chain) { c.Records = c.Records[2:] }, 0, ""},
		{"edited", func(c *state.Chain) { c.Records[2] = edit(c.Records[2]) }, 3, state.FaultEdited},
		{"first edited", func(c *state.Chain) { c.Records[0] = edit(c.Records[0]) }, 1, state.FaultEdited},
		{"last edited", func(c *state.Chain) { c.Records[5] = edit(c.Records[5]) }, 6, state.FaultEdited},
		{"no record", func(c *state.Chain) { c.Records[3] = []byte("{}") }, 4, state.FaultEdited},
		{"first is no record", func(c *state.Chain) { c.Records[0] = nil }, 1, state.FaultEdited},
		{"spaces", func(c *state.Chain) { c.Records[3] = append(c.Records[3:4:4][0], ' ') }, 4, state.FaultEdited},
		{"removed", func(c *state.Chain) { c.Records = append(c.Records[:2:2], c.Records[3:]...) }, 3, state.FaultMissing},
		{"swapped", func(c *state.Chain) { c.Records[2], c.Records[3] = c.Records[3], c.Records[2] }, 3, state.FaultReordered},
		{"repeated", func(c *state.Chain) { c.Records = append(c.Records[:3:3], c.Records[2:]...) }, 3, state.FaultReordered},
		{"truncated", func(c *state.Chain) { c.Records = c.Records[:4] }, 5, state.FaultTruncated},
		{"emptied", func(c *state.Chain) { c.Records = nil }, 1, state.FaultTruncated},
		{"account shortened", func(c *state.Chain) { c.Length = 5 }, 6, state.FaultEdited},
	} {
		chain := chainOf(history())
		c.do(chain)
		fault := chain.Verify()
		switch {
		case fault == nil && c.fault == "":
		case fault == nil || fault.Seq != c.seq || fault.Fault != c.fault:
			t.Errorf("%s: %v, want record %d %s", c.name, fault, c.seq, c.fault)
		}
		if trail := chain.Trail(); (len(trail.Entries) > 0) != (c.fault == "") {
			t.Errorf("%s: its trail has %d entries", c.name, len(trail.Entries))
		}
	}
}

// A chain that was written anew from the edited record on agrees with itself:
// the mirror alone tells.
func TestTheMirrorTells(t *testing.T) {
	honest := history()
	forged := history()
	for i := 2; i < len(forged); i++ {
		r, err := state.ParseAudit(forged[i])
		if err != nil {
			t.Fatal(err)
		}
		r.Who, r.Prev = "nobody", state.SumOf(forged[i-1])
		forged[i] = r.Bytes()
	}
	for _, c := range []struct {
		name            string
		records, mirror [][]byte
		mirrored, seq   uint64
		fault           string
	}{
		{"same", honest, honest, 6, 0, ""},
		{"twice, and not all yet", honest, append(history()[:4], history()[2:5]...), 5, 0, ""},
		{"nothing mirrored yet", honest, nil, 0, 0, ""},
		{"mirror with the old ones", honest[3:], honest, 6, 0, ""},
		{"mirror without the old ones", honest, honest[3:], 6, 0, ""},
		{"forged", forged, honest, 6, 3, state.FaultEdited},
		{"truncated", honest[:4], honest, 4, 5, state.FaultTruncated},
		{"forked", honest, append(history(), forged[3]), 6, 4, state.FaultForked},
		{"hole in the mirror", honest, append(history()[:2], honest[4:]...), 6, 3, state.FaultMissing},
		{"end of the mirror lost", honest, honest[:3], 6, 4, state.FaultTruncated},
		{"mirror is no mirror", honest, [][]byte{[]byte("x")}, 6, 0, state.FaultEdited},
	} {
		chain := chainOf(c.records)
		last, err := state.ParseAudit(c.records[len(c.records)-1])
		if err != nil {
			t.Fatal(err)
		}
		chain.Length, chain.Mirrored = last.Seq, c.mirrored
		if fault := chain.Verify(); fault != nil {
			t.Fatalf("%s: %v", c.name, fault)
		}
		fault := chain.Compare(c.mirror)
		if fault == nil && c.fault == "" {
			continue
		}
		if fault == nil || fault.Seq != c.seq || fault.Fault != c.fault {
			t.Errorf("%s: %v, want record %d %s", c.name, fault, c.seq, c.fault)
		}
	}
}

func FuzzAudit(f *testing.F) {
	for _, data := range history() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := state.ParseAudit(data)
		if err != nil {
			return
		}
		long := false
		for _, s := range []string{r.Who, r.Why, r.Cause, r.Command, r.Args.Label, r.ID, r.Error} {
			long = long || len(s) > 2048
		}
		if got := r.Bytes(); !long && !bytes.Equal(got, data) {
			t.Errorf("%s is read and written as %s", data, got)
		}
		chain := state.Chain{Length: 1, Records: [][]byte{data}}
		_ = chain.Verify()
		_ = chain.Compare([][]byte{data})
	})
}
