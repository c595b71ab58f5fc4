package testbed

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RedisProcess is a redis-server of one test.
type RedisProcess struct {
	Addr string // host:port

	dir  string
	proc process
}

const redisStartLimit = 20 * time.Second

// StartRedis starts a redis-server on a free port, without persistence unless
// the options, written as on its command line, say otherwise. The caller ends it by Stop.
func StartRedis(options ...string) (*RedisProcess, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is missing, run 'make provision': %w", err)
	}
	return retry(func() (*RedisProcess, error) {
		return startServer(func(port int, dir string) ([]string, error) {
			return append([]string{program,
				"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir,
				"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0",
				"--daemonize", "no"}, options...), nil
		})
	})
}

// startServer starts what command returns for a port and a directory.
func startServer(command func(port int, dir string) ([]string, error)) (*RedisProcess, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "testbed-redis-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for Redis: %w", err)
	}
	r := &RedisProcess{Addr: loopback(port), dir: dir}
	r.proc = process{dir: dir, logFile: filepath.Join(dir, "redis.log")}
	if r.proc.args, err = command(port, dir); err == nil {
		err = r.up()
	}
	if err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

func (r *RedisProcess) up() error {
	if err := r.proc.start(); err != nil {
		return err
	}
	return r.proc.await(redisStartLimit, r.ping)
}

// ping asks for the process id and compares it, so that a server of another test on this port is not taken for ours.
func (r *RedisProcess) ping() error {
	conn, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprint(conn, "INFO server\r\n"); err != nil {
		return err
	}
	want := "process_id:" + strconv.Itoa(r.proc.cmd.Process.Pid)
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == want:
			return nil
		case strings.HasPrefix(line, "process_id:"), strings.HasPrefix(line, "-"):
			return fmt.Errorf("%s answered %q, want %q", r.Addr, line, want)
		}
	}
	return fmt.Errorf("%s gave no process id: %w", r.Addr, lines.Err())
}

// Dir is the working directory of the server.
func (r *RedisProcess) Dir() string { return r.dir }

// Kill ends the server with SIGKILL: its data is gone, unless it was started with persistence.
func (r *RedisProcess) Kill() { r.proc.kill() }

// Pause stops the server with SIGSTOP: connections stay open and nothing answers.
func (r *RedisProcess) Pause() error { return r.proc.signal(syscall.SIGSTOP) }

// Continue undoes Pause.
func (r *RedisProcess) Continue() error { return r.proc.signal(syscall.SIGCONT) }

// Restart kills the server and starts it on the same address, empty unless it was started with persistence.
func (r *RedisProcess) Restart() error {
	r.proc.kill()
	return r.up()
}

// Stop kills the server and removes its files.
func (r *RedisProcess) Stop() {
	r.proc.kill()
	_ = os.RemoveAll(r.dir)
}

// RedisServer starts a redis-server that belongs to this test alone, whatever REDIS_ADDR says, and ends it with the
// test.
func RedisServer(t testing.TB, options ...string) *RedisProcess {
	t.Helper()
	r, err := StartRedis(options...)
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	t.Cleanup(r.Stop)
	return r
}

// Redis returns the address of a real Redis: the one that REDIS_ADDR names, which other tests use at the same time,
// or a fresh one that ends with the test. Keep keys apart by [Name].
func Redis(t testing.TB) string {
	t.Helper()
	if addr := os.Getenv(RedisEnv); addr != "" {
		return addr
	}
	return RedisServer(t).Addr
}
