package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

const (
	loopArms     = 3
	loopFloor    = 0.2
	loopRounds   = 20_000
	loopExplore  = 3000 // decisions that are made at random before the policy is trusted
	loopWindow   = 60_000
	loopLateness = 6000
	loopLag      = 600 // records that the learner may be behind the service, but while it is down
)

func loopFile(t *testing.T, model, topic string, brokers []string, redisAddr string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "streamlearner.yaml")
	text := fmt.Sprintf(`
kafka: {brokers: [%s], group: e2e, session_timeout: 2s, heartbeat_interval: 300ms}
redis: {addrs: [%s], save_interval: 20ms}
models:
  %s:
    source:
      {topic: %s, id: id, time: ts, label: reward, arm: arm, probability: p, context: context, join: {window: %dms, lateness: %dms, max_ahead: 0s}}
    learner: {kind: bandit, bandit: {policy: lints, arms: [a0, a1, a2], floor: %v}}
    snapshot: {every: 100, quarantine: 100}
admin: {listen: "127.0.0.1:0"}
`, brokers[0], redisAddr, model, topic, loopWindow, loopLateness, loopFloor)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loopStream is the environment: what is decided, and the way of its records. Rewards come
// 10 decisions after theirs on average, some after the window; records come up to 5 decisions too late, and some twice. Which arm is
// best depends on the context, and 20,000 decisions tell that: with arms that are nearly alike chance moves regret by more than 2%.
func loopStream() *sim.DecisionsStream {
	s := sim.Decisions(23, loopArms, 2)
	s.Delay, s.Repeated, s.Hidden = 10_000, 0.05, 0.04
	return s
}

// regretOf is what choosing by a distribution loses on average in a round.
func regretOf(pmf, rates []float64) (regret float64) {
	best := slices.Max(rates)
	for a, p := range pmf {
		regret += p * (best - rates[a])
	}
	return regret
}

// synchronous is the regret of a bandit that learns every reward before the next decision, for other draws with every salt.
func synchronous(t *testing.T, config, model, salt string) (regret float64) {
	t.Helper()
	c, err := configs.Load(configs.Input{File: config})
	if err != nil {
		t.Fatal(err)
	}
	b := c.Models[model].Learner.Bandit
	b.Salt = salt
	m, err := bandit.New(b)
	if err != nil {
		t.Fatal(err)
	}
	s, key := loopStream(), bandit.NewKey(salt)
	var pmf []float64
	var before event.Event
	learn := func() {
		if before.Label = s.Truth().Label; before.Labelled && m.Learn(&before).Reject != nil {
			t.Fatal("the synchronous learner refuses an event")
		}
	}
	s.Choose = func(e *event.Event) (int, float64) {
		learn()
		pmf = loopUniform(pmf)
		if s.Rounds() > loopExplore {
			pmf = m.Distribution(e, nil, pmf[:0])
			regret += regretOf(pmf, s.Rates())
		}
		e.Arm = bandit.Choose(pmf, key.Uniform(e.ID))
		before.X.Dense = append(before.X.Dense[:0], e.X.Dense...)
		before.Weight, before.Arm, before.Prob, before.Labelled = e.Weight, e.Arm, pmf[e.Arm], true
		return before.Arm, before.Prob
	}
	for s.Rounds() < loopRounds {
		s.Next(nil)
	}
	return regret
}

func loopUniform(pmf []float64) []float64 {
	pmf = pmf[:0]
	for range loopArms {
		pmf = append(pmf, 1./loopArms)
	}
	return pmf
}

// loopService is a service that chooses from Redis.
type loopService struct {
	t        *testing.T
	client   *serve.Client
	stream   *sim.DecisionsStream
	key      bandit.Key
	d        serve.Decision
	regret   float64
	versions map[uint64]bool // that decided
}

