package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// consumeAll reads the topic to its end, by partition.
func consumeAll(t *testing.T, brokers []string, topic string, partitions, total int) [][]*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	out := make([][]*kgo.Record, partitions)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for n := 0; n < total; {
		f := client.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatalf("%d of %d records of topic %s at %v: %v", n, total, topic, brokers, err)
		}
		f.EachRecord(func(r *kgo.Record) {
			out[r.Partition] = append(out[r.Partition], r)
			n++
		})
	}
	return out
}

// predict scores an event with the version that the learner has published.
func predict(t *testing.T, config, model string, l *learner.Learner, value string) float64 {
	t.Helper()
	c, err := configs.Load(configs.Input{File: config})
	if err != nil {
		t.Fatal(err)
	}
	lc, err := c.Models[model].LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	m, err := lc.Model()
	if err != nil {
		t.Fatal(err)
	}
	snap := l.Snapshot()
	for _, b := range snap.Blobs {
		if b.Sum == snap.Current.Sum {
			if err := m.UnmarshalBinary(b.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	d, err := c.Models[model].Decoder(false)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	if err := d.Decode([]byte(value), &e); err != nil {
		t.Fatal(err)
	}
	return m.Predict(&e).Prediction
}

// The electricity set goes through a topic of four partitions into two
// processes; what they publish is read back by the command line, and is what
// an in-process learner of the same records has.
func TestElec2ThroughRealServers(t *testing.T) {
	const partitions, events = 4, 45_312
	const probe = `{"date":0.44,"day":2,"period":0.5,"nswprice":0.06,"nswdemand":0.44,"vicprice":0.003,"vicdemand":0.42,"transfer":0.41}`
	file := filepath.Join("..", "..", "..", "shared", "data", "streams", "elec2_8feat.txt.gz")
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	brokers, redisAddr := testbed.Kafka(t), testbed.Redis(t)
	topic, model := testbed.Topic(t, brokers, partitions), testbed.Name(t)
	config := filepath.Join(t.TempDir(), "elec2.yaml")
	text := fmt.Sprintf(`
kafka: {brokers: [%s], group: e2e}
redis: {addrs: [%s]}
models: {%s: {source: {topic: %s, label: class}}}
admin: {listen: "127.0.0.1:0"}
`, brokers[0], redisAddr, model, topic)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	daemons := []*daemon{startDaemon(t, config), startDaemon(t, config)}
	cli(t, "load", "--topic", topic, "--brokers", brokers[0], file)

	records := consumeAll(t, brokers, topic, partitions, events)
	for p := range partitions {
		key := fmt.Sprintf("%s/%d", model, p)
		want := undisturbed(t, config, model, records[p])
		if len(records[p]) != events/partitions {
			t.Fatalf("%d records in partition %d: load does not deal them out evenly", len(records[p]), p)
		}
		var shown struct {
			Next    int64  `json:"next_offset"`
			Learned uint64 `json:"learned"`
			Live    string `json:"params_sha256"`
			Current struct {
				Number uint64 `json:"n"`
				SHA256 string `json:"sha256"`
			} `json:"current"`
		}
		eventually(t, time.Minute, func() (bool, string) {
			out := cli(t, "snapshot", "show", key, "-c", config, "--json")
			if err := json.Unmarshal([]byte(out), &shown); err != nil {
				return false, err.Error()
			}
			return shown.Next == int64(len(records[p])), fmt.Sprintf("%s stands at %d", key, shown.Next)
		})
		current := want.Snapshot().Current
		if shown.Learned != want.Stats().Learned || shown.Live != want.Params().String() ||
			shown.Current.Number != current.Number || shown.Current.SHA256 != current.Sum.String() {
			t.Errorf("%s: shown %+v; an in-process learner has %d events, parameters %s, version %d %s",
				key, shown, want.Stats().Learned, want.Params(), current.Number, current.Sum)
		}
		var scored struct {
			Prediction float64 `json:"prediction"`
			Version    uint64  `json:"version"`
		}
		out := cli(t, "score", "-c", config, "--model", model, "--partition", fmt.Sprint(p), "--json", probe)
		if err := json.Unmarshal([]byte(out), &scored); err != nil {
			t.Fatal(err)
		}
		if p := predict(t, config, model, want, probe); scored.Prediction != p || scored.Version != current.Number {
			t.Errorf("%s: scored %+v, want %v by version %d", key, scored, p, current.Number)
		}
	}
	for _, d := range daemons {
		d.stop()
	}
}
