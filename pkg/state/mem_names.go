package state

import (
	"bytes"
	"context"
	"fmt"
)

// SaveNames implements NameKeeper.
func (m *Mem) SaveNames(_ context.Context, k Key, names []byte) error {
	if err := k.Validate(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names[k] = bytes.Clone(names)
	return nil
}

// Names implements NameKeeper.
func (m *Mem) Names(_ context.Context, k Key) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.names[k]; ok {
		return bytes.Clone(b), nil
	}
	return nil, fmt.Errorf("names of %s: %w", k, ErrNotFound)
}

// KeepSpread implements SpreadKeeper.
func (m *Mem) KeepSpread(_ context.Context, model string, n int32, replace bool) (int32, error) {
	if err := (Key{Model: model}).Validate(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.spreads[model]; !ok || replace {
		m.spreads[model] = n
	}
	return m.spreads[model], nil
}