func (s *loopService) decide(q *sim.Question) (arm int, record []byte) {
	if s.stream.Rounds() <= loopExplore {
		pmf := loopUniform(nil)
		arm = bandit.Choose(pmf, s.key.Uniform([]byte(q.ID)))
		list, err := json.Marshal(pmf)
		if err != nil {
			s.t.Fatal(err)
		}
		return arm, fmt.Appendf(nil, `{"kind":"decision","id":%q,"ts":%d,"context":%s,"arm":"a%d","p":%s,"pmf":%s,"shown":%t}`,
			q.ID, q.Time, q.Context, arm, strconv.FormatFloat(pmf[arm], 'g', -1, 64), list, !q.Hidden)
	}
	if err := s.client.Choose(&s.d, &serve.Request{ID: q.ID, Time: time.UnixMilli(q.Time), Context: q.Context}); err != nil {
		s.t.Fatal(err)
	}
	s.regret += regretOf(s.d.PMF, s.stream.Rates())
	s.versions[s.d.Version] = true
	s.d.NeverShown = q.Hidden
	return s.d.Arm, s.d.AppendJSON(nil)
}

// The loop closes on real servers: a service chooses from Redis and logs to Kafka; rewards come late, out of order, twice, or
// after their window; the learner is killed with -9 twice, once while the service goes on for 2,000 decisions. What is lost by all of
// that is at most 2% of the regret that a learner has which knows every reward before the next decision. Arms were chosen
// as often as the log says. Every decision was learned once, with its reward.
func TestLoopIsAsGoodAsASynchronousLearner(t *testing.T) {
	brokers, redisAddr := testbed.Kafka(t), testbed.Redis(t)
	topic, model := testbed.Topic(t, brokers, 1), testbed.Name(t)
	config := loopFile(t, model, topic, brokers, redisAddr)
	producer, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	store, err := redis.New(redis.Options{Addrs: []string{redisAddr}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	client, err := serve.Open(t.Context(), serve.Options{Store: store, Model: model, Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	key, process := state.Key{Model: model}, startDaemon(t, config)
	stream := loopStream()
	service := &loopService{t: t, client: client, stream: stream, key: bandit.NewKey(""), versions: map[uint64]bool{}}
	stream.Service = service.decide

	var log []*kgo.Record
	follow := func(most int) { // the service is no faster than the learner can be
		eventually(t, time.Minute, func() (bool, string) {
			snap, _, err := store.State(t.Context(), key)
			if errors.Is(err, state.ErrNotFound) {
				return len(log) <= most, "nothing is learned"
			}
			if err != nil {
				return false, err.Error()
			}
			return len(log)-int(snap.Next.Offset) <= most, fmt.Sprintf("the learner stands at %d of %d records", snap.Next.Offset, len(log))
		})
		if err := client.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	serveUntil := func(rounds uint64, learning bool) {
		for stream.Rounds() < rounds {
			var batch []*kgo.Record
			for range 100 {
				value, _ := stream.Next(nil)
				batch = append(batch, &kgo.Record{Value: value})
			}
			if err := testbed.Produce(producer, batch...); err != nil {
				t.Fatal(err)
			}
			if log = append(log, batch...); learning {
				follow(loopLag)
			}
		}
	}
	serveUntil(6000, true)
	process.kill()
	serveUntil(8000, false)
	process = startDaemon(t, config)
	serveUntil(14_000, true)
	process.kill()
	process = startDaemon(t, config)
	serveUntil(loopRounds, true)
	follow(0)
	process.stop()

	const draws = 4
	want := 0.0
	for i := range draws {
		want += synchronous(t, config, model, strconv.Itoa(i)) / draws
	}
	t.Logf("regret %.1f, of a synchronous learner %.1f: ratio %.4f; %d versions have decided", service.regret, want, service.regret/want, len(service.versions))
	if service.regret > 1.02*want {
		t.Errorf("regret %.1f is more than 2%% above that of a synchronous learner, %.1f", service.regret, want)
	}
	if len(service.versions) < 50 {
		t.Errorf("%d versions have decided: the loop was not closed", len(service.versions))
	}
	books := readLoop(t, log)
	books.testPropensities(t)
	books.testCounts(t, store, key, undisturbed(t, config, model, log))
}
