package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/pkg/consumer"
)

// daemon runs the daemon in this process until the returned function is called.
func (in *installation) daemon(init bool, set ...string) (*daemon, func()) {
	in.t.Helper()
	cfg, err := loadConfig(in.config, set)
	if err != nil {
		in.t.Fatal(err)
	}
	d, err := newDaemon(cfg, slog.New(slog.DiscardHandler), init)
	if err != nil {
		in.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return d, func() {
		in.t.Helper()
		cancel()
		if err := <-done; err != nil {
			in.t.Error(err)
		}
	}
}

// stands waits until a partition is paused for a reason with all of the words,
// in /status and in /readyz, while the other one runs.
func stands(t *testing.T, d *daemon, partition int32, words ...string) {
	t.Helper()
	eventually(t, strings.Join(words, ", "), func() bool {
		ready := d.ready()
		parts := d.status().Models[0].Partitions
		if ready == nil || len(parts) != 2 || parts[1-partition].State != consumer.Running || parts[partition].State != consumer.Paused {
			return false
		}
		for _, w := range words {
			if !strings.Contains(parts[partition].Reason, w) || !strings.Contains(ready.Error(), w) {
				return false
			}
		}
		return true
	})
}

func runs(t *testing.T, d *daemon) {
	t.Helper()
	eventually(t, "both partitions run", func() bool { return d.ready() == nil && len(d.status().Models[0].Partitions) == 2 })
}

// Each thing that stops a partition stops that one alone, says what happened,
// and names the command that ends it, which does.
func TestStoppedPartitions(t *testing.T) {
	in := newInstallation(t)
	learned := func() bool {
		list := document[[]partitionReport](in, "snapshot", "list", "-c", in.config)
		return len(list) == 2 && list[0].Next == int64(in.events[0]) && list[1].Next == int64(in.events[1])
	}
	eventually(t, "all records are learned", learned)
	in.stop()
	rdb := goredis.NewClient(&goredis.Options{Addr: in.redis})
	defer rdb.Close()
	hset := func(values ...any) {
		t.Helper()
		if err := rdb.HSet(t.Context(), "sl:{fraud/0}:state", values...).Err(); err != nil {
			t.Fatal(err)
		}
	}

	hset("group", "retired")
	d, stop := in.daemon(false)
	stands(t, d, 0, `"retired"`, "streamlearner snapshot adopt fraud/0")
	in.must("snapshot", "adopt", "fraud/0", "-c", in.config)
	runs(t, d)
	stop()

	hset("generation", "100000") // as if the group had been made anew
	d, stop = in.daemon(false)
	stands(t, d, 0, "generation 100000", "streamlearner snapshot adopt fraud/0")
	in.must("snapshot", "adopt", "fraud/0", "-c", in.config)
	runs(t, d)
	stop()

	hset("log", "payments/another")
	d, stop = in.daemon(false)
	stands(t, d, 0, "was payments/another", "streamlearner seek fraud/0 --to start")
	if code, _, errs := in.call("seek", "fraud", "--to", "end", "--why", "test", "-c", in.config); code != exitUsage || !strings.Contains(errs, "name one") {
		t.Errorf("seek of a whole model: exit code %d, %q", code, errs)
	}
	in.must("seek", "fraud/0", "--to", "end", "--why", "test", "-c", in.config)
	runs(t, d)
	if code, out, _ := in.call("seek", "fraud/0", "--to", "3", "--why", "test", "-c", in.config); code != exitFailed || !strings.Contains(out, "learned twice") {
		t.Errorf("seek back: exit code %d, %q", code, out)
	}
	stop()

	if err := rdb.Del(t.Context(), "sl:{fraud/0}:state").Err(); err != nil {
		t.Fatal(err)
	}
	d, stop = in.daemon(false)
	stands(t, d, 0, "lost its data", "is committed", "streamlearner run --init")
	stop()
	d, stop = in.daemon(true)
	runs(t, d)
	eventually(t, "partition 0 is learned again", learned)
	stop()

	code, _, errs := in.call("run", "-c", in.config, "--set", "kafka.group_protocol=eager")
	if code != exitUsage || !strings.Contains(errs, "kafka.group_protocol") || !strings.Contains(errs, "consumer") {
		t.Errorf("run with an unknown group protocol: exit code %d, %q", code, errs)
	}
	d, stop = in.daemon(false, "models.fraud.learner.bits=12")
	eventually(t, "both refuse the configuration", func() bool {
		err := d.ready()
		return err != nil && strings.Contains(err.Error(), "learner.bits: stored 18, configured 12") && strings.Contains(err.Error(), "fraud/1 is paused")
	})
	stop()
}
