package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

var (
	recoveryBits  = flag.String("recovery.bits", "14", "models of TestRecoveryTime have 2 to the power of these many weights, all learned")
	recoveryKills = flag.Int("recovery.kills", 3, "kills for each of them")
)

// recoverySession is the session timeout of the group: until then Kafka takes a dead process for a slow one.
const recoverySession = 2 * time.Second

// After kill -9 of one of two processes the other one learns its partitions,
// up to the records that had arrived by then, within 2 s plus the session
// timeout. `make bench-recovery` prints the table for large models.
func TestRecoveryTime(t *testing.T) {
	brokers, addr := testbed.Kafka(t), testbed.Redis(t)
	var table strings.Builder
	table.WriteString("| weights | stored state | recovered min | p50 | max |\n|---|---|---|---|---|\n")
	for _, text := range strings.Split(*recoveryBits, ",") {
		bits, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		stored, took := measureRecovery(t, brokers, addr, bits)
		fmt.Fprintf(&table, "| 2^%d | %s | %v | %v | %v |\n", bits, size(stored), round(slices.Min(took)), round(middle(took)), round(slices.Max(took)))
		// The median, since tests of other packages may take the processors away for seconds.
		if limit := recoverySession + 2*time.Second; bits <= 18 && middle(took) > limit {
			t.Errorf("2^%d weights: %v after each kill, want at most %v", bits, took, limit)
		}
	}
	t.Logf("with a session timeout of %v:\n%s", recoverySession, table.String())
}

func measureRecovery(t *testing.T, brokers []string, addr string, bits int) (stored int, took []time.Duration) {
	topic, model := testbed.Topic(t, brokers, soakPartitions), testbed.Name(t)
	config := filepath.Join(t.TempDir(), "streamlearner.yaml")
	text := fmt.Sprintf(`
kafka: {brokers: ["%s"], group: e2e, session_timeout: %v, heartbeat_interval: 300ms}
redis: {addrs: [%s], save_interval: 200ms}
models:
  %s:
    source: {topic: %s, format: libsvm}
    learner: {bits: %d, optimizer: nag}
    snapshot: {every: 500, quarantine: 1000}
admin: {listen: "127.0.0.1:0"}
`, strings.Join(brokers, `","`), recoverySession, addr, model, topic, bits)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	filled := fillWeights(t, brokers, topic, bits)
	r := rand.New(rand.NewPCG(1, 2))
	s := &soak{t: t, kafka: &testbed.KafkaProcess{Brokers: brokers}, model: model, config: config, counts: map[string]int{}}
	s.load = startLoad(t, brokers, topic, func(int) []byte { return wide(r, bits, 20) })
	for p := range s.load.sent {
		s.load.sent[p].Add(int64(filled))
	}
	var err error
	if s.store, err = redis.New(redis.Options{Addrs: []string{addr}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() }) // all is read
	s.daemons = []*daemon{startDaemon(t, config), startDaemon(t, config)}
	s.recover("start")
	for range *recoveryKills {
		s.settle()
		s.daemons[0].kill()
		began := time.Now()
		s.daemons = s.daemons[1:]
		s.recover("kill -9")
		took = append(took, time.Since(began))
		s.daemons = append(s.daemons, startDaemon(t, config))
	}
	s.load.stop()
	for _, d := range s.daemons {
		d.kill()
	}
	snap, _, err := s.store.State(t.Context(), state.Key{Model: model})
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range snap.Refs {
		b, err := s.store.Blob(t.Context(), state.Key{Model: model}, ref)
		if err != nil {
			t.Fatal(err)
		}
		stored += len(b)
	}
	return stored, took
}

// fillWeights produces records that touch most weights of each partition's model, and returns how many.
func fillWeights(t *testing.T, brokers []string, topic string, bits int) int {
	const features = 500
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := rand.New(rand.NewPCG(1, 1))
	n := max(1000, 2<<bits/features)
	var batch []*kgo.Record
	for range n { // weights are hashed, so twice as many features are needed
		value := wide(r, bits+1, features)
		for p := range int32(soakPartitions) {
			batch = append(batch, &kgo.Record{Topic: topic, Partition: p, Value: value})
		}
	}
	if err := testbed.Produce(client, batch...); err != nil {
		t.Fatal(err)
	}
	return n
}

// wide makes an event of n random ones out of 2^bits features.
func wide(r *rand.Rand, bits, n int) []byte {
	b := append([]byte{}, "+1"...)
	if r.IntN(2) == 0 {
		b[0] = '-'
	}
	seen := make([]int, n)
	for i := range seen {
		seen[i] = 1 + r.IntN(1<<bits)
	}
	slices.Sort(seen)
	for _, f := range slices.Compact(seen) {
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(f), 10)
		b = append(b, ":1"...)
	}
	return b
}
