package state

import (
	"context"
	"fmt"
	"slices"
)

// Partitions implements Reader.
func (m *Mem) Partitions(_ context.Context, model string) ([]int32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []int32
	for k, c := range m.cells {
		if k.Model == model && c.snapshot != nil {
			out = append(out, k.Partition)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Current implements Reader.
func (m *Mem) Current(_ context.Context, k Key) (Pointer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cells[k]
	if c == nil || c.snapshot == nil || c.snapshot.Current == nil {
		return Pointer{}, fmt.Errorf("published version of %s: %w", k, ErrNotFound)
	}
	return *c.snapshot.Current, nil
}

// Versions implements Reader.
func (m *Mem) Versions(_ context.Context, k Key) ([]Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.cells[k]; c != nil {
		return slices.Clone(c.versions), nil
	}
	return nil, nil
}

// Marks implements Reader.
func (m *Mem) Marks(_ context.Context, k Key) ([]Mark, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.cells[k]; c != nil {
		return cloneMarks(c.marks), nil
	}
	return nil, nil
}

// Blob implements Reader.
func (m *Mem) Blob(_ context.Context, k Key, s Sum) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.cells[k]; c != nil {
		for _, blobs := range []map[Sum][]byte{c.blobs, c.uploads} {
			if data, ok := blobs[s]; ok {
				return data, CheckBlob(k, s, data)
			}
		}
	}
	return nil, fmt.Errorf("blob %s of %s: %w", s, k, ErrNotFound)
}

// State implements Reader.
func (m *Mem) State(_ context.Context, k Key) (*Snapshot, Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cells[k]
	if c == nil || !c.known() {
		return nil, Claim{}, fmt.Errorf("state of %s: %w", k, ErrNotFound)
	}
	if c.snapshot == nil {
		return nil, c.claim, fmt.Errorf("state of %s: %w: it was claimed but never saved", k, ErrNotFound)
	}
	return c.load(), c.claim, nil
}

// Watch implements Reader. fn runs within the Save that moved the pointer.
func (m *Mem) Watch(ctx context.Context, model string, fn func(Key)) error {
	w := &watcher{model, fn}
	m.mu.Lock()
	m.watchers = append(m.watchers, w)
	m.mu.Unlock()
	<-ctx.Done()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers = slices.DeleteFunc(slices.Clone(m.watchers), func(x *watcher) bool { return x == w })
	return nil
}

// hint calls the watchers of k without the lock, so that they may read.
func (m *Mem) hint(k Key) {
	m.mu.Lock()
	watchers := m.watchers
	m.mu.Unlock()
	for _, w := range watchers {
		if w.model == k.Model {
			w.fn(k)
		}
	}
}
