package state

import (
	"context"
	"slices"
)

// extend appends the records of t that are not in c, or fails when t does not
// meet the end of c.
func (c *Chain) extend(k Key, t *Trail) error {
	if t == nil {
		return nil
	}
	skip, meets := t.overlap(c.Length, c.Sum)
	if !meets && !t.Force {
		return BrokenChainError(k, c.Length, c.Sum, t.From)
	}
	for _, e := range t.Entries[skip:] {
		c.Records = append(c.Records, e.Data)
	}
	if t.Keep > 0 {
		c.Records = slices.Clone(c.Records[max(0, len(c.Records)-t.Keep):])
	}
	c.Length, c.Sum = t.End()
	c.Mirrored = t.Mirrored
	return nil
}

// part returns what AuditReader.Audit is asked for.
func (c *Chain) part(after int64, limit int) Chain {
	out := *c
	n := int64(len(c.Records))
	start := n + after
	if after >= 0 {
		start = after - (int64(c.Length) - n)
	}
	start = max(0, min(n, start))
	out.Records = slices.Clone(c.Records[start:min(n, start+int64(limit))])
	return out
}

// Audit implements AuditReader.
func (m *Mem) Audit(_ context.Context, k Key, after int64, limit int) (Chain, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.cells[k]; c != nil {
		return c.audit.part(after, limit), nil
	}
	return Chain{}, nil
}
