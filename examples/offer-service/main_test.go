package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/internal/sandbox"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

const patient = 30 * time.Second // deadline of every wait

// learn runs streamlearner with the configuration of the example, but for a window that a
// test can wait for.
func learn(t *testing.T, servers *sandbox.Sandbox) (stop func()) {
	t.Helper()
	cfg, err := configs.Load(configs.Input{File: "offers.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := cfg.Models["offers"].With([]string{"source.join.window=300ms", "source.join.lateness=100ms", "snapshot.every=100", "snapshot.quarantine=100"})
	if err != nil {
		t.Fatal(err)
	}
	store, err := redis.New(redis.Options{Addrs: []string{servers.RedisAddr()}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := consumer.New(consumer.Config{
		Connection: consumer.Connection{Brokers: servers.Brokers()}, Group: "test", Model: "offers", Topic: m.Source.Topic,
		SaveInterval: 100 * time.Millisecond,
	}, consumer.Deps{
		Store: store,
		New: func(start state.Position) (consumer.Learner, error) {
			lc, err := m.LearnerConfig("test")
			if err != nil {
				return nil, err
			}
			return learner.New(lc, start)
		},
		Restore:  func(*state.Snapshot) (consumer.Learner, error) { return nil, errors.New("nothing to restore") },
		Progress: func() *metric.Progressive { return metric.New(catalog.Task(m.Learner), false) },
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	return func() {
		cancel()
		if err := errors.Join(<-ended, store.Close()); err != nil {
			t.Errorf("the learner ended with %v", err)
		}
	}
}

// start runs the service and returns its URL. It ends, without error, with the test.
func start(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	addr, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, append(args, "--listen", "127.0.0.1:0"), io.Discard, func(a net.Addr) { addr <- a })
	}()
	select {
	case a := <-addr:
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("the service ended with %v", err)
			}
		})
		return "http://" + a.String()
	case err := <-ended:
		cancel()
		t.Fatalf("the service did not start: %v", err)
	}
	return ""
}

// chosen is the answer of the service.
type chosen struct {
	ID, Arm     string
	Probability float64
	Version     uint64
}

func post(t *testing.T, url, body string) (out chosen, status int) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return out, resp.StatusCode
}

// deadLetters reads the dead-letter topic until there are n letters, and returns the
// reason of each by its key.
func deadLetters(t *testing.T, brokers []string, n int) map[string]string {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("offers.offers.dead"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	got := map[string]string{}
	for len(got) < n && ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			for _, h := range r.Headers {
				if h.Key == "sl-reason" {
					got[string(r.Key)] = string(h.Value)
				}
			}
		})
	}
	return got
}

// The loop closes: the service chooses from Redis and logs to Kafka, the learner joins and
// publishes, and the service finds the offer that is liked at each time of the day. Decisions
// that cannot be right go to the dead-letter topic.
func TestLoop(t *testing.T) {
	servers, err := sandbox.Start(sandbox.Options{Partitions: 1, Topics: []string{"offers"}})
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Close()
	stop := learn(t, servers)
	url := start(t, "--redis", servers.RedisAddr(), "--brokers", strings.Join(servers.Brokers(), ","))

	deadline := time.Now().Add(patient)
	const window = 200
	recent := make([]bool, window) // whether each of the newest decisions was the liked offer
	for i, right := 0, 0; right < window*8/10; i++ {
		hour := i * 7 % 24
		liked := map[bool]string{true: "coffee", false: "tea"}[hour < 12]
		id := fmt.Sprintf("d-%d", i)
		got, status := post(t, url+"/choose", fmt.Sprintf(`{"id":%q,"context":{"morning":%t},"actions":[null,{"hot":true,"price":3},{"hot":true,"price":2}]}`, id, hour < 12))
		if status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		if got.Arm == liked {
			post(t, url+"/reward", fmt.Sprintf(`{"id":%q,"reward":1}`, id))
		}
		if got.Version == 0 && (got.Arm != "none" || got.Probability != 1) {
			t.Fatalf("without a policy: %+v", got)
		}
		if recent[i%window] {
			right--
		}
		if recent[i%window] = got.Arm == liked; recent[i%window] {
			right++
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of the newest %d decisions were the liked offer, after %d", right, window, i)
		}
	}
	for _, bad := range []string{`{"id":"","context":{}}`, `{"id":"x","context":[]}`, `{"id":"x","context":{},"eligible":["juice"]}`, `{`} {
		if _, status := post(t, url+"/choose", bad); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", bad, status)
		}
	}
	if _, status := post(t, url+"/reward", `{"id":"x"}`); status != http.StatusBadRequest {
		t.Errorf("a reward without number: status %d", status)
	}
	refuse(t, servers.Brokers())
	stop()
	compare(t, servers.RedisAddr())
}

