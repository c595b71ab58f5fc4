package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/streamlearner/streamlearner/internal/testbed"
)

// rewards are the topics of a relay on an in-process broker.
type rewards struct {
	t       *testing.T
	cluster *kfake.Cluster
	brokers []string
	client  *kgo.Client
	sent    int
}

func newRewards(t *testing.T, from, to int32) *rewards {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(from, "rewards", "more"), kfake.SeedTopics(to, "decisions"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	r := &rewards{t: t, cluster: c, brokers: c.ListenAddrs()}
	if r.client, err = kgo.NewClient(kgo.SeedBrokers(r.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.client.Close)
	return r
}

// send sends n rewards to a partition, with the keys k0 to k9.
func (r *rewards) send(partition int32, n int) {
	r.t.Helper()
	for range n {
		key := fmt.Sprintf("k%d", r.sent%10)
		rec := &kgo.Record{Topic: "rewards", Partition: partition, Key: []byte(key), Value: fmt.Appendf(nil, "%s-%d", key, r.sent), Timestamp: time.UnixMilli(int64(1e12) + int64(r.sent))}
		if err := testbed.Produce(r.client, rec); err != nil {
			r.t.Fatal(err)
		}
		r.sent++
	}
}

// start runs a relay until stop is called or the test ends.
func (r *rewards) start(edit func(*RelayConfig)) (stop func()) {
	r.t.Helper()
	cfg := RelayConfig{
		Connection: Connection{Brokers: r.brokers}, Group: "g", Model: "m", From: []string{"rewards"}, To: "decisions",
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 100 * time.Millisecond,
	}
	if edit != nil {
		edit(&cfg)
	}
	relay, err := NewRelay(cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- relay.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
		done <- nil
	}
	r.t.Cleanup(stop)
	return stop
}

// copies reads the topic of decisions until n records have come.
func (r *rewards) copies(n int) []*kgo.Record {
	r.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.brokers...), kgo.ConsumeTopics("decisions"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		r.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	var out []*kgo.Record
	for len(out) < n && ctx.Err() == nil {
		out = append(out, cl.PollFetches(ctx).Records()...)
	}
	if len(out) != n {
		r.t.Fatalf("%d copies, want %d", len(out), n)
	}
	return out
}

// Two relays share the partitions, come and go, and every reward is copied once, in order.
func TestRelayCopiesEveryRewardOnce(t *testing.T) {
	r := newRewards(t, 2, 2)
	stop := r.start(nil)
	r.send(0, 50)
	r.send(1, 50)
	r.copies(100)
	other := r.start(nil)
	r.send(0, 50)
	stop()
	r.send(1, 50)
	r.copies(200)
	other()
	r.send(0, 20)
	r.start(nil)
	last := map[int32]int{}
	var values []string
	for _, c := range r.copies(220) {
		values = append(values, string(c.Value))
		_, number, _ := strings.Cut(string(c.Value), "-")
		var n int
		if _, err := fmt.Sscan(number, &n); err != nil || n < last[c.Partition] {
			t.Errorf("partition %d: %s after number %d", c.Partition, c.Value, last[c.Partition])
		}
		last[c.Partition] = n
		from := ""
		for _, h := range c.Headers {
			if h.Key == headerRelayed {
				from = string(h.Value)
			}
		}
		if c.Timestamp.UnixMilli() != int64(1e12)+int64(n) || !strings.HasPrefix(string(c.Value), string(c.Key)) || !strings.HasPrefix(from, fmt.Sprintf("rewards/%d/", c.Partition)) {
			t.Errorf("copy with key %s, time %v, from %s", c.Key, c.Timestamp, from)
		}
	}
	slices.Sort(values)
	if n := len(slices.Compact(values)); n != 220 {
		t.Errorf("%d of 220 rewards were copied", n)
	}
}

func TestRelayByKeyJoinsOtherNumbersOfPartitions(t *testing.T) {
	r := newRewards(t, 1, 3)
	r.start(func(c *RelayConfig) { c.Partition = PartitionKey })
	r.send(0, 60)
	at := map[string]int32{}
	used := map[int32]bool{}
	for _, c := range r.copies(60) {
		if p, ok := at[string(c.Key)]; ok && p != c.Partition {
			t.Errorf("key %s is in partitions %d and %d", c.Key, p, c.Partition)
		}
		at[string(c.Key)] = c.Partition
		used[c.Partition] = true
	}
	if len(used) < 2 {
		t.Errorf("partitions %v are used", used)
	}
}

// The records of several topics come together, and each tells by its last header where it was, whatever its producer said.
func TestRelayOfSeveralTopics(t *testing.T) {
	r := newRewards(t, 1, 1)
	r.send(0, 20)
	for i := range 10 {
		rec := &kgo.Record{Topic: "more", Key: []byte("k"), Value: fmt.Appendf(nil, "more-%d", i), Headers: []kgo.RecordHeader{{Key: headerRelayed, Value: []byte("rewards/0/7")}}}
		if err := testbed.Produce(r.client, rec); err != nil {
			t.Fatal(err)
		}
	}
	r.start(func(c *RelayConfig) { c.Of, c.From = RelayCopies, []string{"rewards", "more"} })
	count := map[string]int{}
	for _, c := range r.copies(30) {
		headers := appendHeaders(nil, c)
		topic, _, _ := strings.Cut(string(headers[len(headers)-1].Value), "/")
		if strings.HasPrefix(string(c.Value), "more-") != (topic == "more") {
			t.Errorf("%s was copied from %s", c.Value, topic)
		}
		count[topic]++
	}
	if count["rewards"] != 20 || count["more"] != 10 {
		t.Errorf("copies %v", count)
	}
}

func TestRelayRefusesTopicsThatDoNotFit(t *testing.T) {
	r := newRewards(t, 1, 3)
	relay, err := NewRelay(RelayConfig{Connection: Connection{Brokers: r.brokers}, Group: "g", Model: "m", From: []string{"rewards"}, To: "decisions"}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = "topic rewards has 1 partitions and decisions has 3"
	if err := relay.session(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	for want, cfg := range map[string]RelayConfig{
		"needs a group":              {Model: "m", From: []string{"a"}, To: "b"},
		"leave it empty":             {Group: "g", Model: "m", From: []string{"a"}, To: "a"},
		"of \"all\"":                 {Of: "all", Group: "g", Model: "m", From: []string{"a"}, To: "b"},
		"source.copies.topics":       {Of: RelayCopies, Group: "g", Model: "m", From: []string{"b", "a"}, To: "a"},
		"source.copies.partition is": {Of: RelayCopies, Group: "g", Model: "m", From: []string{"b"}, To: "a", Partition: "any"},
		"source.join.partition":      {Group: "g", Model: "m", From: []string{"a"}, To: "b", Partition: "any"},
	} {
		if _, err := NewRelay(cfg, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A broker that takes copies and does not answer holds up no relay for good, and what it
// has taken is copied once: its transaction never ends well.
func TestRelayLeavesATransactionThatIsNotAnswered(t *testing.T) {
	r := newRewards(t, 1, 1)
	r.send(0, 30)
	var taken, answers atomic.Bool
	r.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.cluster.KeepControl()
		taken.Store(true)
		return nil, nil, !answers.Load()
	})
	relay, err := NewRelay(RelayConfig{Connection: Connection{Brokers: r.brokers}, Group: "g", Model: "m", From: []string{"rewards"}, To: "decisions"}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	relay.timeout = time.Second
	if err := relay.session(t.Context()); err == nil || !strings.Contains(err.Error(), "writing to decisions: no answer") || !taken.Load() {
		t.Fatalf("%v; the broker has got it: %t", err, taken.Load())
	}
	answers.Store(true)
	r.start(nil)
	r.copies(30)
}
