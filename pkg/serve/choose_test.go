package serve_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state"
)

var shop = event.Schema{Label: "clicked", Arm: "item", Arms: []string{"a", "b", "c"}, Probability: "p", Key: "user"}

// trainedBandit returns a bandit that has learned that item b is liked.
func trainedBandit(t *testing.T, policy string) (*bandit.Model, []byte) {
	t.Helper()
	cfg := bandit.Default()
	cfg.Policy, cfg.Arms, cfg.Floor = policy, shop.Arms, 0.1
	m, err := bandit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := event.NewJSON(shop, true)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for i := range 300 {
		clicked := 0
		if i%3 == 1 && i%5 > 0 {
			clicked = 1
		}
		body := fmt.Appendf(nil, `{"user":"u","hour":%d,"item":%q,"p":0.33,"clicked":%d}`, i%24, shop.Arms[i%3], clicked)
		if err := decoder.Decode(body, &e); err != nil {
			t.Fatal(err)
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, b
}

// A choice is drawn from the distribution of the learner's own bandit.
func TestChoose(t *testing.T) {
	for _, policy := range []string{bandit.Thompson, bandit.LinUCB} {
		t.Run(policy, func(t *testing.T) {
			store := state.NewMem()
			m, b := trainedBandit(t, policy)
			newWriter(t, store, state.Key{Model: "shop"}).publish(4, "learning", b)
			c, err := serve.Open(context.Background(), serve.Options{Store: store, Model: "shop", Schema: shop})
			if err != nil {
				t.Fatal(err)
			}
			decoder, err := event.NewJSON(shop, false)
			if err != nil {
				t.Fatal(err)
			}
			body := []byte(`{"user":"u","hour":7}`)
			var e event.Event
			if err := decoder.Decode(body, &e); err != nil {
				t.Fatal(err)
			}
			want := m.Distribution(&e, nil, nil)
			const draws = 1000
			share := make([]float64, len(want))
			for i := range draws {
				u := (float64(i) + 0.5) / draws
				got, err := c.ChooseJSON(body, u)
				if err != nil {
					t.Fatal(err)
				}
				if got.Name != shop.Arms[got.Arm] || math.Float64bits(got.Prob) != math.Float64bits(want[got.Arm]) || got.Version != 4 {
					t.Fatalf("u %v: %+v, want the probabilities %v", u, got, want)
				}
				same, err := c.Choose(&e, u)
				if err != nil || same.Arm != got.Arm {
					t.Fatalf("u %v: %+v, %v from the decoded event, %+v from JSON", u, same, err, got)
				}
				share[got.Arm] += 1. / draws
			}
			for arm, p := range want {
				if math.Abs(share[arm]-p) > 2./draws {
					t.Errorf("arm %d was chosen in %v of the draws, its probability is %v", arm, share[arm], p)
				}
			}
			if share[1] < 0.5 {
				t.Errorf("the liked item has share %v", share[1])
			}

			if _, err := c.ScoreJSON(body); !errors.Is(err, serve.ErrKind) {
				t.Errorf("score of a bandit: %v", err)
			}
			for _, u := range []float64{-0.1, 1, math.NaN()} {
				if got, err := c.ChooseJSON(body, u); err == nil {
					t.Errorf("u %v: %+v", u, got)
				}
			}
		})
	}
}

func TestChooseFromALinearModel(t *testing.T) {
	store := state.NewMem()
	_, b := trained(t, 50)
	newWriter(t, store, state.Key{Model: "fraud"}).publish(1, "learning", b)
	if got, err := open(t, serve.Options{Store: store}).ChooseJSON(payment("x", 1), 0.5); !errors.Is(err, serve.ErrKind) {
		t.Errorf("%+v, %v", got, err)
	}
}
