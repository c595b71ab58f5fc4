package e2e

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

var (
	soakFor    = flag.Duration("soak", 24*time.Second, "how long TestSoak disturbs its topologies, together")
	soakFaults = flag.Int("faults", 0, "end a topology after so many faults; 0 for -soak alone")
	soakSeed   = flag.Uint64("seed", 1, "seed of the faults")
)

const (
	soakPartitions = 4
	soakSession    = 2 * time.Second // the brokers of testbed say 3 s under the consumer protocol
)

// TestSoak lets real processes learn a continuous load from a real Kafka into
// real Redis servers, while a seed chooses what goes wrong. In the end every
// partition must have learned exactly what an undisturbed learner makes of the
// records in Kafka, and serve the same version.
func TestSoak(t *testing.T) {
	proxy := testbed.StartProxy(t, "")
	kafka := testbed.KafkaServerBehind(t, proxy)
	total, length := map[string]int{}, *soakFor/3
	for _, topology := range []struct {
		name     string
		protocol string // of the consumer group
		redis    func(*soak) (options redis.Options, faults []fault)
	}{
		{"sentinel", "classic", withSentinel},
		{"proxy", "classic", withProxy},
		{"cluster", "consumer", withCluster},
	} {
		t.Run(topology.name, func(t *testing.T) {
			s := newSoak(t, kafka, proxy, topology.protocol, topology.redis)
			s.run(length)
			s.verify()
			s.report()
			for name, n := range s.counts {
				total[name] += n
			}
		})
	}
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(total)) {
		sum += total[name]
	}
	t.Logf("%d faults in all topologies", sum)
	if sum == 0 {
		t.Error("nothing went wrong: this proves nothing")
	}
}

// fault is something that goes wrong, and is put right before run returns.
type fault struct {
	name   string
	weight int // how often it is chosen
	run    func() error
}

// soak is one topology under load.
type soak struct {
	t       *testing.T
	rng     *rand.Rand
	kafka   *testbed.KafkaProcess
	network *testbed.Proxy // between Kafka and everybody
	topic   string
	model   string
	config  string
	store   *redis.Store
	load    *load
	daemons []*daemon
	faults  []fault
	counts  map[string]int
}

func newSoak(t *testing.T, kafka *testbed.KafkaProcess, network *testbed.Proxy, protocol string, servers func(*soak) (redis.Options, []fault)) *soak {
	s := &soak{t: t, rng: rand.New(rand.NewPCG(*soakSeed, uint64(len(t.Name())))), kafka: kafka, network: network, counts: map[string]int{}}
	s.topic, s.model = testbed.Topic(t, kafka.Brokers, soakPartitions), testbed.Name(t)
	options, faults := servers(s)
	s.faults = append(s.common(), faults...)
	var err error
	if s.store, err = redis.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() }) // all is read
	s.config = s.write(&options, protocol)
	s.load = startLoad(t, kafka.Brokers, s.topic, payments())
	for range 2 {
		s.daemons = append(s.daemons, startDaemon(t, s.config))
	}
	s.await("first saves", time.Minute, func(p int32, next int64) bool { return next > 0 })
	return s
}

