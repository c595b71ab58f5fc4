package conform

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// StoreUnderTest is what every store implements.
type StoreUnderTest interface {
	state.Store
	state.Reader
	state.Operator
	state.NameKeeper
	state.SpreadKeeper
}

// Store runs the rules that a store must keep. open returns a store, which
// others may use at the same time: every rule has a model name of its own.
func Store(t *testing.T, open func(t *testing.T) StoreUnderTest) {
	for name, test := range map[string]func(*testing.T, *storeCase){
		"Claim":            testClaim,
		"ClaimRefused":     testClaimRefused,
		"Tie":              testTie,
		"Superseded":       testSuperseded,
		"SaveAndLoad":      testSaveAndLoad,
		"ZombieIsFenced":   testZombie,
		"SaveIsIdempotent": testIdempotent,
		"BaseAndRepair":    testBase,
		"MissingBlob":      testMissingBlob,
		"Backwards":        testBackwards,
		"BadArguments":     testBadArguments,
		"Garbage":          testGarbage,
		"Retention":        testRetention,
		"SameNumber":       testSameNumber,
		"Parts":            testParts,
		"Large":            testLarge,
		"Current":          testCurrent,
		"Inbox":            testInbox,
		"Adopt":            testAdopt,
		"Nothing":          testNothing,
		"Partitions":       testPartitions,
		"ConcurrentClaims": testConcurrent,
		"Watch":            testWatch,
		"Spread":           testSpread,
		"Names":            testNames,
		"Hold":             testHold,
		"Marks":            testMarks,
		"Span":             testSpan,
		"Force":            testForce,
		"Start":            testStart,
		"Audit":            testAudit,
		"AuditRefused":     testAuditRefused,
	} {
		t.Run(name, func(t *testing.T) {
			model := fmt.Sprintf("conform-%x", rand.Uint64())
			test(t, &storeCase{T: t, StoreUnderTest: open(t), key: state.Key{Model: model, Partition: 3}})
		})
	}
}

// storeCase is a store with the phrases that the rules are written in.
type storeCase struct {
	*testing.T
	StoreUnderTest
	key state.Key
}

var ours = state.Owner{Group: "streamlearner.fraud", Generation: 4, Member: "member-1", Assignment: 1}

func (c *storeCase) ctx() context.Context { return c.T.Context() }

func (c *storeCase) claim(o state.Owner) (state.Claim, *state.Snapshot) {
	c.Helper()
	claim, s, err := c.Claim(c.ctx(), c.key, o)
	if err != nil {
		c.Fatalf("claim by %+v: %v", o, err)
	}
	return claim, s
}

func (c *storeCase) save(claim state.Claim, s *state.Snapshot) {
	c.Helper()
	if err := c.Save(c.ctx(), c.key, claim, s.Seq-1, s, 20); err != nil {
		c.Fatalf("save %d: %v", s.Seq, err)
	}
}

func (c *storeCase) refused(err, want error) {
	c.Helper()
	if !errors.Is(err, want) {
		c.Fatalf("got error %v, want %v", err, want)
	}
}

// stored fails unless the stored snapshot is s, by loading it with its blobs.
func (c *storeCase) stored(o state.Owner, s *state.Snapshot) {
	c.Helper()
	_, got := c.claim(o)
	want := *s
	want.Done = nil
	got.Audit, want.Audit = nil, nil
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
		c.Fatalf("stored snapshot (-want +got):\n%s", diff)
	}
}

// holds fails unless exactly the blobs of present, out of all, are stored.
func (c *storeCase) holds(all []state.Blob, present ...state.Blob) {
	c.Helper()
	for i, b := range all {
		want := slices.ContainsFunc(present, func(p state.Blob) bool { return p.Sum == b.Sum })
		data, err := c.Blob(c.ctx(), c.key, b.Sum)
		switch {
		case want && (err != nil || string(data) != string(b.Data)):
			c.Errorf("blob %d: got %q, %v; want it kept", i, data, err)
		case !want && !errors.Is(err, state.ErrNotFound):
			c.Errorf("blob %d: got %q, %v; want it gone", i, data, err)
		}
	}
}

// blob returns a blob of binary data that only text has in common.
func blob(text string) state.Blob {
	data := append([]byte{0, 0xff, '\r', '\n', 0x80}, text...)
	return state.Blob{Sum: state.SumOf(data), Data: data}
}

// snapshot makes save number seq at offset 100 seq, with the given blobs.
func snapshot(seq uint64, blobs ...state.Blob) *state.Snapshot {
	s := &state.Snapshot{
		Seq:  seq,
		Log:  "payments/0a1b",
		Next: state.Position{Offset: 100 * int64(seq), LeaderEpoch: int32(seq) - 2},
		Head: fmt.Appendf([]byte{0, 0xfe, '\n'}, "head %d", seq),
	}
	for _, b := range blobs {
		s.Refs, s.Blobs = append(s.Refs, b.Sum), append(s.Blobs, b)
	}
	return s
}

// publish makes version n with the parameters b current in s.
func publish(s *state.Snapshot, n uint64, b state.Blob) *state.Snapshot {
	s.Current = &state.Pointer{
		Version: state.Version{
			Number: n, Sum: b.Sum, Parent: n - 1, Created: 1_700_000_000_000 + int64(n),
			Next: s.Next, Learned: 10 * n, Config: "c0ffee", Binary: "v0.1.0", Arch: "amd64", Guarded: true, MaxAgeMS: 60_000,
		},
		Mode:   "learning",
		Schema: []byte(`{"format":"json","label":"y \u003c 1"}`),
	}
	return s
}
