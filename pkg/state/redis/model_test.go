package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// TestBehavesAsMem runs random operations, right and wrong ones, on Mem and on
// Redis. Both must answer alike at every step: simulations on Mem prove
// something about Redis only if they are the same machine.
func TestBehavesAsMem(t *testing.T) {
	server := miniredis.RunT(t)
	store := open(t, server.Addr())
	store.SetChunk(8) // some blobs are of one value, some of two chunks
	rapid.Check(t, func(r *rapid.T) {
		server.FlushAll()
		m := &machine{
			ctx: t, r: r, server: server,
			stores: [2]conform.StoreUnderTest{state.NewMem(), store},
			key:    state.Key{Model: "m", Partition: 1},
			claims: []state.Claim{{Owner: owner, Number: 1}},
		}
		for i := range 6 {
			m.blobs = append(m.blobs, blob("blob "[:5*(i%2)]+fmt.Sprint(i)))
		}
		for i, who := range []string{"a", "b"} {
			for seq := range uint64(8) {
				rec := state.AuditRecord{Seq: seq + 1, Kind: state.AuditPublish, Who: who}
				_, rec.Prev = m.chains[i].End()
				data := rec.Bytes()
				m.chains[i].Entries = append(m.chains[i].Entries, state.AuditEntry{Kind: rec.Kind, Sum: state.SumOf(data), Data: data})
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"claim": m.claim, "save": m.save, "send": m.send, "force": m.force, "adopt": m.adopt, "": m.compare,
		})
	})
}

// machine holds what is known from the outside.
type machine struct {
	ctx    *testing.T
	r      *rapid.T
	server *miniredis.Miniredis
	stores [2]conform.StoreUnderTest // Mem, Redis
	key    state.Key
	claims []state.Claim // handed out
	seq    uint64        // of the newest save
	next   int64
	blobs  []state.Blob
	chains [2]state.Trail // audit records of two histories
}

var commandIDs = []string{"a", "b", "c"}

// outcome is the kind of an error.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	var base *state.BaseError
	if errors.As(err, &base) {
		return base.Error()
	}
	var broken *state.AuditError
	if errors.As(err, &broken) {
		return broken.Error()
	}
	for _, kind := range []error{state.ErrNotFound, state.ErrFenced, state.ErrForeign, state.ErrBlobs, state.ErrBackwards} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return "other: " + err.Error()
}

// same fails unless both stores answered alike.
func (m *machine) same(r *rapid.T, what string, do func(conform.StoreUnderTest) (any, error)) string {
	mem, memErr := do(m.stores[0])
	red, redErr := do(m.stores[1])
	if a, b := outcome(memErr), outcome(redErr); a != b {
		r.Fatalf("%s: Mem says %q, Redis %q", what, a, b)
	}
	if diff := cmp.Diff(mem, red, cmpopts.EquateEmpty()); diff != "" {
		r.Fatalf("%s (-Mem +Redis):\n%s", what, diff)
	}
	return outcome(memErr)
}

func (m *machine) claim(r *rapid.T) {
	o := state.Owner{
		Group:      rapid.SampledFrom([]string{"g", "g", "g", "h"}).Draw(r, "group"),
		Generation: rapid.Int32Range(1, 4).Draw(r, "generation"),
		Member:     rapid.SampledFrom([]string{"a", "b 2"}).Draw(r, "member"),
		Assignment: rapid.Uint64Range(1, 2).Draw(r, "assignment"),
	}
	if rapid.Bool().Draw(r, "claims again") {
		o.Held = m.claims[rapid.IntRange(0, len(m.claims)-1).Draw(r, "held")].Number
	}
	m.same(r, "claim", func(s conform.StoreUnderTest) (any, error) {
		c, snap, err := s.Claim(m.ctx.Context(), m.key, o)
		if err == nil {
			m.claims = append(m.claims, c)
		}
		return struct {
			C state.Claim
			S *state.Snapshot
		}{c, snap}, err
	})
}

