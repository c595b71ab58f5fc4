package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/pkg/state"
)

func waitKey(k state.Key) string { return prefix(k) + "wait" }

// awaitReplicas waits until enough replicas have what was saved for k, and
// counts when they do not. WAIT speaks of the writes of its own connection;
// a write that follows the save reaches a replica after the save, so it is
// enough to wait for that one.
func (s *Store) awaitReplicas(ctx context.Context, k state.Key) {
	if s.wait.Replicas == 0 {
		return
	}
	var reached *goredis.IntCmd
	_, err := s.primary(ctx, k).Pipelined(ctx, func(p goredis.Pipeliner) error {
		p.Set(ctx, waitKey(k), "", 2*s.wait.Timeout)
		reached = goredis.NewIntCmd(ctx, "WAIT", s.wait.Replicas, s.wait.Timeout.Milliseconds())
		return p.Process(ctx, reached)
	})
	if err != nil || reached.Val() < int64(s.wait.Replicas) {
		s.short.Add(1)
	}
}

// primary returns a client of the server that holds k alone, since WAIT has no key that would lead it there.
func (s *Store) primary(ctx context.Context, k state.Key) goredis.Cmdable {
	if cluster, ok := s.rdb.(*goredis.ClusterClient); ok {
		if node, err := cluster.MasterForKey(ctx, stateKey(k)); err == nil {
			return node
		}
	}
	return s.rdb
}

// Short returns how many saves fewer replicas than Wait.Replicas had in time.
// They are stored all the same, and lost when the primary dies before they arrive.
func (s *Store) Short() uint64 { return s.short.Load() }
