package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// buildOnce holds the path of the binary under test.
var buildOnce = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "streamlearner-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "streamlearner")
	out, err := exec.Command("go", "build", "-o", path, "github.com/streamlearner/streamlearner/cmd/streamlearner").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := buildOnce(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// cli runs a command of the program to its end and returns its standard output.
func cli(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary(t), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("streamlearner %s: %v\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// daemon is a running `streamlearner run`.
type daemon struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *bytes.Buffer
	done chan error
}

func startDaemon(t *testing.T, config string, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, log: &bytes.Buffer{}, done: make(chan error, 1)}
	d.cmd = exec.Command(binary(t), append([]string{"run", "-c", config}, args...)...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.done <- d.cmd.Wait() }()
	t.Cleanup(d.kill)
	return d
}

// kill ends the process as kill -9 does.
func (d *daemon) kill() {
	if d.cmd.ProcessState == nil {
		_ = d.cmd.Process.Kill() // it may have ended by itself
		<-d.done
		d.done <- nil
	}
}

// stop ends the process as a deploy does and checks that it went well.
func (d *daemon) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	select {
	case err := <-d.done:
		d.done <- nil
		if err != nil {
			d.t.Errorf("the daemon ended with %v:\n%s", err, d.log)
		}
	case <-time.After(30 * time.Second):
		d.t.Errorf("the daemon did not end within 30 s of SIGTERM")
	}
}

// eventually polls until ok, or fails with what it last said.
func eventually(t *testing.T, limit time.Duration, ok func() (bool, string)) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		done, said := ok()
		if done {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, said)
		case <-tick.C:
		}
	}
}
