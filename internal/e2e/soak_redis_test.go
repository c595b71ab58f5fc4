package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// withSentinel has a primary and a replica under three Sentinels.
func withSentinel(s *soak) (redis.Options, []fault) {
	g := testbed.Sentinels(s.t)
	return redis.Options{Addrs: g.Sentinels, Sentinel: redis.Sentinel{Master: g.Master}}, []fault{
		{"Redis failover", 6, func() error { return g.Failover(0) }},
		{"Redis failover with lost writes", 12, func() error {
			return g.Failover(time.Duration(300+s.rng.IntN(1200)) * time.Millisecond)
		}},
	}
}

// withCluster has three nodes that keep their data.
func withCluster(s *soak) (redis.Options, []fault) {
	nodes := testbed.Cluster(s.t)
	var o redis.Options
	for _, n := range nodes {
		o.Addrs = append(o.Addrs, n.Addr)
	}
	pause := func(d time.Duration) error {
		n := nodes[s.rng.IntN(len(nodes))]
		if err := n.Pause(); err != nil {
			return err
		}
		time.Sleep(d)
		return n.Continue()
	}
	return o, []fault{
		{"Redis Cluster node killed and restarted", 8, func() error { return nodes[s.rng.IntN(len(nodes))].Restart() }},
		{"Redis Cluster node stopped for a moment", 6, func() error { return pause(time.Second) }},
		{"Redis Cluster node given up and back", 3, func() error { return pause(4 * time.Second) }},
	}
}

// withProxy has one server, which keeps its data, behind a bad network.
func withProxy(s *soak) (redis.Options, []fault) {
	r := testbed.RedisServer(s.t, "--appendonly", "yes", "--appendfsync", "always", "--save", "86400 1000000000",
		"--enable-protected-configs", "yes")
	p := testbed.StartProxy(s.t, r.Addr)
	set := func(key, value string) error {
		_, err := testbed.Command(r.Addr, "CONFIG", "SET", key, value)
		return err
	}
	return redis.Options{Addrs: []string{p.Addr}}, []fault{
		{"Redis killed and restarted", 6, r.Restart},
		{"Redis restarted empty", 4, func() error {
			s.settle() // a partition that moves while its state is gone waits for an operator, as it should
			r.Kill()
			if err := os.RemoveAll(filepath.Join(r.Dir(), "appendonlydir")); err != nil {
				return err
			}
			if err := r.Restart(); err != nil {
				return err
			}
			s.await("state in the empty Redis", time.Minute, func(int32, int64) bool { return true })
			return nil
		}},
		{"Redis stopped for a moment", 5, func() error {
			if err := r.Pause(); err != nil {
				return err
			}
			time.Sleep(time.Duration(s.rng.IntN(2000)) * time.Millisecond)
			return r.Continue()
		}},
		{"Redis out of memory", 5, func() error {
			if err := set("maxmemory", "1"); err != nil {
				return err
			}
			time.Sleep(time.Second)
			return set("maxmemory", "0")
		}},
		{"Redis cannot write to its disk", 5, func() error { return failingDisk(r, set) }},
		{"Redis forgets its scripts", 3, func() error {
			_, err := testbed.Command(r.Addr, "SCRIPT", "FLUSH")
			return err
		}},
		{"connections to Redis cut", 5, func() error { p.Cut(); return nil }},
		{"slow network to Redis", 5, func() error { return slow(p, s.rng) }},
		{"silent network to Redis", 3, func() error {
			p.Stall(true)
			time.Sleep(time.Duration(s.rng.IntN(4000)) * time.Millisecond)
			p.Stall(false)
			return nil
		}},
		{"replies of Redis lost", 8, func() error { return lossy(p) }},
	}
}

// failingDisk lets a background save fail, after which Redis refuses writes
// (MISCONF) until one succeeds: a directory stands where the file belongs.
func failingDisk(r *testbed.RedisProcess, set func(key, value string) error) error {
	blocked := filepath.Join(r.Dir(), "blocked")
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o700); err != nil {
		return err
	}
	if err := set("dbfilename", "blocked"); err != nil {
		return err
	}
	if err := background(r, "err"); err != nil {
		return err
	}
	time.Sleep(time.Second)
	if err := set("dbfilename", "dump.rdb"); err != nil {
		return err
	}
	return background(r, "ok")
}

// background saves in the background until the last one ended as wanted.
func background(r *testbed.RedisProcess, want string) error {
	for range 200 {
		info, err := testbed.Command(r.Addr, "INFO", "persistence")
		if err != nil {
			return err
		}
		if strings.Contains(info[0], "rdb_last_bgsave_status:"+want) {
			return nil
		}
		if strings.Contains(info[0], "rdb_bgsave_in_progress:0") {
			if _, err := testbed.Command(r.Addr, "BGSAVE"); err != nil && !strings.Contains(err.Error(), "in progress") {
				return fmt.Errorf("background save: %w", err)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("no background save ended with " + want)
}
