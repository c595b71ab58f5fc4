package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// The same promises with Apache Kafka and Redis: members come, go and die, a
// partition loses records, and each record is learned once.
func TestRealServers(t *testing.T) {
	w := newRealWorld(t, testbed.Kafka(t), testbed.Redis(t), 4)
	patientMembers := func(c *Config, d *Deps) {
		audited(c, d)
		c.SessionTimeout, c.HeartbeatInterval = 6*time.Second, 500*time.Millisecond // the broker allows no less
	}
	a := w.start(patientMembers)
	w.poison(2000, 0)
	w.poison(2000, 1)
	w.produce(2000, 2, 3)
	a.waitOwned(4)
	b := w.start(patientMembers)
	w.produce(1000, 0, 1, 2, 3)
	a.waitOwned(2)
	b.waitOwned(2)
	w.exactlyOnce(0, 1, 2, 3)
	w.letters(400)

	w.produce(1000, 0, 1, 2, 3)
	b.kill()
	w.produce(1000, 0, 1, 2, 3)
	a.waitOwned(4)
	w.exactlyOnce(0, 1, 2, 3)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}

	w.produce(100, 0, 1, 2, 3)
	w.deleteBefore(2, w.chains[2].Next.Offset-50)
	c := w.start(patientMembers)
	c.waitState(2, Paused, "run --init")
	w.exactlyOnce(0, 1, 3)
	w.send(0, "c1", "freeze")
	w.waitAck(0, "c1")
	for _, p := range []int32{0, 1, 3} { // whoever stored a record, and whoever died before it was mirrored
		w.mirrored(p)
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	d := w.start(func(cfg *Config, deps *Deps) { patientMembers(cfg, deps); cfg.Init = true })
	want := w.chains[2]
	d.waitFor("what is left of partition 2", func(got map[int32]PartitionStatus) bool {
		return got[2].Next.Offset == want.Next.Offset && got[2].Stats.Fed == want.Fed-50
	})
}

// The broker and the store are killed and come back while records arrive.
func TestRealServersDie(t *testing.T) {
	k, r := testbed.KafkaServer(t), testbed.RedisServer(t)
	w := newRealWorld(t, k.Brokers, r.Addr, 2)
	m := w.start(nil)
	w.poison(1000, 0)
	w.produce(1000, 1)
	w.exactlyOnce(0, 1)
	for range 2 {
		r.Kill()
		w.poison(1000, 0)
		w.produce(1000, 1)
		if err := r.Restart(); err != nil {
			t.Fatal(err)
		}
		// The server keeps nothing on disk: the members write forward what it had.
		w.exactlyOnce(0, 1)
		k.Kill()
		if err := k.Restart(); err != nil {
			t.Fatal(err)
		}
		w.poison(500, 0)
		w.produce(500, 1)
		w.exactlyOnce(0, 1)
	}
	m.waitOwned(2)
	if err := m.stop(); err != nil {
		t.Error(err)
	}
}

// newRealWorld returns a world of real servers.
func newRealWorld(t *testing.T, brokers []string, addr string, partitions int32) *world {
	t.Helper()
	store, err := redis.New(redis.Options{Addrs: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, brokers: brokers, topic: testbed.Topic(t, brokers, partitions), model: testbed.Name(t), store: store}
	w.open(partitions)
	t.Cleanup(func() {
		if _, err := kadm.NewClient(w.client).DeleteTopic(context.Background(), w.deadLetter()); err != nil {
			t.Log(err) // a broker that a test has killed
		}
	})
	return w
}
