package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

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
	start := ""
	if c.Starts() {
		start = "start"
		err = s.rdb.SAdd(ctx, partitionsKey(k.Model), k.Partition).Err() // as in Claim
	}
	var verdict string
	if err == nil {
		verdict, _, err = s.verdict(ctx, s.send, []string{stateKey(k), inboxKey(k), ackKey(k, c.ID)}, c.ID, body, start)
	}
	if err != nil {
		return fmt.Errorf("command for %s: %w", k, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("command for %s: %w: no learner has claimed this partition", k, state.ErrNotFound)
	}
	return nil
}

// Force implements state.Operator.
func (s *Store) Force(ctx context.Context, k state.Key, c state.Command, p state.Pointer) error {
	if err := state.CheckForce(c, p); err != nil {
		return err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("command for %s: %w", k, err)
	}
	pointer, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("pointer of %s: %w", k, err)
	}
	keys := []string{stateKey(k), versionsKey(k), currentKey(k), inboxKey(k), ackKey(k, c.ID)}
	verdict, _, err := s.verdict(ctx, s.force, keys, c.ID, body, versionField(p.Number, p.Sum), pointer, channel(k.Model), k.Partition)
	if err != nil {
		return fmt.Errorf("moving readers of %s: %w", k, err)
	}
	if verdict != "ok" {
		return state.ForceError(k, &p.Version)
	}
	return nil
}

// Upload implements state.Operator.
func (s *Store) Upload(ctx context.Context, k state.Key, b state.Blob) error {
	if err := state.CheckBlob(k, b.Sum, b.Data); err != nil {
		return err
	}
	err := s.upload(ctx, k, []state.Blob{b})
	if err == nil {
		err = s.extend(ctx, k, b.Sum)
	}
	if err != nil {
		return fmt.Errorf("upload for %s: %w", k, err)
	}
	return nil
}

// extend lets an uploaded blob wait a week for the owner that takes a command about it.
func (s *Store) extend(ctx context.Context, k state.Key, sum state.Sum) error {
	const longest = 128 // bytes of an index, and more
	keys := []string{blobKey(k, sum)}
	begin, err := s.rdb.GetRange(ctx, keys[0], 0, longest).Result()
	if err != nil {
		return err
	}
	if strings.HasPrefix(begin, indexPrefix) {
		x, err := parseIndex([]byte(begin))
		if err != nil {
			return fmt.Errorf("index %q: %w", begin, err)
		}
		for i := range x.chunks {
			keys = append(keys, chunkKey(k, sum, x.tag, i))
		}
	}
	const week = 7 * 24 * time.Hour
	_, _, err = s.verdict(ctx, s.extended, keys, int64(week/time.Second))
	return err
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
