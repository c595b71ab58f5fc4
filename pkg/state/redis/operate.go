package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// Send implements state.Operator.
func (s *Store) Send(ctx context.Context, k state.Key, c state.Command) error {
	if err := state.CheckCommand(c); err != nil {
		return err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("command for %s: %w", k, err)
	}
	verdict, _, err := s.verdict(ctx, s.send, []string{stateKey(k), inboxKey(k), ackKey(k, c.ID)}, c.ID, body)
	if err != nil {
		return fmt.Errorf("command for %s: %w", k, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("command for %s: %w: no learner has claimed this partition", k, state.ErrNotFound)
	}
	return nil
}

// Ack implements state.Operator. Answers are kept for a week.
func (s *Store) Ack(ctx context.Context, k state.Key, id string) (state.Ack, error) {
	raw, err := s.rdb.Get(ctx, ackKey(k, id)).Bytes()
	if errors.Is(err, goredis.Nil) {
		err = state.ErrNotFound
	}
	if err != nil {
		return state.Ack{}, fmt.Errorf("answer to command %s for %s: %w", id, k, err)
	}
	var a state.Ack
	if err := json.Unmarshal(raw, &a); err != nil {
		return state.Ack{}, fmt.Errorf("answer to command %s for %s is damaged: %w", id, k, err)
	}
	return a, nil
}

// Adopt implements state.Operator.
func (s *Store) Adopt(ctx context.Context, k state.Key) error {
	verdict, _, err := s.verdict(ctx, s.adopt, []string{stateKey(k)})
	if err != nil {
		return fmt.Errorf("adoption of %s: %w", k, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("adoption of %s: %w: no learner has claimed this partition", k, state.ErrNotFound)
	}
	return nil
}
