package redis_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func open(t *testing.T, addr string) *redis.Store {
	t.Helper()
	return openWith(t, redis.Options{Addrs: []string{addr}})
}

func openWith(t *testing.T, o redis.Options) *redis.Store {
	t.Helper()
	s, err := redis.New(o)
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

// Readers do not know how a blob was stored.
func TestCompressed(t *testing.T) {
	addr := testbed.Redis(t)
	zstd := openWith(t, redis.Options{Addrs: []string{addr}, Compression: redis.CompressionZstd})
	conform.Store(t, func(t *testing.T) conform.StoreUnderTest { return zstd })

	b := blob(strings.Repeat("compressible ", 100_000))
	k := state.Key{Model: testbed.Name(t)}
	claim, _, err := zstd.Claim(t.Context(), k, owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := zstd.Save(t.Context(), k, claim, 0, snapshot(1, b), 5); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, addr).Blob(t.Context(), k, b.Sum)
	if err != nil || string(got) != string(b.Data) {
		t.Errorf("read %d bytes, %v; want the %d that were stored", len(got), err, len(b.Data))
	}
	if _, err := redis.New(redis.Options{Addrs: []string{addr}, Compression: "gzip"}); err == nil {
		t.Error("an unknown compression was accepted")
	}
}
