package redis

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// Inbox implements state.Store.
func (s *Store) Inbox(ctx context.Context, k state.Key) ([]state.Command, error) {
	entries, err := s.rdb.LRange(ctx, inboxKey(k), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("inbox of %s: %w", k, err)
	}
	commands := make([]state.Command, len(entries))
	for i, entry := range entries {
		if err := json.Unmarshal([]byte(entry), &commands[i]); err != nil {
			return nil, fmt.Errorf("inbox of %s: entry %q is no command (remove it with LREM %s): %w", k, entry, inboxKey(k), err)
		}
	}
	return commands, nil
}

// Partitions implements state.Reader.
func (s *Store) Partitions(ctx context.Context, model string) ([]int32, error) {
	members, err := s.rdb.SMembers(ctx, partitionsKey(model)).Result()
	if err != nil {
		return nil, fmt.Errorf("partitions of %s: %w", model, err)
	}
	saved := make([]*goredis.BoolCmd, len(members))
	partitions := make([]int32, len(members))
	_, err = s.rdb.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for i, member := range members {
			n, err := strconv.ParseInt(member, 10, 32)
			if err != nil {
				return fmt.Errorf("member %q of %s is no partition: %w", member, partitionsKey(model), err)
			}
			partitions[i] = int32(n)
			saved[i] = p.HExists(ctx, stateKey(state.Key{Model: model, Partition: int32(n)}), "seq")
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("partitions of %s: %w", model, err)
	}
	var out []int32
	for i, p := range partitions {
		if saved[i].Val() {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Current implements state.Reader.
func (s *Store) Current(ctx context.Context, k state.Key) (state.Pointer, error) {
	raw, err := s.rdb.Get(ctx, currentKey(k)).Result()
	if errors.Is(err, goredis.Nil) {
		err = state.ErrNotFound
	}
	if err != nil {
		return state.Pointer{}, fmt.Errorf("published version of %s: %w", k, err)
	}
	p := parser{k: k}
	pointer := p.pointer(raw)
	if pointer == nil {
		return state.Pointer{}, fmt.Errorf("current of %s is damaged: it is empty", k)
	}
	return *pointer, p.err
}

// Versions implements state.Reader.
func (s *Store) Versions(ctx context.Context, k state.Key) ([]state.Version, error) {
	manifests, err := s.rdb.HVals(ctx, versionsKey(k)).Result()
	if err != nil {
		return nil, fmt.Errorf("versions of %s: %w", k, err)
	}
	versions := make([]state.Version, len(manifests))
	for i, m := range manifests {
		if err := json.Unmarshal([]byte(m), &versions[i]); err != nil {
			return nil, fmt.Errorf("version of %s is damaged: %w", k, err)
		}
	}
	slices.SortFunc(versions, func(a, b state.Version) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.Sum[:], b.Sum[:]))
	})
	return versions, nil
}

// Marks implements state.Reader.
func (s *Store) Marks(ctx context.Context, k state.Key) ([]state.Mark, error) {
	raw, err := s.rdb.Get(ctx, marksKey(k)).Bytes()
	if errors.Is(err, goredis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("marks of %s: %w", k, err)
	}
	var marks []state.Mark
	if err := json.Unmarshal(raw, &marks); err != nil {
		return nil, fmt.Errorf("marks of %s are damaged: %w", k, err)
	}
	return marks, nil
}

// State implements state.Reader.
func (s *Store) State(ctx context.Context, k state.Key) (*state.Snapshot, state.Claim, error) {
	var fields *goredis.SliceCmd
	var current *goredis.StringCmd
	_, err := s.rdb.TxPipelined(ctx, func(p goredis.Pipeliner) error {
		fields = p.HMGet(ctx, stateKey(k), recordFields[:]...)
		current = p.Get(ctx, currentKey(k))
		return nil
	})
	if err != nil && !errors.Is(err, goredis.Nil) {
		return nil, state.Claim{}, fmt.Errorf("state of %s: %w", k, err)
	}
	if fields.Val()[0] == nil {
		return nil, state.Claim{}, fmt.Errorf("state of %s: %w", k, state.ErrNotFound)
	}
	r, err := parseRecord(k, fields.Val(), current.Val())
	if err == nil && r.snapshot == nil {
		err = fmt.Errorf("state of %s: %w: it was claimed but never saved", k, state.ErrNotFound)
	}
	return r.snapshot, r.claim, err
}

// Watch implements state.Reader. The subscription is renewed after a lost
// connection; what was published meanwhile is not seen.
func (s *Store) Watch(ctx context.Context, model string, fn func(state.Key)) error {
	sub := s.rdb.Subscribe(ctx, channel(model))
	defer sub.Close()
	hints := sub.Channel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case hint := <-hints:
			if n, err := strconv.ParseInt(hint.Payload, 10, 32); err == nil {
				fn(state.Key{Model: model, Partition: int32(n)})
			}
		}
	}
}
