package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// outcome is what one process did.
type outcome struct {
	Events  int     `json:"events"`
	LogLoss float64 `json:"log_loss"` // progressive, mean
	// Wall-clock and processor time. Scripts say it themselves, so that the start
	// of Python does not count; otherwise it is that of the whole process.
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	peak    float64 // resident memory in MiB
}

// decodeScript reads what a Python script prints.
func decodeScript(out []byte) (outcome, error) {
	var o outcome
	err := json.Unmarshal(out, &o)
	return o, err
}

// decodeReplay reads the report of streamlearner replay.
func decodeReplay(out []byte) (outcome, error) {
	var report struct {
		Events, Learned int
		Metrics         struct {
			LogLoss float64 `json:"log_loss"`
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return outcome{}, err
	}
	if report.Learned != report.Events {
		return outcome{}, fmt.Errorf("only %d of %d events were learned", report.Learned, report.Events)
	}
	return outcome{Events: report.Events, LogLoss: report.Metrics.LogLoss}, nil
}

// run runs the contender once, its i-th command pinned to cores[i], and returns
// the sum of what its processes did. The time is that of the slowest.
func (c *contender) run(cores []string) (outcome, error) {
	type result struct {
		outcome
		err error
	}
	results := make(chan result)
	for i, command := range c.commands {
		go func() {
			o, err := runPinned(cores[i], command, c.decode)
			results <- result{o, err}
		}()
	}
	var sum outcome
	var errs []error
	for range c.commands {
		r := <-results
		errs = append(errs, r.err)
		sum.LogLoss += r.LogLoss * float64(r.Events)
		sum.Events += r.Events
		sum.Seconds = max(sum.Seconds, r.Seconds)
		sum.CPU += r.CPU
		sum.peak += r.peak
	}
	if err := errors.Join(errs...); err != nil {
		return sum, fmt.Errorf("%s: %w", c.name, err)
	}
	sum.LogLoss /= float64(sum.Events)
	return sum, nil
}

func runPinned(core string, command []string, decode func([]byte) (outcome, error)) (outcome, error) {
	cmd := exec.Command("taskset", append([]string{"-c", core}, command...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	err := cmd.Run()
	elapsed := time.Since(begin)
	if err != nil {
		return outcome{}, fmt.Errorf("%v: %w\n%s", command, err, stderr.Bytes())
	}
	o, err := decode(stdout.Bytes())
	if err != nil {
		return o, fmt.Errorf("%v: %w", command, err)
	}
	if o.Events == 0 {
		return o, fmt.Errorf("%v: learned nothing", command)
	}
	if o.Seconds == 0 {
		o.Seconds = elapsed.Seconds()
		o.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	}
	o.peak = float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	return o, nil
}

// warm reads files, so that no contender pays for reading them from the disk.
func warm(files []string) error {
	for _, name := range files {
		if _, err := os.Stat(name); err != nil {
			return err
		}
		if err := exec.Command("dd", "if="+name, "of=/dev/null", "bs=1M", "status=none").Run(); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return nil
}