func (m *machine) save(r *rapid.T) {
	claim := m.claims[len(m.claims)-1-rapid.IntRange(0, min(3, len(m.claims)-1)).Draw(r, "claim back")]
	base := m.seq
	if rapid.IntRange(0, 5).Draw(r, "wrong base") == 0 {
		base = rapid.Uint64Range(0, m.seq+2).Draw(r, "base")
	}
	snap := &state.Snapshot{
		Seq:    base + 1,
		Next:   state.Position{Offset: max(0, m.next+rapid.Int64Range(-1, 3).Draw(r, "step")), LeaderEpoch: -1},
		Log:    rapid.SampledFrom([]string{"", "t/1"}).Draw(r, "log"),
		Rewind: rapid.IntRange(0, 5).Draw(r, "rewind") == 0,
		Head:   []byte(rapid.SampledFrom([]string{"one", "two"}).Draw(r, "head")),
	}
	pick := rapid.SampledFrom(m.blobs)
	for range rapid.IntRange(0, 3).Draw(r, "refs") {
		b := pick.Draw(r, "ref")
		snap.Refs = append(snap.Refs, b.Sum)
		if rapid.IntRange(0, 4).Draw(r, "left out") > 0 {
			snap.Blobs = append(snap.Blobs, b)
		}
	}
	if rapid.Bool().Draw(r, "publish") {
		i := rapid.IntRange(0, len(m.blobs)-1).Draw(r, "published")
		b := m.blobs[i]
		snap.Blobs = append(snap.Blobs, b)
		snap.Current = &state.Pointer{
			Version: state.Version{Number: rapid.Uint64Range(1, 12).Draw(r, "version"), Sum: b.Sum, Learned: m.seq},
			Mode:    rapid.SampledFrom([]string{"learning", "frozen"}).Draw(r, "mode"),
			Schema:  []byte(rapid.SampledFrom([]string{"", `{"format":"json"}`}).Draw(r, "schema")),
		}
		for j := range i % 3 { // a manifest names its parts, so its sum decides on them
			b := m.blobs[(i+j+1)%len(m.blobs)]
			snap.Parts = append(snap.Parts, b.Sum)
			if rapid.IntRange(0, 4).Draw(r, "part left out") > 0 {
				snap.Blobs = append(snap.Blobs, b)
			}
		}
	}
	if snap.Current != nil {
		m.drawVersions(r, snap)
	}
	if rapid.IntRange(0, 3).Draw(r, "answer") == 0 {
		snap.Done = []state.Ack{{ID: rapid.SampledFrom(commandIDs).Draw(r, "answered"), Offset: snap.Next.Offset}}
	}
	if rapid.IntRange(0, 2).Draw(r, "audit") > 0 {
		t := m.chains[rapid.IntRange(0, 5).Draw(r, "chain")/5]
		t = t.After(rapid.Uint64Range(0, 7).Draw(r, "audit after"), rapid.IntRange(0, 4).Draw(r, "audit records"))
		t.Force = rapid.IntRange(0, 5).Draw(r, "force") == 0
		t.Keep, t.Mirrored = rapid.IntRange(0, 4).Draw(r, "audit keep"), rapid.Uint64Range(0, 7).Draw(r, "mirrored")
		snap.Audit = &t
	}
	keep := rapid.IntRange(1, 3).Draw(r, "keep")
	save := func(s conform.StoreUnderTest) (any, error) {
		return nil, s.Save(m.ctx.Context(), m.key, claim, base, snap, keep)
	}
	if m.same(r, "save", save) == "ok" {
		m.seq, m.next = snap.Seq, snap.Next.Offset
		if got := m.same(r, "save repeated", save); got != "ok" {
			r.Fatalf("save repeated: %s", got)
		}
	}
	// Redis keeps the uploads of a refused save for an hour, Mem does not. Let it pass.
	for _, key := range m.server.Keys() {
		if strings.Contains(key, ":b:") && m.server.TTL(key) > 0 {
			m.server.Del(key)
		}
	}
}

