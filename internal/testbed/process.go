package testbed

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one server process with a directory of its own. Its output goes to a file, so that no goroutine has to copy it, and it is reaped by
// polling, so that no goroutine has to wait for it.
type process struct {
	args    []string // program and arguments
	dir     string
	logFile string
	cmd     *exec.Cmd
	guard   *exec.Cmd      // ends the process when this one ends without stopping it
	hold    io.WriteCloser // the guard's standard input: its end is the guard's signal
	exited  bool
}

func (p *process) start() error {
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.args[0], err)
	}
	defer log.Close()
	p.exited = false
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// Its own process group keeps an interrupt typed at the terminal from reaching it before the test has cleaned up.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.args[0], err)
	}
	return p.startGuard()
}

// startGuard starts a shell that waits for the end of its input, which comes when this process dies by whatever cause,
// and then kills the server and removes its directory. A test binary that panics or is killed by its time limit runs
// no cleanup of its own.
func (p *process) startGuard() error {
	p.guard = exec.Command("/bin/sh", "-c", `cat >/dev/null; kill -9 "$1"; rm -rf "$2"`,
		"guard", strconv.Itoa(p.cmd.Process.Pid), p.dir)
	p.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	hold, err := p.guard.StdinPipe()
	if err == nil {
		err = p.guard.Start()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start the guard of %s: %w", p.args[0], err), p.cmd.Process.Kill())
	}
	p.hold = hold
	return nil
}

// running reaps the process if it has ended, and tells whether it has not.
func (p *process) running() bool {
	if p.cmd == nil || p.exited {
		return false
	}
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WNOHANG, nil)
	if err == nil && pid == 0 {
		return true
	}
	p.reaped()
	return false
}

// reaped forgets the process, whose id may from now on belong to another one.
func (p *process) reaped() {
	p.exited = true
	_ = p.guard.Process.Kill() // before its input ends, so that it kills nobody
	_ = p.hold.Close()
	_ = p.guard.Wait()
}

// kill ends the process with SIGKILL and waits until it is gone. It is safe to call for one that has ended.
func (p *process) kill() {
	if !p.running() {
		return
	}
	_ = p.signal(syscall.SIGKILL)
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(p.cmd.Process.Pid, &status, 0, nil)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	p.reaped()
}

func (p *process) signal(s syscall.Signal) error {
	if err := syscall.Kill(p.cmd.Process.Pid, s); err != nil {
		return fmt.Errorf("signal %v to %s (process %d): %w", s, p.args[0], p.cmd.Process.Pid, err)
	}
	return nil
}

// await polls ready until it succeeds, the process ends or the time is up; the error carries the end of the log.
func (p *process) await(limit time.Duration, ready func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		if !p.running() {
			return fmt.Errorf("%s ended while starting; its log ends with:\n%s", filepath.Base(p.args[0]), p.tail())
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after %v: %w; its log ends with:\n%s", filepath.Base(p.args[0]), limit, err, p.tail())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// tail returns the last lines of the log.
func (p *process) tail() string {
	b, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// Ports are drawn from a range below the ones that systems give to outgoing connections (32768 and up on Linux), so
// that a server that is down for a moment finds its port free again.
const (
	firstPort = 15000
	lastPort  = 30000
)

// freePort returns a loopback port that nothing listened on a moment ago. Another process may take it before the
// caller does; starters try again with another one.
func freePort() (int, error) {
	var last error
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort))
		if err != nil {
			return 0, fmt.Errorf("draw a port: %w", err)
		}
		port := firstPort + int(n.Int64())
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			last = err
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port between %d and %d: %w", firstPort, lastPort, last)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// startTries is how often a server is started anew, on other ports, before the error is given up to the caller.
const startTries = 3

// retry calls start until it succeeds, at most startTries times.
func retry[T any](start func() (T, error)) (T, error) {
	var server T
	var err error
	for range startTries {
		if server, err = start(); err == nil {
			return server, nil
		}
	}
	return server, err
}
