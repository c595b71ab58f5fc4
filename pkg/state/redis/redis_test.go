package redis_test

import (
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func open(t *testing.T, addr string) *redis.Store {
	t.Helper()
	s, err := redis.New(redis.Options{Addrs: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestEmbedded(t *testing.T) {
	conform.Store(t, func(t *testing.T) conform.StoreUnderTest { return open(t, miniredis.RunT(t).Addr()) })
}

func TestRealServer(t *testing.T) {
	addr := testbed.Redis(t)
	conform.Store(t, func(t *testing.T) conform.StoreUnderTest { return open(t, addr) })
}
