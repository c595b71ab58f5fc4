package inputs_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

var update = flag.Bool("update", false, "write the golden file")

// everything is a guard that looks at all there is.
func everything(t testing.TB, change func(*inputs.Config)) *station {
	return newStation(t, watched(func(c *inputs.Config) {
		c.Block, c.Window, c.ReferenceEvery, c.Logged = 200, 1_000, 1_500, "seen"
		c.ClipQuantile = 0.9
		c.MaxSourceShare, c.MaxDuplicates, c.Duplicates, c.Ranges = 0.25, 0.05, inputs.Reject, inputs.Reject
		if change != nil {
			change(c)
		}
	}), event.Schema{Source: "partner"})
}

// troubled is a stream in which all sorts of things happen.
func troubled() *payments {
	return newPayments(21, func(n int, r map[string]any) {
		if n%3 == 0 {
			r["partner"] = "evil"
		}
		if n > 2_000 && n%3 == 0 {
			r["country"] = fmt.Sprintf("x%d", n)
		}
		if n > 2_400 {
			r["age"], r["new"] = 7, n%50
		}
		if n%50 == 0 && n > 1_600 {
			r["amount"] = 1e9
		}
		r["seen"] = map[string]any{"amount": r["amount"], "country": "de"}
	})
}

// A guard that is restored at any place goes on as if nothing had been, bit for bit.
func TestRestored(t *testing.T) {
	const events = 4_200
	whole, p := everything(t, nil), troubled()
	records := make([][]byte, events)
	for i := range records {
		records[i] = p.next(t)
	}
	parts := everything(t, nil)
	for i, r := range records {
		whole.feed(t, r)
		parts.feed(t, r)
		if i%97 != 0 && i != events-1 {
			continue
		}
		state := parts.guard.Append(nil)
		if want := whole.guard.Append(nil); !bytes.Equal(state, want) {
			t.Fatalf("after event %d the restored guard has another state", i)
		}
		before := parts.guard.Report()
		next := everything(t, nil)
		read := wire.NewReader(state)
		next.guard.Read(read)
		if err := read.Close(); err != nil {
			t.Fatalf("after event %d: %v", i, err)
		}
		after := next.guard.Report()
		if diff := cmp.Diff([]any{before.Active, before.Sources, before.Begun}, []any{after.Active, after.Sources, after.Begun}); diff != "" {
			t.Fatalf("after event %d the report is another (-before +after):\n%s", i, diff)
		}
		next.n = parts.n
		parts = next
	}
	if r := whole.guard.Report(); len(r.Active) == 0 || r.Begun[inputs.Unseen] == 0 || len(whole.refused) < 2 {
		t.Errorf("the stream is too tame to show anything: %+v, refused %v", r, whole.refused)
	}
}

// Settings may change between two runs: what no longer fits begins anew, the rest goes on.
func TestRestoredUnderOtherSettings(t *testing.T) {
	s := everything(t, nil)
	s.run(t, troubled(), 2_900) // the second reference is being collected
	state := s.guard.Append(nil)
	for name, c := range map[string]struct {
		change func(*inputs.Config)
		armed  bool
	}{
		"limits":                       {func(c *inputs.Config) { c.MaxPSI, c.MaxSourceShare, c.Widen = 1, 0.5, 3 }, true},
		"a reference that lasts":       {func(c *inputs.Config) { c.ReferenceEvery = 100_000 }, true},
		"a reference that ends sooner": {func(c *inputs.Config) { c.ReferenceEvery = 300 }, true},
		"another window":               {func(c *inputs.Config) { c.Window = 2_000 }, false},
		"other fields":                 {func(c *inputs.Config) { c.Fields = []string{"age"} }, false},
		"no watch": {func(c *inputs.Config) {
			c.Watch, c.Logged, c.Ranges = false, "", inputs.Warn
		}, false},
	} {
		next := everything(t, c.change)
		r := wire.NewReader(state)
		next.guard.Read(r)
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := next.guard.Report(); got.Armed != c.armed || len(got.Sources) == 0 {
			t.Errorf("%s: armed %v, want %v; %d sources", name, got.Armed, c.armed, len(got.Sources))
		}
		next.run(t, troubled(), 3_500)
	}
}

// The bytes of the state are a format.
func TestGoldenInputs(t *testing.T) {
	s := everything(t, func(c *inputs.Config) { c.Fields = []string{"amount", "country"} })
	s.run(t, troubled(), 2_700)
	got := s.guard.Append(nil)
	const file = "testdata/inputs.golden"
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the state is not that of %s: the format has changed; if that is meant, run the test with -update and say so in docs/format/state.md", file)
	}
}

// readBack reads bytes that may be of no state. What is accepted is written back the
// same, and the guard goes on with it.
func readBack(t *testing.T, b []byte, records [][]byte) (accepted bool) {
	t.Helper()
	s := everything(t, nil)
	r := wire.NewReader(b)
	s.guard.Read(r)
	if r.Close() != nil {
		return false
	}
	state := s.guard.Append(nil)
	again := everything(t, nil)
	r = wire.NewReader(state)
	again.guard.Read(r)
	if err := r.Close(); err != nil {
		t.Fatalf("its own state cannot be read: %v", err)
	}
	if !bytes.Equal(state, again.guard.Append(nil)) {
		t.Fatal("its own state is read as another")
	}
	for _, r := range records {
		s.feed(t, r)
	}
	return true
}

// damagedStates are states, and records to go on with.
func damagedStates(t testing.TB) (states, records [][]byte) {
	s := everything(t, nil)
	for range 3 {
		s.run(t, troubled(), 900)
		states = append(states, s.guard.Append(nil))
	}
	for range 30 {
		records = append(records, troubled().next(t))
	}
	return states, records
}

// A state with a few other bytes is refused, or is one that can be gone on with.
func TestDamagedState(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	states, records := damagedStates(t)
	accepted := 0
	for i := range 600 {
		b := bytes.Clone(states[i%len(states)])
		for range 1 + rng.IntN(3) {
			b[rng.IntN(len(b))] = byte(rng.Uint32())
		}
		if readBack(t, b, records) {
			accepted++
		}
	}
	if accepted == 0 || accepted == 600 {
		t.Errorf("%d of 600 damaged states were accepted", accepted)
	}
	for n := range 64 {
		if cut := len(states[1]) * n / 64; readBack(t, states[1][:cut], records) {
			t.Errorf("a state that was cut at byte %d was accepted", cut)
		}
	}
}

func FuzzRead(f *testing.F) {
	states, records := damagedStates(f)
	for _, b := range states {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { readBack(t, b, records) })
}
