package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// nameTable returns a table that learns the names of a model's features.
// A valid configuration has a decoder, and every decoder can keep names.
func nameTable(m configs.Model) *names.Table {
	d, err := m.Decoder(false)
	if err != nil {
		panic(fmt.Sprintf("the decoder of a valid configuration: %v", err))
	}
	return names.New(d.(event.Named))
}

// storedNames are the names that were kept beside a state; none is no error.
func storedNames(ctx context.Context, keeper state.NameKeeper, k state.Key) (map[uint64]string, error) {
	b, err := keeper.Names(ctx, k)
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known, err := names.Read(b)
	if err != nil {
		return nil, fmt.Errorf("names of %s: %w", k, err)
	}
	return known, nil
}