// refuse writes decisions that cannot be right, and waits for their reasons.
func refuse(t *testing.T, brokers []string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic("offers"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	want := map[string]string{}
	for members, reason := range map[string]string{
		`"arm":"tea","p":0`:                              "propensity_invalid",
		`"arm":"tea","p":1.01`:                           "propensity_invalid",
		`"arm":"tea","p":-0.5`:                           "propensity_invalid",
		`"arm":"tea","p":"NaN"`:                          "propensity_invalid",
		`"arm":"tea"`:                                    "propensity_invalid",
		`"arm":"juice","p":0.5`:                          "arm_unknown",
		`"arm":7,"p":0.5`:                                "arm_unknown",
		`"arm":"tea","p":0.5,"eligible":["none"]`:        "arm_unknown",
		`"arm":"tea","p":0.5,"eligible":["tea","juice"]`: "arm_unknown",
		`"arm":"tea","p":0.5,"actions":[{}]`:             "actions_invalid",
		`"arm":"tea","p":0.5,"actions":[{},{},{},{}]`:    "actions_invalid",
	} {
		id := fmt.Sprintf("bad-%d", len(want))
		want[id] = reason
		value := fmt.Sprintf(`{"kind":"decision","id":%q,"ts":%d,"context":{},%s}`, id, time.Now().UnixMilli(), members)
		if err := testbed.Produce(cl, &kgo.Record{Key: []byte(id), Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	got := deadLetters(t, brokers, len(want))
	for id, reason := range want {
		if got[id] != reason {
			t.Errorf("%s was refused as %q, want %s", id, got[id], reason)
		}
	}
}

// compare lets the example in Python decide as the client in Go does.
func compare(t *testing.T, redisAddr string) {
	t.Helper()
	client, err := serve.Open(t.Context(), serve.Options{Redis: redis.Options{Addrs: []string{redisAddr}}, Model: "offers"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var asks, want bytes.Buffer
	var d serve.Decision
	for i := range 20 {
		r := serve.Request{
			ID: fmt.Sprint("p-", i), Context: fmt.Appendf(nil, `{"morning":%t}`, i%2 == 0), Eligible: []string{"tea", "none", "coffee"}[i%2:],
			Time: time.UnixMilli(1_700_000_000_000 + int64(i)), Baseline: "none",
		}
		if err := client.Choose(&d, &r); err != nil {
			t.Fatal(err)
		}
		eligible, err := json.Marshal(r.Eligible)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&asks, `{"id":%q,"context":%s,"eligible":%s,"ts":%d}`+"\n", r.ID, r.Context, eligible, r.Time.UnixMilli())
		fmt.Fprintf(&want, "%s\t%s\n", d.Key, d.AppendJSON(nil))
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("Python 3.10 or later is missing, run 'make provision': %v", err)
	}
	cmd := exec.CommandContext(t.Context(), python, "offers.py", "redis://"+redisAddr, "offers")
	cmd.Stdin, cmd.Env = &asks, append(os.Environ(), "PYTHONPATH=../../clients/python")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	if string(got) != want.String() {
		t.Errorf("Python:\n%s\nGo:\n%s", got, &want)
	}
	r := serve.Request{ID: "p-1", Context: []byte(`{"morning":true}`)}
	if err := client.Choose(&d, &r); err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), python, "-m", "streamlearner", "choose", "--redis", "redis://"+redisAddr, "--id", r.ID, "offers", string(r.Context))
	cmd.Env = append(os.Environ(), "PYTHONPATH=../../clients/python")
	var printed struct {
		ID, Arm, Mode string
		P             float64
	}
	if got, err := cmd.Output(); err != nil || json.Unmarshal(got, &printed) != nil || printed.ID != r.ID || printed.Arm != d.Name || printed.P != d.Prob || printed.Mode != "online" {
		t.Errorf("the command prints %s: %v; want arm %s with probability %v", got, err, d.Name, d.Prob)
	}
}

func TestUsage(t *testing.T) {
	var help bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &help, nil); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-baseline") {
		t.Errorf("--help: %v\n%s", err, help.String())
	}
	for _, c := range []struct{ args, want string }{
		{"extra", `unexpected argument "extra"`},
		{"--redis 127.0.0.1:1", "refused"},
	} {
		if err := run(t.Context(), strings.Fields(c.args), io.Discard, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.args, err, c.want)
		}
	}
}

// Nobody needs to make the topic first, where the brokers make what is missing.
func TestServiceMakesItsTopic(t *testing.T) {
	servers, err := sandbox.Start(sandbox.Options{Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Close()
	url := start(t, "--redis", servers.RedisAddr(), "--brokers", strings.Join(servers.Brokers(), ","))
	if _, status := post(t, url+"/reward", `{"id":"d-1","reward":1}`); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(servers.Brokers()...), kgo.ConsumeTopics("offers"), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("the record did not come: %v", fetches.Err())
		}
		if all := fetches.Records(); len(all) > 0 {
			if string(all[0].Key) != "d-1" {
				t.Errorf("a record with key %s", all[0].Key)
			}
			return
		}
	}
}

// While Kafka is away callers get their answers, also when no more records can wait for it.
func TestServiceDoesNotWaitForKafka(t *testing.T) {
	producer, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"), kgo.DefaultProduceTopic("offers"), kgo.MaxBufferedRecords(1))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	var log bytes.Buffer
	s := &service{producer: producer, log: slog.New(slog.NewTextHandler(&log, nil))}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write(ctx, []byte("first"), []byte("{}"))
		s.write(ctx, []byte("second"), []byte("{}"))
	}()
	select {
	case <-written:
	case <-ctx.Done():
		t.Fatal("a record waits for Kafka")
	}
	producer.Close()
	if err := producer.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "key=second") {
		t.Errorf("the log does not tell what is lost:\n%s", log.String())
	}
}
