package redis

import (
	"context"
	"fmt"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// Check returns an error when Redis does not answer, when it would evict keys
// under memory pressure, since an evicted state is a lost one, or when saves
// are to wait for replicas that it does not insist on. A server that does not
// tell its settings passes.
func (s *Store) Check(ctx context.Context) error {
	if err := s.rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis does not answer: %w", err)
	}
	if cluster, ok := s.rdb.(*goredis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, c *goredis.Client) error {
			return s.checkServer(ctx, c)
		})
	}
	return s.checkServer(ctx, s.rdb)
}

func (s *Store) checkServer(ctx context.Context, c goredis.Cmdable) error {
	const evict, noEviction = "maxmemory-policy", "noeviction"
	if policy, told := setting(ctx, c, evict); told && policy != noEviction {
		return fmt.Errorf("redis evicts keys (%s is %s) and could drop the state of a learner: set %s %s", evict, policy, evict, noEviction)
	}
	const replicas = "min-replicas-to-write"
	if s.wait.Replicas == 0 {
		return nil
	}
	value, told := setting(ctx, c, replicas)
	if n, err := strconv.Atoi(value); told && err == nil && n < s.wait.Replicas {
		return fmt.Errorf("saves are to reach %d replicas (redis.wait.replicas), but a primary that is cut off from them goes on taking saves, "+
			"which a failover then loses (%s is %d): set %s %d", s.wait.Replicas, replicas, n, replicas, s.wait.Replicas)
	}
	return nil
}

// setting asks for a setting of the server.
func setting(ctx context.Context, c goredis.Cmdable, key string) (value string, told bool) {
	settings, err := c.ConfigGet(ctx, key).Result()
	value, told = settings[key]
	return value, told && err == nil
}
