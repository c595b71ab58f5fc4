package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

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

// A blob that was dropped a moment ago is stored again, although its chunks are
// still on their way out.
func TestDroppedAndBack(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, server.Addr())
	s.SetChunk(4)
	k := state.Key{Model: "m"}
	claim, _, err := s.Claim(t.Context(), k, owner)
	if err != nil {
		t.Fatal(err)
	}
	large, other := blob("a blob of some chunks"), blob("b")
	save := func(seq uint64, b state.Blob) error {
		snap := snapshot(seq, b)
		return s.Save(t.Context(), k, claim, seq-1, snap, 1)
	}
	if err := errors.Join(save(1, large), save(2, other)); err != nil {
		t.Fatal(err)
	}
	server.FastForward(35 * time.Millisecond) // some chunks are gone, some are not
	for try := 0; ; try++ {
		err := save(3, large)
		if err == nil {
			break
		}
		if !errors.Is(err, state.ErrBlobs) || try > 5 {
			t.Fatal(err)
		}
		server.FastForward(time.Second)
	}
	server.FastForward(24 * time.Hour)
	if got, err := s.Blob(t.Context(), k, large.Sum); err != nil || string(got) != string(large.Data) {
		t.Errorf("read %q, %v", got, err)
	}
}
