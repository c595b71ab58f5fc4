package serve_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// expect fails unless the version and mode of partition 0 are served.
func expect(t *testing.T, c *serve.Client, version uint64, mode string) {
	t.Helper()
	got, err := c.ScoreJSON(payment("x", 90))
	if err != nil || got.Version != version || got.Mode != mode {
		t.Fatalf("got %+v, %v; want version %d, %s", got, err, version, mode)
	}
}

// refresh fails the test unless it succeeds.
func refresh(t *testing.T, c *serve.Client) {
	t.Helper()
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An older version is followed at once when the learner went back on purpose,
// and only after a while when the store did.
func TestGoingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := state.NewMem()
		w := newWriter(t, store, state.Key{Model: "fraud"})
		_, older := trained(t, 30)
		_, newer := trained(t, 60)
		w.publish(5, "learning", older)
		c := open(t, serve.Options{Store: store, Hold: time.Minute})
		w.publish(8, "learning", newer)
		refresh(t, c)
		expect(t, c, 8, "learning")

		w.publish(5, "frozen", older)
		refresh(t, c)
		expect(t, c, 5, "frozen")
		w.publish(5, "recovering", older)
		refresh(t, c)
		expect(t, c, 5, "recovering")
		w.publish(8, "learning", newer)
		refresh(t, c)
		expect(t, c, 8, "learning")

		w.publish(5, state.ModeHeld, older)
		refresh(t, c)
		expect(t, c, 5, state.ModeHeld)
		w.publish(4, "learning", newer) // a promotion after a restore
		refresh(t, c)
		expect(t, c, 4, "learning")
		w.publish(8, "learning", newer)
		refresh(t, c)
		expect(t, c, 8, "learning")

		w.publish(5, "learning", older) // as after a failover
		refresh(t, c)
		expect(t, c, 8, "learning")
		time.Sleep(59 * time.Second)
		refresh(t, c)
		expect(t, c, 8, "learning")
		time.Sleep(time.Second)
		refresh(t, c)
		expect(t, c, 5, "learning")
	})
}

// A reader may choose a version by number, or by a label that it follows.
func TestChosenVersion(t *testing.T) {
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "fraud"})
	byNumber, byLabel := serve.Options{Store: store, Version: "5"}, serve.Options{Store: store, Version: "blue"}
	nothing := open(t, byLabel) // as long as nothing is published, nothing is wrong
	_, older := trained(t, 30)
	_, newer := trained(t, 60)
	w.publish(5, "learning", older)
	w.marks = []state.Mark{{Number: 5, Sum: state.SumOf(older), Labels: []string{"blue"}}}
	w.publish(8, "learning", newer)
	five, blue := open(t, byNumber), open(t, byLabel)
	for _, c := range []*serve.Client{nothing, five, blue} {
		refresh(t, c)
		expect(t, c, 5, state.ModeHeld)
	}
	w.marks[0] = state.Mark{Number: 8, Sum: state.SumOf(newer), Labels: []string{"blue"}}
	w.publish(9, "learning", older)
	refresh(t, five)
	expect(t, five, 5, state.ModeHeld)
	refresh(t, blue)
	expect(t, blue, 8, state.ModeHeld)
	w.marks[0].Number = 5
	w.marks[0].Sum = state.SumOf(older)
	w.publish(10, "learning", newer)
	refresh(t, blue)
	expect(t, blue, 5, state.ModeHeld)
	w.marks = nil
	w.publish(11, "learning", newer)
	if err := blue.Refresh(t.Context()); !errors.Is(err, state.ErrVersion) {
		t.Errorf("a label that is gone: %v", err)
	}
	expect(t, blue, 5, state.ModeHeld)
	byLabel.Model, byLabel.Schema = "fraud", schema
	if _, err := serve.Open(t.Context(), byLabel); !errors.Is(err, state.ErrVersion) {
		t.Errorf("opening at a label that is not there: %v", err)
	}
}

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := state.NewMem()
		_, b := trained(t, 50)
		newWriter(t, store, state.Key{Model: "fraud"}).publish(1, "learning", b) // max_age 60 s
		c := open(t, serve.Options{Store: store})
		for _, step := range []struct {
			wait  time.Duration
			age   time.Duration
			stale bool
		}{{0, 0, false}, {time.Minute, time.Minute, false}, {time.Second, 61 * time.Second, true}} {
			time.Sleep(step.wait)
			got, err := c.ScoreJSON(payment("x", 1))
			if err != nil || got.Age != step.age || got.Stale != step.stale {
				t.Errorf("after %v: %+v, %v; want age %v, stale %v", step.wait, got, err, step.age, step.stale)
			}
		}
	})
}

