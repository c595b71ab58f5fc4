package testbed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// SentinelGroup is a primary, a replica, and three Sentinels that watch them.
type SentinelGroup struct {
	Master    string   // name under which the Sentinels know the primary
	Sentinels []string // host:port
	Nodes     []*RedisProcess

	watchers []*RedisProcess
}

// Sentinels starts a SentinelGroup that belongs to this test alone.
func Sentinels(t testing.TB) *SentinelGroup {
	t.Helper()
	g := &SentinelGroup{Master: "learners"}
	g.Nodes = append(g.Nodes, RedisServer(t))
	host, port, err := net.SplitHostPort(g.Nodes[0].Addr)
	if err != nil {
		t.Fatal(err)
	}
	g.Nodes = append(g.Nodes, RedisServer(t, "--replicaof", host, port))
	for range 3 {
		w, err := startSentinel(g.Master, host, port)
		if err != nil {
			t.Fatalf("testbed: %v", err)
		}
		t.Cleanup(w.Stop)
		g.watchers, g.Sentinels = append(g.watchers, w), append(g.Sentinels, w.Addr)
	}
	err = poll(redisStartLimit, func() error {
		for _, s := range g.Sentinels {
			info, err := Command(s, "INFO", "sentinel")
			if err != nil {
				return err
			}
			if !strings.Contains(info[0], "slaves=1,sentinels=3") {
				return fmt.Errorf("sentinel %s: %s", s, info[0])
			}
		}
		return g.replicates(0, 1)
	})
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	return g
}

func startSentinel(master, host, port string) (*RedisProcess, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is missing, run 'make provision': %w", err)
	}
	return retry(func() (*RedisProcess, error) {
		return startServer(func(own int, dir string) ([]string, error) {
			file := filepath.Join(dir, "sentinel.conf") // Sentinel writes what it learns into it
			text := fmt.Sprintf("port %[1]d\nbind 127.0.0.1\ndir %[2]s\nsentinel monitor %[3]s %[4]s %[5]s 2\n"+
				"sentinel down-after-milliseconds %[3]s 700\nsentinel failover-timeout %[3]s 4000\n", own, dir, master, host, port)
			return []string{program, file, "--sentinel"}, os.WriteFile(file, []byte(text), 0o600)
		})
	})
}

// Primary asks the Sentinels which node is the primary, and which is the other.
func (g *SentinelGroup) Primary() (primary, replica int, err error) {
	for _, s := range g.Sentinels {
		var addr []string
		if addr, err = Command(s, "SENTINEL", "get-master-addr-by-name", g.Master); err != nil {
			continue
		}
		if len(addr) == 2 {
			for i, n := range g.Nodes {
				if n.Addr == net.JoinHostPort(addr[0], addr[1]) {
					return i, 1 - i, nil
				}
			}
		}
		err = fmt.Errorf("sentinel %s names %v", s, addr)
	}
	return 0, 0, err
}

// Failover kills the primary and waits until the replica has taken its place.
// The last writes of the time lose, during which the replica does not hear
// from the primary, are gone then. The killed node comes back as the replica.
func (g *SentinelGroup) Failover(lose time.Duration) error {
	old, heir, err := g.Primary()
	if err != nil {
		return err
	}
	if lose > 0 {
		if _, err := Command(g.Nodes[heir].Addr, "REPLICAOF", "127.0.0.1", "1"); err != nil {
			return err
		}
		time.Sleep(lose)
	}
	g.Nodes[old].Kill()
	err = poll(30*time.Second, func() error {
		now, _, err := g.Primary()
		if err != nil {
			return err
		}
		if now != heir {
			return errors.New("the sentinels still name the dead primary")
		}
		role, err := Command(g.Nodes[heir].Addr, "ROLE")
		if err == nil && role[0] != "master" {
			err = fmt.Errorf("the heir is still a %s", role[0])
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := g.Nodes[old].up(); err != nil {
		return err
	}
	return poll(30*time.Second, func() error { return g.replicates(heir, old) })
}

// replicates makes a node the replica of another one and returns an error until it is.
func (g *SentinelGroup) replicates(primary, replica int) error {
	role, err := Command(g.Nodes[replica].Addr, "ROLE")
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(g.Nodes[primary].Addr)
	if err != nil {
		return err
	}
	if role[0] == "slave" && role[2] == port && role[3] == "connected" {
		return nil
	}
	if role[0] != "slave" || role[2] != port {
		if _, err := Command(g.Nodes[replica].Addr, "REPLICAOF", host, port); err != nil {
			return err
		}
	}
	return fmt.Errorf("the replica is not connected: %v", role)
}

// Cluster starts a Redis Cluster of three nodes without replicas that belongs
// to this test alone. Nodes keep their data through a restart.
func Cluster(t testing.TB) []*RedisProcess {
	t.Helper()
	var nodes []*RedisProcess
	for range 3 {
		nodes = append(nodes, RedisServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
			"--cluster-require-full-coverage", "no", "--appendonly", "yes", "--appendfsync", "always"))
	}
	const slots = 16384
	for i, n := range nodes {
		host, port, err := net.SplitHostPort(n.Addr)
		if err == nil {
			_, err = Command(n.Addr, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/3), strconv.Itoa((i+1)*slots/3-1))
		}
		if err == nil {
			_, err = Command(n.Addr, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		}
		if err == nil {
			_, err = Command(nodes[0].Addr, "CLUSTER", "MEET", host, port)
		}
		if err != nil {
			t.Fatalf("testbed: %v", err)
		}
	}
	err := poll(redisStartLimit, func() error {
		for _, n := range nodes {
			info, err := Command(n.Addr, "CLUSTER", "INFO")
			if err != nil {
				return err
			}
			if !strings.Contains(info[0], "cluster_state:ok") || !strings.Contains(info[0], "cluster_size:3") {
				return fmt.Errorf("node %s: %s", n.Addr, info[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	return nodes
}

// poll calls ready until it succeeds or the time is up.
func poll(limit time.Duration, ready func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %w", limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
