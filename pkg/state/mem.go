package state

import (
	"cmp"
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
}

// cell is what is stored for one key.
type cell struct {
	claim    Claim
	snapshot *Snapshot // without Blobs and Done; nil before the first save
	digest   Sum
	versions []Version         // ascending by number, then sum
	parts    map[Version][]Sum // of the versions whose parameters are manifests
	blobs    map[Sum][]byte
	inbox    []Command
	acks     map[string]Ack
}

type watcher struct {
	model string
	fn    func(Key)
}

// NewMem returns an empty store.
func NewMem() *Mem { return &Mem{cells: map[Key]*cell{}, names: map[Key][]byte{}} }

// Clone returns an independent copy, which shares only the immutable data of
// blobs. A simulation that puts an earlier clone in the place of its store has
// what a failover leaves behind when the last writes were not replicated.
// Watchers stay with the original.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := NewMem()
	out.names = maps.Clone(m.names)
	for k, c := range m.cells {
		d := *c // the snapshot is replaced by saves, never changed
		d.versions = slices.Clone(c.versions)
		d.parts = maps.Clone(c.parts)
		d.blobs = maps.Clone(c.blobs)
		d.inbox = slices.Clone(c.inbox)
		d.acks = maps.Clone(c.acks)
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
	c := m.cells[k]
	if c == nil {
		c = &cell{parts: map[Version][]Sum{}, blobs: map[Sum][]byte{}, acks: map[string]Ack{}}
		m.cells[k] = c
	}
	switch {
	case c.claim.Group != "" && c.claim.Group != o.Group:
		return Claim{}, nil, ForeignError(k, c.claim, o)
	case c.claim.Group != "" && c.claim.Generation > o.Generation:
		return Claim{}, nil, StaleClaimError(k, c.claim, o)
	case c.claim.Owner != o:
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
	return c.claim, s, nil
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
	case s.Next.Offset < stored.Next.Offset:
		return false, BackwardsError(k, stored.Next.Offset, s.Next.Offset)
	}
	blobs := maps.Clone(c.blobs)
	for _, b := range s.Blobs {
		blobs[b.Sum] = b.Data
	}
	for _, ref := range needed(s) {
		if _, ok := blobs[ref]; !ok {
			return false, MissingBlobError(k, ref)
		}
	}
	c.blobs, c.digest = blobs, digest
	c.snapshot = &Snapshot{
		Seq: s.Seq, Next: s.Next, Head: slices.Clone(s.Head), Refs: slices.Clone(s.Refs), Current: stored.Current,
	}
	if p := s.Current; p != nil {
		moved = stored.Current == nil || !stored.Current.Equal(*p)
		current := *p
		c.snapshot.Current = &current
		c.keepVersions(keep, s.Parts)
	}
	c.collect()
	for _, a := range s.Done {
		c.acks[a.ID] = a
		c.inbox = slices.DeleteFunc(c.inbox, func(cmd Command) bool { return cmd.ID == a.ID })
	}
	return moved, nil
}

// needed lists the blobs that must exist for s to be stored.
func needed(s *Snapshot) []Sum {
	if s.Current == nil {
		return s.Refs
	}
	return append(append(slices.Clone(s.Refs), s.Current.Sum), s.Parts...)
}

// keepVersions adds the published version and trims: the newest keep stay, and
// the published one whatever its age.
func (c *cell) keepVersions(keep int, parts []Sum) {
	current := c.snapshot.Current.Version
	if i, found := slices.BinarySearchFunc(c.versions, current, compareVersions); !found {
		c.versions = slices.Insert(c.versions, i, current)
		c.parts[current] = slices.Clone(parts)
	}
	surplus := len(c.versions) - keep
	c.versions = slices.DeleteFunc(c.versions, func(v Version) bool {
		surplus--
		drop := surplus >= 0 && compareVersions(v, current) != 0
		if drop {
			delete(c.parts, v)
		}
		return drop
	})
}

func compareVersions(a, b Version) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.Sum[:], b.Sum[:]))
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
