package consumer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func TestMain(m *testing.M) {
	// A leave that was given up on, because the coordinator did not answer in
	// time, may wait in the client for good; the process is about to end then.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kgo.(*Client).LeaveGroupContext.func1"))
}

const (
	topic   = "payments"
	dead    = "payments.fraud.dead"
	group   = "test.fraud"
	patient = 20 * time.Second // deadline of every wait
)

// world is a broker, a store and what was produced.
type world struct {
	t       *testing.T
	cluster *kfake.Cluster // nil when the broker is a real one
	brokers []string
	topic   string
	model   string
	store   backend
	// protocol of the members' group; empty for the default.
	protocol string
	client   *kgo.Client
	chains   map[int32]*tallyBody // what an undisturbed learner would hold
	logs     io.Writer
}

// backend is all sides of a store.
type backend interface {
	state.Store
	state.Reader
	state.Operator
}

// newWorld returns a world of the in-process broker and the store in memory.
func newWorld(t *testing.T, partitions int32, opts ...kfake.Opt) *world {
	t.Helper()
	opts = append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic),
		kfake.GroupMinSessionTimeout(100 * time.Millisecond),
		kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}),
	}, opts...)
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w := &world{t: t, cluster: cluster, brokers: cluster.ListenAddrs(), topic: topic, model: "fraud", store: state.NewMem()}
	w.open(partitions)
	return w
}

// open connects the test's own client.
func (w *world) open(partitions int32) {
	w.t.Helper()
	w.logs = io.Discard
	if testing.Verbose() && os.Getenv("CONSUMER_LOG") != "" {
		w.logs = os.Stderr
	}
	var err error
	w.client, err = kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.client.Close)
	w.chains = map[int32]*tallyBody{}
	for p := range partitions {
		w.chains[p] = &tallyBody{}
	}
}

// produce appends n records to each of the partitions.
func (w *world) produce(n int, partitions ...int32) {
	w.t.Helper()
	var rs []*kgo.Record
	for _, p := range partitions {
		for i := range n {
			rs = append(rs, &kgo.Record{Topic: w.topic, Partition: p, Key: fmt.Append(nil, "k", i), Value: fmt.Append(nil, "event ", p, " ", i)})
		}
	}
	w.write(rs...)
}

func (w *world) write(rs ...*kgo.Record) {
	w.t.Helper()
	if err := testbed.Produce(w.client, rs...); err != nil {
		w.t.Fatal(err)
	}
	for _, r := range rs {
		b := w.chains[r.Partition]
		b.Chain = chain(b.Chain, r.Offset, r.Value)
		b.Fed++
		b.Next.Offset = r.Offset + 1
	}
}