// Run follows the store by polling, and faster by hints, while scores go on.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := state.NewMem()
		w := newWriter(t, store, state.Key{Model: "fraud"})
		_, one := trained(t, 30)
		_, two := trained(t, 60)
		w.publish(1, "learning", one)
		c := open(t, serve.Options{Store: store, Poll: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		synctest.Wait()
		w.publish(2, "learning", two) // a hint: no time passes
		synctest.Wait()
		expect(t, c, 2, "learning")
		cancel()
		wg.Wait()

		ctx, cancel = context.WithCancel(t.Context())
		c = open(t, serve.Options{Store: hintless{store}, Poll: time.Second})
		wg.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		w.publish(3, "learning", one)
		synctest.Wait()
		expect(t, c, 2, "learning")
		time.Sleep(time.Second)
		synctest.Wait()
		expect(t, c, 3, "learning")
		cancel()
		wg.Wait()
	})
}

// hintless is a store whose subscriptions do not work.
type hintless struct{ state.Reader }

func (hintless) Watch(context.Context, string, func(state.Key)) error {
	return errors.New("no subscriptions here")
}

// What cannot be read is not served and does not replace what can.
func TestDamagedVersion(t *testing.T) {
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "fraud"})
	_, good := trained(t, 30)
	w.publish(1, "learning", good)
	c := open(t, serve.Options{Store: store})
	for version, bad := range map[uint64][]byte{2: good[:len(good)-1], 3: []byte("SL\x03\x01 a bandit"), 4: nil} {
		w.publish(version, "learning", bad)
		if err := c.Refresh(t.Context()); err == nil {
			t.Errorf("version %d: no error", version)
		}
		expect(t, c, 1, "learning")
	}
}

// While Redis is away the versions at hand are served; a Redis that lost all
// of its data changes nothing either.
func TestRedisAway(t *testing.T) {
	server := testbed.RedisServer(t)
	store, err := redis.New(redis.Options{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, b := trained(t, 50)
	key := state.Key{Model: "fraud"}
	newWriter(t, store, key).publish(7, "learning", b)
	c := open(t, serve.Options{Redis: redis.Options{Addrs: []string{server.Addr}}})
	defer c.Close()
	expect(t, c, 7, "learning")

	server.Kill()
	if err := c.Refresh(t.Context()); err == nil {
		t.Error("refresh without a server succeeded")
	}
	expect(t, c, 7, "learning")

	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	refresh(t, c)
	expect(t, c, 7, "learning")
	newWriter(t, store, key).publish(8, "learning", b)
	refresh(t, c)
	expect(t, c, 8, "learning")
}

func TestMetrics(t *testing.T) {
	store := state.NewMem()
	w := newWriter(t, store, state.Key{Model: "fraud", Partition: 1})
	_, b := trained(t, 50)
	w.publish(9, "frozen", b)
	c := open(t, serve.Options{Store: store, Partitions: 2})
	w.publish(10, "frozen", nil)
	if err := c.Refresh(t.Context()); err == nil {
		t.Fatal("empty parameters were accepted")
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := strings.TrimPrefix(f.GetName(), "streamlearner_serve_")
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{"version fraud 1": 9, "frozen fraud 1": 1, "refresh_failures_total fraud": 1} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: %v, want %v", name, v, want)
		}
	}
	if age := got["age_seconds fraud 1"]; age < 0 || age > 60 {
		t.Errorf("age %v s", age)
	}
	if synced := time.Unix(int64(got["synced_timestamp_seconds fraud"]), 0); time.Since(synced) > time.Minute {
		t.Errorf("synced at %v", synced)
	}
}
