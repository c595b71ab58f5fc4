package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
)

// maxBody is the largest request in bytes.
const maxBody = 1 << 20

type service struct {
	client    *serve.Client
	producer  *kgo.Client
	baseline  string
	log       *slog.Logger
	decisions sync.Pool // of *serve.Decision
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /choose", s.choose)
	mux.HandleFunc("POST /reward", s.reward)
	return mux
}

func (s *service) choose(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID       string          `json:"id"`
		Context  json.RawMessage `json:"context"`
		Actions  json.RawMessage `json:"actions"`
		Eligible []string        `json:"eligible"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d, _ := s.decisions.Get().(*serve.Decision)
	if d == nil {
		d = new(serve.Decision)
	}
	defer s.decisions.Put(d)
	request := &serve.Request{ID: in.ID, Context: in.Context, Actions: in.Actions, Eligible: in.Eligible, Baseline: s.baseline}
	err := s.client.Choose(d, request)
	if errors.Is(err, serve.ErrNoModel) {
		err = s.client.Fallback(d, request)
	}
	var refused *event.Rejection
	switch {
	case errors.As(err, &refused), errors.Is(err, serve.ErrNoID), errors.Is(err, serve.ErrNoArm):
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		s.log.Error("cannot decide", "err", err)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	s.write(r.Context(), append([]byte(nil), d.Key...), d.AppendJSON(nil))
	s.answer(w, map[string]any{"id": in.ID, "arm": d.Name, "probability": d.Prob, "version": d.Version})
}

// reward logs what a decision has earned. Its key is that of the decision, here the id.
func (s *service) reward(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Kind   string   `json:"kind"`
		ID     string   `json:"id"`
		Time   int64    `json:"ts"`
		Reward *float64 `json:"reward"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in)
	if err == nil && (in.ID == "" || in.Reward == nil) {
		err = errors.New("a reward needs id and reward")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	in.Kind, in.Time = "reward", time.Now().UnixMilli()
	record, err := json.Marshal(in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.write(r.Context(), []byte(in.ID), record)
	s.answer(w, in)
}

// write sends a record in the background, and holds up no caller while Kafka is away. What
// Kafka does not take is not learned, which the log tells.
func (s *service) write(ctx context.Context, key, value []byte) {
	s.producer.TryProduce(context.WithoutCancel(ctx), &kgo.Record{Key: key, Value: value}, func(_ *kgo.Record, err error) {
		if err != nil {
			s.log.Error("a record is lost", "key", string(key), "err", err)
		}
	})
}

func (s *service) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.log.Info("the caller went away", "err", err)
	}
}