// stored returns what the store holds of a partition, zero when nothing.
func (w *world) stored(p int32) (b tallyBody) {
	w.t.Helper()
	s, _, err := w.store.State(context.Background(), w.key(p))
	if err != nil {
		return b
	}
	if err := json.Unmarshal(s.Head, &b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

// exactlyOnce waits until the store holds every record of the partitions, each once and in order.
func (w *world) exactlyOnce(partitions ...int32) {
	w.t.Helper()
	for _, p := range partitions {
		want := w.chains[p]
		wait(w.t, func() (bool, string) {
			got := w.stored(p)
			return got.Fed >= want.Fed && got.Next.Offset >= want.Next.Offset,
				fmt.Sprintf("partition %d: stored %+v, want %+v", p, got, *want)
		})
		if got := w.stored(p); got.Chain != want.Chain || got.Fed != want.Fed {
			w.t.Fatalf("partition %d: stored %+v, want %+v", p, got, *want)
		}
		w.audited(p)
	}
}

// audited returns the stored audit chain of a partition, which must be whole
// and end where the state says.
func (w *world) audited(p int32) state.Chain {
	w.t.Helper()
	var c state.Chain
	wait(w.t, func() (bool, string) {
		var err error
		if c, err = w.store.Audit(context.Background(), w.key(p), 0, 1<<20); err != nil {
			return false, err.Error()
		}
		got := w.stored(p)
		return c.Length == got.Records && c.Sum == got.Record && c.Verify() == nil,
			fmt.Sprintf("partition %d: chain of %d records, the state names %d; %v", p, c.Length, got.Records, c.Verify())
	})
	return c
}

// wait polls until ok holds or the deadline passes.
func wait(t *testing.T, ok func() (bool, string)) {
	t.Helper()
	deadline := time.Now().Add(patient)
	for {
		done, saw := ok()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", patient, saw)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// member is a running Consumer.
type member struct {
	*Consumer
	w      *world
	cancel context.CancelFunc
	ended  chan error
	store  *flakyStore
	net    *network
	gate   *gate

	registry *prometheus.Registry
}

// metric returns the value of a counter or gauge of a partition, 0 when it has none.
func (m *member) metric(name string, partition int32) float64 {
	m.w.t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		m.w.t.Fatal(err)
	}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			for _, l := range metric.GetLabel() {
				if f.GetName() == name && l.GetName() == "partition" && l.GetValue() == fmt.Sprint(partition) {
					return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
				}
			}
		}
	}
	return 0
}

// start runs a member; change may alter its configuration.
func (w *world) start(change func(*Config, *Deps)) *member {
	w.t.Helper()
	m := &member{w: w, ended: make(chan error, 1), store: &flakyStore{store: w.store}, net: &network{}, gate: &gate{}, registry: prometheus.NewRegistry()}
	cfg := Config{
		Connection: Connection{Brokers: w.brokers},
		Group:      "test", Model: w.model, Topic: w.topic, GroupProtocol: w.protocol,
		SessionTimeout: 2 * time.Second, HeartbeatInterval: 100 * time.Millisecond, RebalanceTimeout: 10 * time.Second,
		SaveInterval: 20 * time.Millisecond, SaveTimeout: 3 * time.Second, InboxInterval: 10 * time.Millisecond,
	}
	const every = 100
	deps := Deps{
		Store: m.store,
		New: func(start state.Position) (Learner, error) {
			l := newTally(every, start)
			l.gate = m.gate
			return l, nil
		},
		Restore: func(s *state.Snapshot) (Learner, error) {
			l, err := restoreTally(every, s)
			if err != nil {
				return nil, err
			}
			l.gate = m.gate
			return l, nil
		},
		Logger:     slog.New(slog.NewTextHandler(w.logs, nil)),
		Registerer: m.registry,
		Options:    []kgo.Opt{kgo.Dialer(m.net.dial), kgo.FetchMaxWait(100 * time.Millisecond), kgo.MetadataMinAge(20 * time.Millisecond)},
	}
	if change != nil {
		change(&cfg, &deps)
	}
	var err error
	if m.Consumer, err = New(cfg, deps); err != nil {
		w.t.Fatal(err)
	}
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	go func() { m.ended <- m.Run(ctx) }()
	w.t.Cleanup(func() {
		m.cancel()
		select {
		case err := <-m.ended:
			m.ended <- err
		case <-time.After(patient):
			w.t.Error("the consumer does not end")
		}
	})
	return m
}

// stop shuts the member down and returns what Run returned.
func (m *member) stop() error {
	m.w.t.Helper()
	m.cancel()
	select {
	case err := <-m.ended:
		m.ended <- err
		return err
	case <-time.After(patient):
		m.w.t.Fatal("the consumer does not end")
		return nil
	}
}

// kill cuts the member off from the broker and the store, as the end of its process would.
func (m *member) kill() {
	m.store.kill()
	m.net.cut()
	m.cancel()
}

func (m *member) waitFor(what string, ok func(map[int32]PartitionStatus) bool) {
	m.w.t.Helper()
	wait(m.w.t, func() (bool, string) {
		got := map[int32]PartitionStatus{}
		for _, s := range m.Status() {
			got[s.Partition] = s
		}
		return ok(got), fmt.Sprintf("%s; status %+v", what, got)
	})
}

// waitState waits until a partition is in a state for a reason that mentions all of the words.
func (m *member) waitState(partition int32, want State, words ...string) {
	m.w.t.Helper()
	m.waitFor(fmt.Sprintf("partition %d %s for %q", partition, want, words), func(got map[int32]PartitionStatus) bool {
		s := got[partition]
		for _, word := range words {
			if !strings.Contains(s.Reason, word) {
				return false
			}
		}
		return s.State == want
	})
}

func (m *member) waitOwned(n int) {
	m.w.t.Helper()
	m.waitFor(fmt.Sprintf("%d running partitions", n), func(got map[int32]PartitionStatus) bool {
		running := 0
		for _, s := range got {
			if s.State == Running {
				running++
			}
		}
		return running == n && len(got) == n
	})
}

func (w *world) key(partition int32) state.Key {
	return state.Key{Model: w.model, Partition: partition}
}
