package conform

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// chain returns a trail of n audit records from the first on. What tells one
// chain from another is who acted.
func chain(n int, who string) *state.Trail {
	t := &state.Trail{}
	for i := range n {
		r := state.AuditRecord{Seq: uint64(i) + 1, Kind: state.AuditPublish, Who: who, Fed: uint64(100 * i)}
		_, r.Prev = t.End()
		data := r.Bytes()
		t.Entries = append(t.Entries, state.AuditEntry{Kind: r.Kind, Sum: state.SumOf(data), Data: data})
	}
	return t
}

// audited is snapshot with records of an audit chain.
func audited(seq uint64, t state.Trail) *state.Snapshot {
	s := snapshot(seq)
	s.Audit = &t
	return s
}

// chained fails unless the stored chain holds exactly the records of t behind after.
func (c *storeCase) chained(t *state.Trail, after uint64) {
	c.Helper()
	got, err := c.Audit(c.ctx(), c.key, 0, 1000)
	if err != nil {
		c.Fatal(err)
	}
	want := state.Chain{Mirrored: got.Mirrored}
	want.Length, want.Sum = t.End()
	for _, e := range t.Entries[after:] {
		want.Records = append(want.Records, e.Data)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		c.Fatalf("stored chain (-want +got):\n%s", diff)
	}
	if fault := got.Verify(); fault != nil && after < uint64(len(t.Entries)) {
		c.Fatalf("stored chain: %v", fault)
	}
}

func testAudit(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	all := chain(6, "a")
	c.chained(&state.Trail{}, 0)

	first := audited(1, all.After(0, 2))
	c.save(claim, first)
	c.save(claim, first) // a retry appends nothing twice
	c.chained(chain(2, "a"), 0)
	c.save(claim, audited(2, all.After(0, 4))) // records that are stored already may come again
	c.chained(chain(4, "a"), 0)
	c.save(claim, snapshot(3)) // no trail: the chain stays
	c.chained(chain(4, "a"), 0)

	next := all.After(4, 9)
	next.Keep, next.Mirrored = 3, 4
	c.save(claim, audited(4, next))
	c.chained(all, 3)

	_, loaded := c.claim(ours)
	want := all.After(3, 9)
	want.Mirrored = 4
	if diff := cmp.Diff(&want, loaded.Audit, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("trail of a claimed snapshot (-want +got):\n%s", diff)
	}
	for _, q := range []struct {
		after int64
		limit int
		want  []state.AuditEntry
	}{
		{0, 2, all.Entries[3:5]}, {4, 1, all.Entries[4:5]}, {5, 9, all.Entries[5:]}, {6, 9, nil}, {99, 9, nil}, {-2, 9, all.Entries[4:]}, {-9, 1, all.Entries[3:4]}, {0, 0, nil},
	} {
		got, err := c.Audit(c.ctx(), c.key, q.after, q.limit)
		if err != nil || len(got.Records) != len(q.want) {
			t.Fatalf("%d records after %d: %q, %v; want %d", q.limit, q.after, got.Records, err, len(q.want))
		}
		for i := range q.want {
			if string(got.Records[i]) != string(q.want[i].Data) {
				t.Errorf("%d records after %d: record %d is %s, want %s", q.limit, q.after, i, got.Records[i], q.want[i].Data)
			}
		}
	}
}

func testAuditRefused(t *testing.T, c *storeCase) {
	claim, _ := c.claim(ours)
	all, other := chain(6, "a"), chain(6, "b")
	c.save(claim, audited(1, all.After(0, 3)))
	for name, trail := range map[string]state.Trail{
		"gap": all.After(4, 9), "fork": *other, "fork at its beginning": other.After(3, 9), "behind": all.After(0, 2),
	} {
		err := c.Save(t.Context(), c.key, claim, 1, audited(2, trail), 20)
		var broken *state.AuditError
		if !errors.As(err, &broken) || broken.Stored != 3 || broken.Sum != all.Entries[2].Sum || broken.From != trail.From {
			t.Errorf("%s: %v carries %+v", name, err, broken)
		}
	}
	if state, _, err := c.State(t.Context(), c.key); err != nil || state.Seq != 1 {
		t.Errorf("a refused save left %+v, %v", state, err)
	}
	c.chained(chain(3, "a"), 0)

	bad := all.After(3, 9)
	bad.Sum = state.Sum{}
	if err := c.Save(t.Context(), c.key, claim, 1, audited(2, bad), 20); err == nil {
		t.Error("a trail that follows record 3 of no hash was accepted")
	}
	gap := all.After(4, 9)
	gap.Force = true
	c.save(claim, audited(2, gap))
	got, err := c.Audit(t.Context(), c.key, 0, 9)
	if err != nil || got.Length != 6 {
		t.Fatalf("forced: %+v, %v", got, err)
	}
	if fault := got.Verify(); fault == nil || fault.Seq != 4 || fault.Fault != state.FaultMissing {
		t.Errorf("the gap that was forced is %+v", fault)
	}
}
