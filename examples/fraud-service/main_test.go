package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// payments is how the records of the model are read.
var payments = event.Layout{Format: "json", Schema: event.Schema{Label: "is_fraud", Key: "card", ID: "tx_id"}}

// publish trains a model on payments, of which those above 50 are fraud, and publishes it.
func publish(t *testing.T, addr string, created time.Time) *sgd.Model {
	t.Helper()
	cfg := sgd.Default()
	cfg.Loss = "logistic"
	m, err := sgd.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := event.NewJSON(payments.Schema, true)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for i := range 2000 {
		amount := i * 37 % 100
		if err := decoder.Decode(fmt.Appendf(nil, `{"card":"c","amount":%d,"is_fraud":%t}`, amount, amount > 50), &e); err != nil {
			t.Fatal(err)
		}
		m.Learn(&e)
	}
	data, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := redis.New(redis.Options{Addrs: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	k := state.Key{Model: "fraud"}
	claim, _, err := store.Claim(t.Context(), k, state.Owner{Group: "g", Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	schema, err := json.Marshal(payments)
	if err != nil {
		t.Fatal(err)
	}
	b := state.Blob{Sum: state.SumOf(data), Data: data}
	s := &state.Snapshot{Seq: 1, Refs: []state.Sum{b.Sum}, Blobs: []state.Blob{b}, Current: &state.Pointer{
		Version: state.Version{Number: 7, Sum: b.Sum, Created: created.UnixMilli()}, Mode: "learning", Schema: schema}}
	if err := store.Save(t.Context(), k, claim, 0, s, 1); err != nil {
		t.Fatal(err)
	}
	return m
}

// start runs the service and returns its URL. It ends, without error, with the test.
func start(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	addr, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, append(args, "--listen", "127.0.0.1:0"), io.Discard, func(a net.Addr) { addr <- a })
	}()
	select {
	case a := <-addr:
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("service ended with %v", err)
			}
		})
		return "http://" + a.String()
	case err := <-ended:
		cancel()
		t.Fatalf("service did not start: %v", err)
	}
	return ""
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url+"/score", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestService(t *testing.T) {
	server := miniredis.RunT(t)
	model := publish(t, server.Addr(), time.Now())
	url := start(t, "--redis", server.Addr(), "--review", "0.2", "--decline", "0.9")
	decoder, err := event.NewJSON(payments.Schema, false)
	if err != nil {
		t.Fatal(err)
	}
	decisions := map[string]int{}
	for amount := 0; amount < 100; amount += 5 {
		payment := fmt.Sprintf(`{"card":"c","tx_id":"t%d","amount":%d}`, amount, amount)
		status, text := post(t, url, payment)
		var a answer
		if err := json.Unmarshal([]byte(text), &a); err != nil || status != http.StatusOK || a.Probability == nil {
			t.Fatalf("%s: status %d, %s", payment, status, text)
		}
		var e event.Event
		if err := decoder.Decode([]byte(payment), &e); err != nil {
			t.Fatal(err)
		}
		want := model.Predict(&e).Prediction
		decision := "accept"
		if want >= 0.2 {
			decision = "review"
		}
		if want >= 0.9 {
			decision = "decline"
		}
		if math.Abs(*a.Probability-want) > 1e-12 || a.Decision != decision || a.Version != 7 || a.Mode != "learning" {
			t.Errorf("%s: %s, want %s at probability %v", payment, text, decision, want)
		}
		decisions[a.Decision]++
	}
	if len(decisions) != 3 {
		t.Errorf("the payments led to %v alone", decisions)
	}
	if status, text := post(t, url, `{"card":`); status != http.StatusBadRequest {
		t.Errorf("broken JSON: %d %s", status, text)
	}
	if status, _ := post(t, url, `{"x":"`+string(bytes.Repeat([]byte("y"), maxBody))+`"}`); status != http.StatusRequestEntityTooLarge {
		t.Errorf("huge request: %d", status)
	}
	if status, _ := get(t, url+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
	if status, text := get(t, url+"/metrics"); status != http.StatusOK || !strings.Contains(text, `streamlearner_serve_version{model="fraud",partition="0"} 7`) {
		t.Errorf("metrics: %d %s", status, text)
	}
}

// A person decides while the model cannot be trusted.
func TestNoTrust(t *testing.T) {
	empty := start(t, "--redis", miniredis.RunT(t).Addr())
	if status, text := post(t, empty, `{"card":"c","amount":99}`); status != http.StatusOK || !strings.Contains(text, `"decision":"review"`) || !strings.Contains(text, "no published model") {
		t.Errorf("without a model: %d %s", status, text)
	}
	if status, _ := get(t, empty+"/healthz"); status != http.StatusServiceUnavailable {
		t.Errorf("healthz without a model: %d", status)
	}
	server := miniredis.RunT(t)
	publish(t, server.Addr(), time.Now().Add(-2*time.Hour))
	old := start(t, "--redis", server.Addr())
	if status, text := post(t, old, `{"card":"c","amount":99}`); status != http.StatusOK || !strings.Contains(text, `"decision":"review","reason":"the model is old"`) {
		t.Errorf("old model: %d %s", status, text)
	}
}

// A configuration file tells the way to Redis; what the fields mean is published.
func TestConfigFile(t *testing.T) {
	server := miniredis.RunT(t)
	publish(t, server.Addr(), time.Now())
	file := filepath.Join(t.TempDir(), "fraud.yaml")
	text := fmt.Sprintf("redis: {addrs: [%s]}\nmodels: {fraud: {source: {topic: payments, label: is_fraud, key: card}, learner: {loss: logistic}}}\n", server.Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url := start(t, "--config", file)
	_, one := post(t, url, `{"card":"c","amount":60,"tx_id":"a"}`)
	_, two := post(t, url, `{"card":"c","amount":60,"tx_id":7e9}`)
	cut := func(s string) string { p, _, _ := strings.Cut(s, `"age_seconds"`); return p }
	if cut(one) != cut(two) || !strings.Contains(one, `"version":7`) {
		t.Errorf("the id counts: %s and %s", one, two)
	}
	if err := run(t.Context(), []string{"--config", file, "--model", "other"}, io.Discard, nil); err == nil || !strings.Contains(err.Error(), `no model "other"`) {
		t.Errorf("another model: %v", err)
	}
}

func TestUsage(t *testing.T) {
	var help bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &help, nil); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-partitions") {
		t.Errorf("--help: %v\n%s", err, help.String())
	}
	for _, c := range []struct{ args, want string }{
		{"extra", `unexpected argument "extra"`},
		{"--review 0.9 --decline 0.5", "must be probabilities"},
		{"--config no-such-file", "no-such-file"},
		{"--redis 127.0.0.1:1", "refused"},
	} {
		if err := run(t.Context(), strings.Fields(c.args), io.Discard, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.args, err, c.want)
		}
	}
}
