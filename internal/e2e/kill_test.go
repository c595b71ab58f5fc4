package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// fraudFile writes a configuration for the fraud stream.
func fraudFile(t *testing.T, model, topic string, brokers []string, redisAddr string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "streamlearner.yaml")
	text := fmt.Sprintf(`
kafka: {brokers: [%s], group: e2e, session_timeout: 2s, heartbeat_interval: 300ms}
redis: {addrs: [%s], save_interval: 200ms}
models:
  %s:
    source: {topic: %s, label: is_fraud, time: ts, key: card, id: tx_id}
    learner: {bits: 14}
    guard: {reference_after: 1000, window: 2000}
    snapshot: {every: 500, quarantine: 1000}
admin: {listen: "127.0.0.1:0"}
`, brokers[0], redisAddr, model, topic)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// undisturbed learns the records of one partition in this process.
func undisturbed(t *testing.T, config, model string, records []*kgo.Record) *learner.Learner {
	t.Helper()
	c, err := configs.Load(configs.Input{File: config})
	if err != nil {
		t.Fatal(err)
	}
	lc, err := c.Models[model].LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	l, err := learner.New(lc, state.Position{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		l.Feed(learner.Record{Offset: r.Offset, LeaderEpoch: r.LeaderEpoch, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value})
	}
	return l
}

// Two processes share four partitions. One of them is killed with -9 twenty
// times at random moments, now and then one is stopped in good order, and each
// time another starts: partitions move back and forth. In the end every
// partition has learned exactly what an undisturbed learner learns.
func TestKilledProcessesLearnExactlyOnce(t *testing.T) {
	const partitions, perPartition, kills = 4, 40_000, 20
	brokers, redisAddr := testbed.Kafka(t), testbed.Redis(t)
	topic, model := testbed.Topic(t, brokers, partitions), testbed.Name(t)
	config := fraudFile(t, model, topic, brokers, redisAddr)

	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sent := make([][]*kgo.Record, partitions)
	streams := make([]*sim.FraudStream, partitions)
	for p := range streams {
		streams[p] = sim.Fraud(uint64(p) + 1)
		streams[p].Malformed, streams[p].Extreme = 0.001, 0.001
		streams[p].Poison = []sim.Episode{{From: 15_000, To: 18_000, Share: 1}}
	}
	produce := func(n int) {
		var batch []*kgo.Record
		for p, s := range streams {
			for range min(n, perPartition-len(sent[p])) {
				r := &kgo.Record{Topic: topic, Partition: int32(p), Value: s.Next(nil)}
				batch, sent[p] = append(batch, r), append(sent[p], r)
			}
		}
		if err := testbed.Produce(client, batch...); err != nil {
			t.Fatal(err)
		}
	}

	rng := rand.New(rand.NewPCG(7, 7))
	daemons := []*daemon{startDaemon(t, config), startDaemon(t, config)}
	for i := range kills {
		// The records of this round arrive while the processes come and go.
		stop := time.Now().Add(time.Duration(300+rng.IntN(1200)) * time.Millisecond)
		for time.Now().Before(stop) {
			produce(100)
		}
		victim := rng.IntN(len(daemons))
		daemons[victim].kill()
		daemons[victim] = startDaemon(t, config)
		if i%5 == 4 {
			other := 1 - victim
			daemons[other].stop()
			daemons[other] = startDaemon(t, config)
		}
	}
	for len(sent[0]) < perPartition {
		produce(1000)
	}

	store, err := redis.New(redis.Options{Addrs: []string{redisAddr}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for p := range int32(partitions) {
		key := state.Key{Model: model, Partition: p}
		want := undisturbed(t, config, model, sent[p])
		var snap *state.Snapshot
		eventually(t, time.Minute, func() (bool, string) {
			if snap, _, err = store.State(t.Context(), key); err != nil {
				return false, err.Error()
			}
			return snap.Next.Offset == perPartition, fmt.Sprintf("%s stands at %d of %d", key, snap.Next.Offset, perPartition)
		})
		got, err := learner.Describe(snap.Head)
		if err != nil {
			t.Fatal(err)
		}
		ref := want.Snapshot()
		reference, err := learner.Describe(ref.Head)
		if err != nil {
			t.Fatal(err)
		}
		if got.Live != reference.Live || got.Learned != reference.Learned || got.Rejected != reference.Rejected || got.Freezes != reference.Freezes {
			t.Errorf("%s: %d events learned into %s with %d freezes; undisturbed %d into %s with %d",
				key, got.Learned, got.Live, got.Freezes, reference.Learned, reference.Live, reference.Freezes)
		}
		if reference.Freezes == 0 {
			t.Errorf("%s: the poison froze nothing, the test proves less than it should", key)
		}
		current, err := store.Current(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if current.Number != ref.Current.Number || current.Sum != ref.Current.Sum {
			t.Errorf("%s: serves version %d (%s), undisturbed %d (%s)", key, current.Number, current.Sum, ref.Current.Number, ref.Current.Sum)
		}
	}
	for _, d := range daemons {
		d.stop()
	}
	// What is served can be rebuilt from Kafka, over all the kills and takeovers.
	for p := range partitions {
		for _, from := range [][]string{{"--from-offset", "0"}, {"--from", "oldest"}} {
			out := cli(t, append([]string{"replay", "-c", config, "--model", model, "--partition", fmt.Sprint(p), "--to", "current"}, from...)...)
			if !strings.Contains(out, "the same, bit for bit") {
				t.Errorf("partition %d %s:\n%s", p, from, out)
			}
		}
	}
	t.Logf("%d kills and %d orderly stops, %d records in %d partitions: 0 lost, 0 learned twice", kills, kills/5, partitions*perPartition, partitions)
}
