package state

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Mem is a Store, a Reader and an Operator in memory, with the semantics of
// the real ones and without their failures: for simulations, tests and replay.
type Mem struct {
	mu       sync.Mutex
	cells    map[Key]*cell
	watchers []*watcher
	names    map[Key][]byte
	spreads  map[string]int32
}

// cell is what is stored for one key.
type cell struct {
	claim    Claim
	adopted  uint64    // number of the last release; 0 for none
	snapshot *Snapshot // without Blobs and Done; nil before the first save
	digest   Sum
	versions []Version         // ascending by number, then sum
	parts    map[Version][]Sum // of the versions whose parameters are manifests
	marks    []Mark
	started  bool           // by a command, before the first claim
	forced   string         // id of the command by which readers were moved; empty for none
	uploads  map[Sum][]byte // that no save has referred to yet
	blobs    map[Sum][]byte
	inbox    []Command
	acks     map[string]Ack
	audit    Chain
}

type watcher struct {
	model string
	fn    func(Key)
}

// NewMem returns an empty store.
func NewMem() *Mem {
	return &Mem{cells: map[Key]*cell{}, names: map[Key][]byte{}, spreads: map[string]int32{}}
}

// Clone returns an independent copy, which shares only the immutable data of
// blobs. A simulation that puts an earlier clone in the place of its store has
// what a failover leaves behind when the last writes were not replicated.
// Watchers stay with the original.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := NewMem()
	out.names, out.spreads = maps.Clone(m.names), maps.Clone(m.spreads)
	for k, c := range m.cells {
		d := *c // the snapshot is replaced by saves, never changed
		d.versions = slices.Clone(c.versions)
		d.parts = maps.Clone(c.parts)
		d.blobs = maps.Clone(c.blobs)
		d.uploads = maps.Clone(c.uploads)
		d.inbox = slices.Clone(c.inbox)
		d.acks = maps.Clone(c.acks)
		d.audit.Records = slices.Clone(c.audit.Records)
		out.cells[k] = &d
	}
	return out
}

// Claim implements Store.
func (m *Mem) Claim(_ context.Context, k Key, o Owner) (Claim, *Snapshot, error) {
	if err := k.Validate(); err != nil {
		return Claim{}, nil, err
	}
	if err := CheckOwner(o); err != nil {
		return Claim{}, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cell(k)
	if err := c.refuses(k, o); err != nil {
		return Claim{}, nil, err
	}
	if !c.claim.Same(o) {
		o.Held = 0
		c.claim = Claim{Owner: o, Number: c.claim.Number + 1}
	}
	if c.snapshot == nil {
		return c.claim, nil, nil
	}
	s := c.load()
	for _, ref := range s.Refs {
		data := c.blobs[ref]
		if err := CheckBlob(k, ref, data); err != nil {
			return Claim{}, nil, err
		}
		s.Blobs = append(s.Blobs, Blob{Sum: ref, Data: data})
	}
	tail := c.audit.part(-AuditTail, AuditTail)
	s.Audit = tail.Trail()
	return c.claim, s, nil
}

// cell returns the cell of k, which it makes if need be.
func (m *Mem) cell(k Key) *cell {
	c := m.cells[k]
	if c == nil {
		c = &cell{parts: map[Version][]Sum{}, blobs: map[Sum][]byte{}, uploads: map[Sum][]byte{}, acks: map[string]Ack{}}
		m.cells[k] = c
	}
	return c
}

// refuses returns why o may not claim what is claimed already.
func (c *cell) refuses(k Key, o Owner) error {
	held := c.claim
	switch {
	case held.Group == "" || held.Same(o):
		return nil
	case held.Group != o.Group:
		return ForeignError(k, held, o)
	case o.Held > 0 && o.Held < c.adopted:
		return SupersededError(k, held, o)
	case held.Generation > o.Generation:
		return StaleClaimError(k, held, o)
	case held.Generation == o.Generation && held.Member != o.Member:
		return TiedClaimError(k, held, o)
	case held.Generation == o.Generation && held.Assignment > o.Assignment:
		return StaleClaimError(k, held, o)
	}
	return nil
}

// load copies the stored snapshot.
func (c *cell) load() *Snapshot {
	s := *c.snapshot
	s.Head, s.Refs = slices.Clone(s.Head), slices.Clone(s.Refs)
	if s.Current != nil {
		p := *s.Current
		s.Current = &p
	}
	return &s
}

// Save implements Store.
func (m *Mem) Save(_ context.Context, k Key, claim Claim, base uint64, s *Snapshot, keep int) error {
	if err := CheckSave(k, claim, base, s, keep); err != nil {
		return err
	}
	digest := s.Digest()
	moved, err := m.save(k, claim, base, s, digest, keep)
	if moved {
		m.hint(k)
	}
	return err
}

// save reports whether the published pointer changed.
func (m *Mem) save(k Key, claim Claim, base uint64, s *Snapshot, digest Sum, keep int) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cells[k]
	if c == nil {
		return false, FencedSaveError(k, Claim{}, claim)
	}
	if c.claim != claim {
		return false, FencedSaveError(k, c.claim, claim)
	}
	var stored Snapshot
	if c.snapshot != nil {
		stored = *c.snapshot
	}
	switch {
	case stored.Seq == s.Seq && c.digest == digest:
		return false, nil
	case stored.Seq != base:
		return false, fmt.Errorf("save of %s: %w", k, &BaseError{Stored: stored.Seq, Base: base})
	case s.Next.Offset < stored.Next.Offset && !s.Rewind:
		return false, BackwardsError(k, stored.Next.Offset, s.Next.Offset)
	}
	blobs := maps.Clone(c.blobs)
	for _, b := range s.Blobs {
		blobs[b.Sum] = b.Data
	}
	for _, ref := range needed(s) {
		if _, ok := blobs[ref]; ok {
			continue
		}
		data, ok := c.uploads[ref]
		if !ok {
			return false, MissingBlobError(k, ref)
		}
		blobs[ref] = data
	}
	if err := c.audit.extend(k, s.Audit); err != nil {
		return false, err
	}
	c.blobs, c.digest = blobs, digest
	c.snapshot = &Snapshot{
		Seq: s.Seq, Next: s.Next, Log: s.Log, Head: slices.Clone(s.Head), Refs: slices.Clone(s.Refs), Current: stored.Current,
	}
	if slices.ContainsFunc(s.Done, func(a Ack) bool { return a.ID == c.forced }) {
		c.forced = ""
	}
	if p := s.Current; p != nil {
		if c.forced == "" {
			moved = stored.Current == nil || !stored.Current.Equal(*p)
			current := *p
			c.snapshot.Current = &current
		}
		moved = moved || !slices.EqualFunc(c.marks, s.Marks, equalMarks)
		c.marks = cloneMarks(s.Marks)
		c.keepVersions(keep, s)
	}
	c.collect()
	for _, a := range s.Done {
		c.acks[a.ID] = a
		c.inbox = slices.DeleteFunc(c.inbox, func(cmd Command) bool { return cmd.ID == a.ID })
	}
	return moved, nil
}

