package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// Every key of a partition lies on one node of a real cluster, so that its scripts may run there.
func TestCluster(t *testing.T) {
	var addrs []string
	for _, n := range testbed.Cluster(t) {
		addrs = append(addrs, n.Addr)
	}
	s := openWith(t, redis.Options{Addrs: addrs})
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	conform.Store(t, func(*testing.T) conform.StoreUnderTest { return s })
}

// A store behind Sentinel follows the primary, with what is left after a
// failover that lost saves, and counts the saves that no replica had in time.
func TestSentinel(t *testing.T) {
	g := testbed.Sentinels(t)
	s := openWith(t, redis.Options{Addrs: g.Sentinels, Sentinel: redis.Sentinel{Master: g.Master}, Wait: redis.Wait{Replicas: 1, Timeout: 300 * time.Millisecond}})
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "set min-replicas-to-write 1") {
		t.Errorf("a primary that takes saves without a replica: %v", err)
	}
	for _, n := range g.Nodes {
		if _, err := testbed.Command(n.Addr, "CONFIG", "SET", "min-replicas-to-write", "1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, k := t.Context(), state.Key{Model: testbed.Name(t)}
	claim, _, err := s.Claim(ctx, k, owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ctx, k, claim, 0, snapshot(1, blob("kept")), 5); err != nil || s.Short() != 0 {
		t.Fatalf("%v, %d short waits", err, s.Short())
	}
	primary, replica, err := g.Primary()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Nodes {
		if _, err := testbed.Command(n.Addr, "CONFIG", "SET", "min-replicas-to-write", "0"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := testbed.Command(g.Nodes[replica].Addr, "REPLICAOF", "127.0.0.1", "1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ctx, k, claim, 1, snapshot(2, blob("lost")), 5); err != nil || s.Short() != 1 {
		t.Errorf("save without a replica: %v, %d short waits, want it stored and counted", err, s.Short())
	}
	if err := g.Failover(0); err != nil {
		t.Fatal(err)
	}
	if now, _, err := g.Primary(); err != nil || now != replica || now == primary {
		t.Fatalf("the primary is node %d, %v", now, err)
	}
	got, _, err := s.State(ctx, k)
	if err != nil || got.Seq != 1 {
		t.Fatalf("after the failover: %+v, %v, want save 1", got, err)
	}
	if err := s.Save(ctx, k, claim, 1, snapshot(2, blob("again")), 5); err != nil {
		t.Error(err)
	}
}

// A server that refuses writes, for want of memory or of a disk, changes nothing, and goes on when it can again.
func TestRefusedWrites(t *testing.T) {
	r := testbed.RedisServer(t)
	s := open(t, r.Addr)
	ctx, k := t.Context(), state.Key{Model: testbed.Name(t)}
	claim, _, err := s.Claim(ctx, k, owner)
	if err != nil {
		t.Fatal(err)
	}
	seq := uint64(0)
	for name, fault := range map[string][2][]string{
		"OOM":     {{"CONFIG", "SET", "maxmemory", "1"}, {"CONFIG", "SET", "maxmemory", "0"}},
		"NOREPLI": {{"CONFIG", "SET", "min-replicas-to-write", "1"}, {"CONFIG", "SET", "min-replicas-to-write", "0"}},
	} {
		if _, err := testbed.Command(r.Addr, fault[0]...); err != nil {
			t.Fatal(err)
		}
		next := snapshot(seq+1, blob(name))
		if err := s.Save(ctx, k, claim, seq, next, 5); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := testbed.Command(r.Addr, fault[1]...); err != nil {
			t.Fatal(err)
		}
		if err := s.Save(ctx, k, claim, seq, next, 5); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
		seq++
	}
	if got, _, err := s.State(ctx, k); err != nil || got.Seq != seq {
		t.Errorf("%+v, %v, want save %d", got, err, seq)
	}
}
