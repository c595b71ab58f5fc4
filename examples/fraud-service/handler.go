package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
)

// maxBody is the largest request in bytes.
const maxBody = 1 << 20

// policy turns a score into a decision.
type policy struct {
	review, decline float64
	maxAge          time.Duration
}

func (p policy) validate() error {
	if !(0 <= p.review && p.review <= p.decline && p.decline <= 1) {
		return fmt.Errorf("--review %v and --decline %v: must be probabilities, the first at most the second", p.review, p.decline)
	}
	return nil
}

// answer is the response to a payment.
type answer struct {
	Decision    string   `json:"decision"` // accept, review or decline
	Reason      string   `json:"reason,omitempty"`
	Probability *float64 `json:"probability"` // of fraud; null without a model
	Version     uint64   `json:"version"`     // of the model, to be logged with the decision
	Partition   int32    `json:"partition"`
	AgeSeconds  float64  `json:"age_seconds"` // of the model
	Mode        string   `json:"mode,omitempty"`
}

// decide never declines on a model that it cannot trust: then a person looks.
func (p policy) decide(s serve.Score) answer {
	a := answer{Decision: "accept", Probability: &s.Prediction, Version: s.Version, Partition: s.Partition, AgeSeconds: s.Age.Seconds(), Mode: s.Mode}
	switch {
	case s.Stale || p.maxAge > 0 && s.Age > p.maxAge:
		a.Decision, a.Reason = "review", "the model is old"
	case s.Prediction >= p.decline:
		a.Decision = "decline"
	case s.Prediction >= p.review:
		a.Decision = "review"
	}
	return a
}

func newHandler(client *serve.Client, p policy, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(client.Collector())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if served, _ := client.Status(); len(served) == 0 {
			http.Error(w, "no model is published yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("POST /score", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		a, err := score(client, p, body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(a); err != nil {
			log.Info("the caller went away", "err", err)
		}
	})
	return mux
}

// score returns an error only when the payment itself is at fault.
func score(client *serve.Client, p policy, body []byte) (answer, error) {
	s, err := client.ScoreJSON(body)
	var rejection *event.Rejection
	switch {
	case err == nil:
		return p.decide(s), nil
	case errors.As(err, &rejection), errors.Is(err, serve.ErrNoKey):
		return answer{}, err
	}
	return answer{Decision: "review", Reason: err.Error()}, nil
}
