package redis

import (
	"context"
	"errors"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// SaveNames implements state.NameKeeper.
func (s *Store) SaveNames(ctx context.Context, k state.Key, names []byte) error {
	if err := k.Validate(); err != nil {
		return err
	}
	if err := s.rdb.Set(ctx, namesKey(k), names, 0).Err(); err != nil {
		return fmt.Errorf("names of %s: %w", k, err)
	}
	return nil
}

// Names implements state.NameKeeper.
func (s *Store) Names(ctx context.Context, k state.Key) ([]byte, error) {
	b, err := s.rdb.Get(ctx, namesKey(k)).Bytes()
	if errors.Is(err, goredis.Nil) {
		err = state.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("names of %s: %w", k, err)
	}
	return b, nil
}

// KeepSpread implements state.SpreadKeeper.
func (s *Store) KeepSpread(ctx context.Context, model string, n int32, replace bool) (int32, error) {
	if err := (state.Key{Model: model}).Validate(); err != nil {
		return 0, err
	}
	var err error
	if replace {
		err = s.rdb.Set(ctx, spreadKey(model), n, 0).Err()
	} else {
		err = s.rdb.SetNX(ctx, spreadKey(model), n, 0).Err()
	}
	if err != nil {
		return 0, fmt.Errorf("number of partitions of model %s: %w", model, err)
	}
	kept, err := s.rdb.Get(ctx, spreadKey(model)).Int()
	if err != nil {
		return 0, fmt.Errorf("number of partitions of model %s: %w", model, err)
	}
	return int32(kept), nil
}
