package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func decisionsFile(t *testing.T, model, decisions, rewards string, brokers []string, redisAddr string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "streamlearner.yaml")
	text := fmt.Sprintf(`
kafka: {brokers: [%s], group: e2e, session_timeout: 2s, heartbeat_interval: 300ms}
redis: {addrs: [%s], save_interval: 100ms}
models:
  %s:
    source:
      {topic: %s, id: id, time: ts, label: reward, arm: arm, probability: p, context: context, join: {topic: %s, window: 60s, lateness: 10s, max_ahead: 0s, late: correct}}
    learner: {kind: bandit, bandit: {policy: lints, arms: [a0, a1, a2]}}
    guard: {enabled: false}
    snapshot: {every: 300, quarantine: 600}
admin: {listen: "127.0.0.1:0"}
`, brokers[0], redisAddr, model, decisions, rewards)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Decisions and rewards have a topic each. Processes that copy, join and learn them are killed
// with -9 while both arrive. In the end every reward was copied once, every decision was learned once with its rewards, the
// parameters are those of an undisturbed learner, and what is served can be rebuilt.
func TestKilledProcessesJoinEveryReward(t *testing.T) {
	const partitions, rounds, kills = 2, 1200, 2
	brokers, redisAddr := testbed.Kafka(t), testbed.Redis(t)
	decisions, rewards, model := testbed.Topic(t, brokers, partitions), testbed.Topic(t, brokers, partitions), testbed.Name(t)
	config := decisionsFile(t, model, decisions, rewards, brokers, redisAddr)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	streams := make([]*sim.DecisionsStream, partitions)
	for p := range streams {
		streams[p] = sim.Decisions(uint64(p)+1, 3, 4)
		streams[p].Delay, streams[p].Repeated, streams[p].Hidden = 20_000, 0.05, 0.1
	}
	sent := make([]int, partitions) // to both topics
	produce := func(n int) {
		var batch []*kgo.Record
		for p, s := range streams {
			for range n {
				var value []byte
				if s.Rounds() < rounds {
					value, _ = s.Next(nil)
				} else if rest, _, ok := s.Rest(nil); ok {
					value = rest
				} else {
					break
				}
				topic := rewards
				if strings.HasPrefix(string(value), `{"kind":"decision"`) {
					topic = decisions
				}
				batch = append(batch, &kgo.Record{Topic: topic, Partition: int32(p), Value: value})
				sent[p]++
			}
		}
		if err := testbed.Produce(client, batch...); err != nil {
			t.Fatal(err)
		}
	}
	daemons := []*daemon{startDaemon(t, config), startDaemon(t, config)}
	for i := range kills {
		for stop := time.Now().Add(500 * time.Millisecond); time.Now().Before(stop); {
			produce(15)
		}
		daemons[i%2].kill()
		daemons[i%2] = startDaemon(t, config)
	}
	for range 2 * rounds / 100 {
		produce(200)
	}

	store, err := redis.New(redis.Options{Addrs: []string{redisAddr}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for p := range int32(partitions) {
		records := readPartition(t, brokers, decisions, p, sent[p])
		want := undisturbed(t, config, model, records).Snapshot()
		reference, err := learner.Describe(want.Head)
		if err != nil {
			t.Fatal(err)
		}
		key := state.Key{Model: model, Partition: p}
		var snap *state.Snapshot
		eventually(t, time.Minute, func() (bool, string) {
			if snap, _, err = store.State(t.Context(), key); err != nil {
				return false, err.Error()
			}
			return snap.Next.Offset == want.Next.Offset, fmt.Sprintf("%s stands at %d of %d", key, snap.Next.Offset, want.Next.Offset)
		})
		got, err := learner.Describe(snap.Head)
		if err != nil {
			t.Fatal(err)
		}
		if got.Live != reference.Live || got.Join != reference.Join || got.Learned != reference.Learned || got.Rejected != reference.Rejected {
			t.Errorf("%s: %d events learned into %s with open decisions %s; undisturbed %d into %s with %s", key, got.Learned, got.Live, got.Join, reference.Learned, reference.Live, reference.Join)
		}
		if got.Learned < rounds/2 {
			t.Errorf("%s: %d events learned", key, got.Learned)
		}
	}
	for _, d := range daemons {
		d.stop()
	}
	for p := range partitions {
		out := cli(t, "replay", "-c", config, "--model", model, "--partition", fmt.Sprint(p), "--to", "current", "--from", "oldest")
		if !strings.Contains(out, "the same, bit for bit") {
			t.Errorf("partition %d:\n%s", p, out)
		}
		out = cli(t, "snapshot", "show", fmt.Sprintf("%s/%d", model, p), "--redis", redisAddr)
		if !strings.Contains(out, "never shown") || !strings.Contains(out, "rewards without decision") {
			t.Errorf("partition %d:\n%s", p, out)
		}
	}
}

// readPartition reads n records of a partition, as members of the group are given them, and checks that no more come.
func readPartition(t *testing.T, brokers []string, topic string, partition int32, n int) (out []*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for len(out) < n && ctx.Err() == nil {
		out = append(out, cl.PollFetches(ctx).Records()...)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if out = append(out, cl.PollFetches(ctx).Records()...); len(out) != n {
		t.Fatalf("%s/%d has %d records, %d were sent: a reward was lost or copied twice", topic, partition, len(out), n)
	}
	return out
}