func equalMarks(a, b Mark) bool {
	return a.Number == b.Number && a.Sum == b.Sum && a.Pinned == b.Pinned && slices.Equal(a.Labels, b.Labels)
}

func cloneMarks(marks []Mark) []Mark {
	out := slices.Clone(marks)
	for i := range out {
		out[i].Labels = slices.Clone(out[i].Labels)
	}
	return out
}

// needed lists the blobs that must exist for s to be stored.
func needed(s *Snapshot) []Sum {
	if s.Current == nil {
		return s.Refs
	}
	out := append(append(slices.Clone(s.Refs), s.Current.Sum), s.Parts...)
	for _, v := range s.Also {
		out = append(append(out, v.Sum), v.Parts...)
	}
	return out
}

// keepVersions adds the versions of s and drops those that Retain lets go.
func (c *cell) keepVersions(keep int, s *Snapshot) {
	for _, v := range append([]Kept{{s.Current.Version, s.Parts}}, s.Also...) {
		i, found := slices.BinarySearchFunc(c.versions, v.Version, compareVersions)
		if !found {
			c.versions = slices.Insert(slices.Clone(c.versions), i, v.Version)
			c.parts[v.Version] = slices.Clone(v.Parts)
		}
	}
	c.versions = Retain(c.versions, keep, s.KeepFor, func(v *Version) bool {
		return v.Same(&s.Current.Version) || v.Same(&c.snapshot.Current.Version) ||
			slices.ContainsFunc(s.Also, func(o Kept) bool { return o.Same(v) }) ||
			slices.ContainsFunc(s.Marks, func(m Mark) bool { return m.Of(v) }) ||
			slices.ContainsFunc(s.Protect, func(a Args) bool { return a.Version == v.Number && a.Sum == v.Sum })
	})
	maps.DeleteFunc(c.parts, func(v Version, _ []Sum) bool { return !slices.Contains(c.versions, v) })
}

// collect drops the blobs that neither the state nor a kept version names.
func (c *cell) collect() {
	used := map[Sum]bool{}
	for _, ref := range c.snapshot.Refs {
		used[ref] = true
	}
	for i := range c.versions {
		used[c.versions[i].Sum] = true
		for _, part := range c.parts[c.versions[i]] {
			used[part] = true
		}
	}
	maps.DeleteFunc(c.blobs, func(s Sum, _ []byte) bool { return !used[s] })
}

// Inbox implements Store.
func (m *Mem) Inbox(_ context.Context, k Key) ([]Command, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.cells[k]; c != nil {
		return slices.Clone(c.inbox), nil
	}
	return nil, nil
}
