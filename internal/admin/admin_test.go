package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestServer(t *testing.T) {
	defer goleak.VerifyNone(t)
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "streamlearner_probe_total", Help: "A counter of the test."})
	reg.MustRegister(c)
	c.Inc()
	var ready error
	s := &Server{Gatherer: reg, Status: func() any { return map[string]int{"x": 7} }, Ready: func() error { return ready }}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()

	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := client.Get("http://" + s.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for path, want := range map[string]string{
		"/": "<title>streamlearner", "/metrics": "streamlearner_probe_total 1", "/healthz": "ok", "/readyz": "ok", "/debug/pprof/cmdline": "admin",
	} {
		if code, body := get(path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.80q, want 200 with %q", path, code, body, want)
		}
	}
	_, body := get("/status")
	var status map[string]int
	if err := json.Unmarshal([]byte(body), &status); err != nil || status["x"] != 7 {
		t.Errorf("/status: %q: %v", body, err)
	}
	ready = errors.New("payments/3 is paused")
	if code, body := get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "payments/3") {
		t.Errorf("/readyz: %d %q, want 503 with the reason", code, body)
	}
	if code, _ := get("/nothing"); code != http.StatusNotFound {
		t.Errorf("unknown path: %d", code)
	}
	other := &Server{}
	if err := other.Listen(s.Addr()); err == nil || !strings.Contains(err.Error(), "admin.listen") {
		t.Errorf("a taken address gave %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
