package state

import (
	"context"
	"fmt"
	"slices"
)

// Send implements Operator.
func (m *Mem) Send(_ context.Context, k Key, cmd Command) error {
	if err := CheckCommand(cmd); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cell(k)
	c.started = c.started || cmd.Starts()
	if !c.known() {
		return fmt.Errorf("command for %s: %w: no learner has claimed this partition", k, ErrNotFound)
	}
	c.put(cmd)
	return nil
}

// known reports whether anybody has claimed or started the partition.
func (c *cell) known() bool { return c.started || c.claim.Number > 0 }

// put adds a command to the inbox, unless it is a retry.
func (c *cell) put(cmd Command) {
	if _, answered := c.acks[cmd.ID]; answered {
		return
	}
	if slices.ContainsFunc(c.inbox, func(x Command) bool { return x.ID == cmd.ID }) {
		return
	}
	c.inbox = append(slices.Clone(c.inbox), cmd)
}

// Force implements Operator.
func (m *Mem) Force(_ context.Context, k Key, cmd Command, p Pointer) error {
	if err := CheckForce(cmd, p); err != nil {
		return err
	}
	moved, err := m.force(k, cmd, p)
	if moved {
		m.hint(k)
	}
	return err
}

func (m *Mem) force(k Key, cmd Command, p Pointer) (moved bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cells[k]
	if c == nil || !slices.ContainsFunc(c.versions, func(v Version) bool { return v.Same(&p.Version) }) {
		return false, ForceError(k, &p.Version)
	}
	if _, answered := c.acks[cmd.ID]; answered {
		return false, nil
	}
	s := *c.snapshot
	s.Current, c.forced = &p, cmd.ID
	c.snapshot = &s
	c.put(cmd)
	return true, nil
}

// Upload implements Operator.
func (m *Mem) Upload(_ context.Context, k Key, b Blob) error {
	if err := CheckBlob(k, b.Sum, b.Data); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cell(k).uploads[b.Sum] = b.Data
	return nil
}

// Ack implements Operator.
func (m *Mem) Ack(_ context.Context, k Key, id string) (Ack, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.cells[k]; c != nil {
		if a, ok := c.acks[id]; ok {
			return a, nil
		}
	}
	return Ack{}, fmt.Errorf("answer to command %s for %s: %w", id, k, ErrNotFound)
}

// Adopt implements Operator.
func (m *Mem) Adopt(_ context.Context, k Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cells[k]
	if c == nil || !c.known() {
		return fmt.Errorf("adoption of %s: %w: no learner has claimed this partition", k, ErrNotFound)
	}
	c.claim = Claim{Number: c.claim.Number + 1}
	c.adopted = c.claim.Number
	return nil
}
