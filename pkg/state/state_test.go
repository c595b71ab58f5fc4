package state_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/pkg/state"
)

func TestParseKey(t *testing.T) {
	for text, want := range map[string]state.Key{
		"fraud/3":          {Model: "fraud", Partition: 3},
		"a_b-9/2147483647": {Model: "a_b-9", Partition: 2147483647},
	} {
		if got, err := state.ParseKey(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "fraud", "fraud/", "/3", "fraud/03", "fraud/-1", "fraud/+1", "fraud/2147483648", "Fraud/1", "a{b}/1", "a/b/1", "fraud/1 "} {
		if k, err := state.ParseKey(text); err == nil {
			t.Errorf("%q: accepted as %+v", text, k)
		}
	}
}

func TestParseSum(t *testing.T) {
	// SHA-256 of "abc", FIPS 180-4 example
	// (https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values).
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got, err := state.ParseSum(abc); err != nil || got != state.SumOf([]byte("abc")) || got.String() != abc {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", abc[1:], abc + "0", "x" + abc[1:]} {
		if _, err := state.ParseSum(text); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

// The JSON of a pointer is a format that readers in other languages depend on.
func TestPointerJSON(t *testing.T) {
	p := state.Pointer{
		Version: state.Version{
			Number: 12, Sum: state.SumOf([]byte("abc")), Parent: 11, Created: 1_700_000_000_000, Next: state.Position{Offset: 48000, LeaderEpoch: 2},
			Learned: 47980, Config: "c0ffee", Binary: "v0.1.0", Arch: "amd64", Guarded: true, MaxAgeMS: 60000,
			Loss: 0.25,
		},
		Mode: "frozen",
	}
	const want = `{"n":12,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","parent":11,"created":1700000000000,` +
		`"next":{"offset":48000,"leader_epoch":2},"learned":47980,"config":"c0ffee","binary":"v0.1.0","arch":"amd64","guarded":true,"max_age":60000,"loss":0.25,"mode":"frozen"}`
	got, err := json.Marshal(p)
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	var back state.Pointer
	if err := json.Unmarshal(got, &back); err != nil || !back.Equal(p) {
		t.Errorf("%v: %s", err, cmp.Diff(p, back))
	}
	p.Schema = []byte(`{"format":"json","label":"a\u003cb"}`)
	const wantSchema = `"mode":"frozen","schema":{"format":"json","label":"a\u003cb"}}`
	if got, err = json.Marshal(p); err != nil || !strings.HasSuffix(string(got), wantSchema) {
		t.Errorf("%v\n got %s\nwant %s at its end", err, got, wantSchema)
	}
	if back.Equal(p) {
		t.Error("two schemas are equal")
	}
	if err := json.Unmarshal(got, &back); err != nil || !back.Equal(p) {
		t.Errorf("%v: %s", err, cmp.Diff(p, back))
	}
	if err := json.Unmarshal([]byte(strings.Replace(want, "ba78", "ba7", 1)), &back); err == nil {
		t.Error("a sum that is too short was accepted")
	}
}

// Every store must give back the bytes of a schema.
func TestCheckSchema(t *testing.T) {
	for _, good := range []string{"", "{}", `{"format":"json","label":"a\u003cb"}`} {
		if err := state.CheckSchema([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"{", "null", `"json"`, `{"format": "json"}`, `{"label":"a<b"}`, "{}\n", "{} {}"} {
		if err := state.CheckSchema([]byte(bad)); err == nil || !strings.Contains(err.Error(), "schema") {
			t.Errorf("%s: %v, want an error", bad, err)
		}
	}
}

// Whatever a save writes is part of its digest.
func TestDigest(t *testing.T) {
	fresh := func() *state.Snapshot {
		return &state.Snapshot{
			Seq: 4, Next: state.Position{Offset: 9, LeaderEpoch: 1}, Head: []byte("head"), Refs: []state.Sum{{1}, {2}},
			Current: &state.Pointer{Version: state.Version{Number: 1, Sum: state.Sum{1}}, Mode: "learning"}, Done: []state.Ack{{ID: "a", Offset: 9}},
		}
	}
	want := fresh().Digest()
	if fresh().Digest() != want {
		t.Fatal("the same save has two digests")
	}
	for name, change := range map[string]func(*state.Snapshot){
		"offset":          func(s *state.Snapshot) { s.Next.Offset++ },
		"leader epoch":    func(s *state.Snapshot) { s.Next.LeaderEpoch++ },
		"head":            func(s *state.Snapshot) { s.Head = []byte("heaD") },
		"order of refs":   func(s *state.Snapshot) { s.Refs[0], s.Refs[1] = s.Refs[1], s.Refs[0] },
		"refs":            func(s *state.Snapshot) { s.Refs = s.Refs[:1] },
		"mode":            func(s *state.Snapshot) { s.Current.Mode = "frozen" },
		"schema":          func(s *state.Snapshot) { s.Current.Schema = []byte(`{}`) },
		"version":         func(s *state.Snapshot) { s.Current.Learned++ },
		"no pointer":      func(s *state.Snapshot) { s.Current = nil },
		"another version": func(s *state.Snapshot) { s.Also = []state.Kept{{Version: state.Version{Number: 2, Sum: state.Sum{2}}}} },
		"mark":            func(s *state.Snapshot) { s.Marks = []state.Mark{{Number: 1, Sum: state.Sum{1}, Pinned: true}} },
		"span":            func(s *state.Snapshot) { s.KeepFor = 1 },
		"answer":          func(s *state.Snapshot) { s.Done[0].Error = "no" },
	} {
		s := fresh()
		if change(s); s.Digest() == want {
			t.Errorf("%s: the digest does not tell", name)
		}
	}
}