// drawVersions adds what a save says of other versions.
func (m *machine) drawVersions(r *rapid.T, snap *state.Snapshot) {
	snap.Current.Created = rapid.Int64Range(-50, 200).Draw(r, "created")
	snap.KeepFor = rapid.SampledFrom([]int64{0, 0, 20, 100}).Draw(r, "keep for")
	for range rapid.IntRange(0, 2).Draw(r, "also") {
		b := rapid.SampledFrom(m.blobs).Draw(r, "also published")
		snap.Blobs = append(snap.Blobs, b)
		snap.Also = append(snap.Also, state.Kept{Version: state.Version{
			Number: rapid.Uint64Range(1, 12).Draw(r, "also version"), Sum: b.Sum, Created: rapid.Int64Range(-50, 200).Draw(r, "also created"),
		}})
	}
	for range rapid.IntRange(0, 2).Draw(r, "marks") {
		v := state.Args{Version: rapid.Uint64Range(1, 12).Draw(r, "marked"), Sum: rapid.SampledFrom(m.blobs).Draw(r, "marked blob").Sum}
		if rapid.Bool().Draw(r, "protect") {
			snap.Protect = append(snap.Protect, v)
		} else {
			snap.Marks = append(snap.Marks, state.Mark{Number: v.Version, Sum: v.Sum, Pinned: rapid.Bool().Draw(r, "pinned")})
		}
	}
}

// force moves readers to one of the kept versions, or to one that is not kept.
func (m *machine) force(r *rapid.T) {
	p := state.Pointer{Version: state.Version{Number: rapid.Uint64Range(1, 12).Draw(r, "version"), Sum: rapid.SampledFrom(m.blobs).Draw(r, "blob").Sum}, Mode: state.ModeHeld}
	if kept, err := m.stores[0].Versions(m.ctx.Context(), m.key); err == nil && len(kept) > 0 && rapid.IntRange(0, 3).Draw(r, "wrong") > 0 {
		p.Version = rapid.SampledFrom(kept).Draw(r, "kept")
	}
	c := state.Command{ID: rapid.SampledFrom(commandIDs).Draw(r, "id"), Kind: "rollback", Args: state.Args{Version: p.Number, Sum: p.Sum, Forced: true}}
	m.same(r, "force", func(s conform.StoreUnderTest) (any, error) { return nil, s.Force(m.ctx.Context(), m.key, c, p) })
}

func (m *machine) send(r *rapid.T) {
	c := state.Command{ID: rapid.SampledFrom(commandIDs).Draw(r, "id"), Kind: "freeze", Why: rapid.String().Draw(r, "why")}
	m.same(r, "send", func(s conform.StoreUnderTest) (any, error) { return nil, s.Send(m.ctx.Context(), m.key, c) })
}

func (m *machine) adopt(r *rapid.T) {
	if rapid.IntRange(0, 3).Draw(r, "really") == 0 {
		m.same(r, "adopt", func(s conform.StoreUnderTest) (any, error) { return nil, s.Adopt(m.ctx.Context(), m.key) })
	}
}

// compare reads everything there is to read.
func (m *machine) compare(r *rapid.T) {
	ctx := m.ctx.Context()
	m.same(r, "state", func(s conform.StoreUnderTest) (any, error) {
		snap, claim, err := s.State(ctx, m.key)
		return struct {
			S *state.Snapshot
			C state.Claim
		}{snap, claim}, err
	})
	m.same(r, "current", func(s conform.StoreUnderTest) (any, error) { return s.Current(ctx, m.key) })
	m.same(r, "versions", func(s conform.StoreUnderTest) (any, error) { return s.Versions(ctx, m.key) })
	m.same(r, "marks", func(s conform.StoreUnderTest) (any, error) { return s.Marks(ctx, m.key) })
	m.same(r, "audit", func(s conform.StoreUnderTest) (any, error) { return s.Audit(ctx, m.key, 0, 99) })
	m.same(r, "inbox", func(s conform.StoreUnderTest) (any, error) { return s.Inbox(ctx, m.key) })
	m.same(r, "partitions", func(s conform.StoreUnderTest) (any, error) { return s.Partitions(ctx, m.key.Model) })
	for _, id := range commandIDs {
		m.same(r, "answer "+id, func(s conform.StoreUnderTest) (any, error) { return s.Ack(ctx, m.key, id) })
	}
	for _, b := range m.blobs {
		m.same(r, "blob "+string(b.Data), func(s conform.StoreUnderTest) (any, error) { return s.Blob(ctx, m.key, b.Sum) })
	}
}