func (s *soak) write(o *redis.Options, protocol string) string {
	path := filepath.Join(s.t.TempDir(), "streamlearner.yaml")
	text := fmt.Sprintf(`
kafka: {brokers: [%s], group: e2e, group_protocol: %s, session_timeout: %v, heartbeat_interval: 300ms}
redis: {addrs: [%s], sentinel: {master: "%s"}, save_interval: 200ms, save_timeout: 3s}
models:
  %s:
    source: {topic: %s, label: is_fraud, time: ts, key: card, id: tx_id}
    learner: {bits: 12}
    guard: {reference_after: 1000, window: 2000}
    snapshot: {every: 200, quarantine: 400}
admin: {listen: "127.0.0.1:0"}
`, s.kafka.Brokers[0], protocol, soakSession, strings.Join(o.Addrs, ", "), o.Sentinel.Master, s.model, s.topic)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// run disturbs the topology until the time is up.
func (s *soak) run(length time.Duration) {
	weights := 0
	for _, f := range s.faults {
		weights += f.weight
	}
	end := time.Now().Add(length)
	for n := 0; time.Now().Before(end) && (*soakFaults == 0 || n < *soakFaults); n++ {
		pick, i := s.rng.IntN(weights), 0
		for ; pick >= s.faults[i].weight; i++ {
			pick -= s.faults[i].weight
		}
		f := &s.faults[i]
		if err := f.run(); err != nil {
			s.t.Fatalf("seed %d, fault %d, %s: %v", *soakSeed, n, f.name, err)
		}
		s.counts[f.name]++
		s.revive()
		time.Sleep(time.Duration(200+s.rng.IntN(500)) * time.Millisecond)
		if s.rng.IntN(4) == 0 {
			s.recover(f.name)
		}
	}
}

// revive starts processes anew that have ended by themselves, as an init system does: one that
// starts while its servers are away gives up.
func (s *soak) revive() {
	for i, d := range s.daemons {
		select {
		case err := <-d.done:
			d.done <- err
			s.counts["process gave up"]++
			s.daemons[i] = startDaemon(s.t, s.config)
		default:
		}
	}
}

// recover waits until all partitions have learned and saved records that came after its call.
func (s *soak) recover(after string) {
	var stood [soakPartitions]int64
	for p := range stood {
		stood[p] = s.load.sent[p].Load()
	}
	s.await("learning after "+after, 2*time.Minute, func(p int32, next int64) bool { return next > stood[p] })
}

// settle waits until the group is at rest and every partition belongs to a process that saves it.
func (s *soak) settle() {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka.Brokers...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	adm, group := kadm.NewClient(client), "e2e."+s.model
	eventually(s.t, time.Minute, func() (bool, string) {
		groups, err := adm.DescribeGroups(s.t.Context(), group)
		if err != nil {
			return false, err.Error()
		}
		g, owned := groups[group], 0
		for _, m := range g.Members {
			if a, ok := m.Assigned.AsConsumer(); ok {
				for _, topic := range a.Topics {
					owned += len(topic.Partitions)
				}
			}
		}
		return g.State == "Stable" && len(g.Members) == len(s.daemons) && owned == soakPartitions,
			fmt.Sprintf("%s with %d members of %d, who have %d partitions", g.State, len(g.Members), len(s.daemons), owned)
	})
	s.recover("a rebalance")
}

// await polls the stored states until all are as wanted.
func (s *soak) await(what string, limit time.Duration, ok func(p int32, next int64) bool) {
	s.t.Helper()
	deadline := time.Now().Add(limit)
	for p := int32(0); p < soakPartitions; {
		var next int64
		snap, claim, err := s.store.State(s.t.Context(), state.Key{Model: s.model, Partition: p})
		if err == nil {
			next = snap.Next.Offset
		}
		switch {
		case err == nil && ok(p, next):
			p++
			continue
		case time.Now().After(deadline):
			for i, d := range s.daemons {
				log := d.log.String()
				s.t.Logf("process %d (%d):\n%s", i, d.cmd.Process.Pid, log[max(0, len(log)-3000):])
			}
			s.t.Fatalf("seed %d: no %s within %v: partition %d stands at %d of %d, claim %+v, %v; faults so far %v",
				*soakSeed, what, limit, p, next, s.load.sent[p].Load(), claim, err, s.counts)
		}
		s.revive()
		time.Sleep(50 * time.Millisecond)
	}
}

// common are the faults of processes, and of Kafka and its network.
func (s *soak) common() []fault {
	pick := func() int { return s.rng.IntN(len(s.daemons)) }
	return []fault{
		{"kill -9 of a process", 12, func() error {
			i := pick()
			s.daemons[i].kill()
			s.daemons[i] = startDaemon(s.t, s.config)
			return nil
		}},
		{"orderly restart of a process", 6, func() error {
			i := pick()
			s.end(s.daemons[i])
			s.daemons[i] = startDaemon(s.t, s.config)
			return nil
		}},
		{"process joins or leaves", 8, func() error {
			if len(s.daemons) < 3 {
				s.daemons = append(s.daemons, startDaemon(s.t, s.config))
				return nil
			}
			s.end(s.daemons[0])
			s.daemons = s.daemons[1:]
			return nil
		}},
		{"zombie: stopped beyond its session", 6, func() error {
			return s.stopped(s.daemons[pick()], 2*soakSession)
		}},
		{"process stopped for a moment", 6, func() error {
			return s.stopped(s.daemons[pick()], time.Duration(s.rng.IntN(1000))*time.Millisecond)
		}},
		{"broker killed and restarted", 1, s.kafka.Restart},
		{"broker stopped for a moment", 3, func() error {
			if err := s.kafka.Pause(); err != nil {
				return err
			}
			time.Sleep(time.Duration(s.rng.IntN(1500)) * time.Millisecond)
			return s.kafka.Continue()
		}},
		{"connections to Kafka cut", 4, func() error { s.network.Cut(); return nil }},
		{"slow network to Kafka", 4, func() error { return slow(s.network, s.rng) }},
		{"replies of Kafka lost", 4, func() error { return lossy(s.network) }},
	}
}

// end stops a process in good order; one that does not end in time is killed.
func (s *soak) end(d *daemon) {
	if d.cmd.Process.Signal(syscall.SIGTERM) == nil {
		select {
		case err := <-d.done:
			d.done <- err
			return
		case <-time.After(20 * time.Second):
			s.t.Errorf("a process did not end within 20 s of SIGTERM")
		}
	}
	d.kill()
}

// stopped lets a process sleep without knowing it, unless it has just ended by itself.
func (s *soak) stopped(d *daemon, length time.Duration) error {
	if errors.Is(d.cmd.Process.Signal(syscall.SIGSTOP), os.ErrProcessDone) {
		return nil
	}
	time.Sleep(length)
	return d.cmd.Process.Signal(syscall.SIGCONT)
}

func slow(p *testbed.Proxy, rng *rand.Rand) error {
	p.Delay(time.Duration(20+rng.IntN(150)) * time.Millisecond)
	time.Sleep(time.Second)
	p.Delay(0)
	return nil
}

func lossy(p *testbed.Proxy) error {
	p.LoseReplies(true)
	time.Sleep(300 * time.Millisecond)
	p.LoseReplies(false)
	return nil
}

// verify ends the load and compares every partition with an undisturbed learner.
func (s *soak) verify() {
	s.load.stop()
	began := time.Now()
	s.await("end of the records", 2*time.Minute, func(p int32, next int64) bool { return next == s.load.sent[p].Load() })
	s.t.Logf("at the end of the records %v after the last one", time.Since(began).Round(time.Millisecond))
	c, err := configs.Load(configs.Input{File: s.config})
	if err != nil {
		s.t.Fatal(err)
	}
	learners := make([]*learner.Learner, soakPartitions)
	for p := range learners {
		lc, err := c.Models[s.model].LearnerConfig("test")
		if err != nil {
			s.t.Fatal(err)
		}
		if learners[p], err = learner.New(lc, state.Position{}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.load.replay(func(p int32, r learner.Record) { learners[p].Feed(r) })
	for p, want := range learners {
		s.compare(int32(p), want)
	}
}

func (s *soak) compare(p int32, l *learner.Learner) {
	key := state.Key{Model: s.model, Partition: p}
	snap, _, err := s.store.State(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	got, err := learner.Describe(snap.Head)
	if err != nil {
		s.t.Fatal(err)
	}
	ref := l.Snapshot()
	want, err := learner.Describe(ref.Head)
	if err != nil {
		s.t.Fatal(err)
	}
	if got.Fed != want.Fed || got.Learned != want.Learned || got.Rejected != want.Rejected || got.Alarms != want.Alarms || got.Freezes != want.Freezes ||
		got.Live != want.Live || got.LiveChange != want.LiveChange || got.Checkpoints != want.Checkpoints {
		s.t.Errorf("seed %d, %s: fed %d, learned %d into %s+%s; undisturbed %d, %d, %s+%s: an event was lost or learned twice", *soakSeed, key,
			got.Fed, got.Learned, got.Live, got.LiveChange, want.Fed, want.Learned, want.Live, want.LiveChange)
	}
	current, err := s.store.Current(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	if current.Number != ref.Current.Number || current.Sum != ref.Current.Sum {
		s.t.Errorf("seed %d, %s: serves version %d (%s), undisturbed %d (%s)", *soakSeed, key, current.Number, current.Sum, ref.Current.Number, ref.Current.Sum)
	}
}

// report prints what went wrong and how often.
func (s *soak) report() {
	if s.t.Failed() {
		return
	}
	var b strings.Builder
	sum, records := 0, int64(0)
	for _, name := range slices.Sorted(maps.Keys(s.counts)) {
		fmt.Fprintf(&b, "  %-40s %5d\n", name, s.counts[name])
		sum += s.counts[name]
	}
	for p := range s.load.sent {
		records += s.load.sent[p].Load()
	}
	s.t.Logf("seed %d: %d records, %d faults: 0 lost, 0 learned twice, equal parameter hashes\n%s", *soakSeed, records, sum, b.String())
}
