package sim

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
)

type stream interface {
	Next(dst []byte) []byte
	Key() []byte
	Truth() Truth
}

func streams(seed uint64) map[string]stream {
	return map[string]stream{"fraud": Fraud(seed), "linear": Linear(seed), "clicks": Clicks(seed, 4, 3), "ratings": Ratings(seed, 50, 30, 3)}
}

func TestStreamsAreFunctionsOfTheSeed(t *testing.T) {
	for name := range streams(0) {
		a, b, other := streams(7)[name], streams(7)[name], streams(8)[name]
		differs := false
		for range 200 {
			x, y := a.Next(nil), b.Next([]byte("kept"))
			if string(y) != "kept"+string(x) || !bytes.Equal(a.Key(), b.Key()) || a.Truth() != b.Truth() {
				t.Fatalf("%s: %s and %s", name, x, y)
			}
			differs = differs || !bytes.Equal(x, other.Next(nil))
		}
		if !differs {
			t.Errorf("%s: two seeds give the same events", name)
		}
	}
}

func TestEventsAreJSON(t *testing.T) {
	fields := map[string]int{"fraud": 24, "linear": 10, "clicks": 7, "ratings": 4}
	labels := map[string]string{"fraud": "is_fraud", "linear": "price", "clicks": "click", "ratings": "rating"}
	keys := map[string]string{"fraud": "card", "linear": "listing", "clicks": "user", "ratings": "user"}
	for name, s := range streams(3) {
		for range 500 {
			var v map[string]any
			if err := json.Unmarshal(s.Next(nil), &v); err != nil {
				t.Fatal(name, err)
			}
			if len(v) != fields[name] || v[labels[name]] != s.Truth().Label || v[keys[name]] != string(s.Key()) {
				t.Fatalf("%s: %v, truth %+v, key %s", name, v, s.Truth(), s.Key())
			}
		}
	}
}

func TestFraudStatistics(t *testing.T) {
	s := Fraud(1)
	const n = 50_000
	var size, frauds, mean, m2 float64
	var b []byte
	for range n {
		b = s.Next(b[:0])
		size += float64(len(b)) / n
		tr := s.Truth()
		frauds += tr.Label / n
		mean += tr.Mean / n
		z := math.Log(tr.Mean / (1 - tr.Mean))
		m2 += (z - s.intercept) * (z - s.intercept) / n
	}
	if size < 345 || size > 377 {
		t.Errorf("mean size %.1f bytes", size)
	}
	if math.Abs(mean-fraudRate) > .005 || math.Abs(frauds-mean) > 4*math.Sqrt(mean/n) {
		t.Errorf("rate of fraud %v, expected %v", frauds, mean)
	}
	if sd := math.Sqrt(m2); math.Abs(sd-fraudSD) > .05 {
		t.Errorf("standard deviation of the log-odds %v", sd)
	}
}

// Without changes the stream is stationary: in no block of 10,000 events do the
// labels leave their probabilities, or the probabilities their mean, by more
// than 4 standard errors (36 blocks: chance 0.5% for all).
func TestFraudIsStationary(t *testing.T) {
	const blocks, size = 12, 10_000
	for seed := range uint64(3) {
		s := Fraud(seed)
		var residual, mean [blocks]float64
		var all, squares float64
		for b := range blocks {
			variance := 0.
			for range size {
				s.Next(nil)
				p := s.Truth().Mean
				residual[b] += s.Truth().Label - p
				variance += p * (1 - p)
				mean[b] += p / size
				all += p / (blocks * size)
				squares += p * p / (blocks * size)
			}
			residual[b] /= math.Sqrt(variance)
		}
		sd := math.Sqrt((squares - all*all) / size)
		for b := range blocks {
			if z := (mean[b] - all) / sd; math.Abs(z) > 4 || math.Abs(residual[b]) > 4 {
				t.Errorf("seed %d, block %d: probabilities %.1f, labels %.1f standard errors off", seed, b, z, residual[b])
			}
		}
	}
}

// Knobs must change what they name and nothing else.
func TestFraudKnobs(t *testing.T) {
	plain, s := Fraud(5), Fraud(5)
	s.Poison = []Episode{{From: 1000, To: 2000, Share: .5}}
	s.Changes = []Change{{At: 3000, Degrees: 90}, {At: 5000, Shift: 2}}
	s.Malformed, s.Extreme = .01, .02
	count := map[Kind]int{}
	var before, after [3]float64 // sums of products of the log-odds of both streams
	for n := range 6000 {
		a, b := plain.Next(nil), s.Next(nil)
		truth, change := plain.Truth(), s.Truth()
		count[change.Kind]++
		za, zb := logit(truth.Mean)-plain.intercept, logit(change.Mean)-plain.intercept
		switch {
		case change.Kind == Malformed:
			var v struct {
				Fraud  *float64 `json:"is_fraud"`
				Amount float64  `json:"amount"`
			}
			if err := json.Unmarshal(b, &v); err == nil && v.Fraud != nil {
				t.Fatalf("%s has nothing wrong", b)
			}
		case change.Kind == Extreme:
			if !bytes.Contains(b, []byte(`"amount":1000000000000,`)) {
				t.Fatalf("%s is not extreme", b)
			}
		case change.Kind == Poisoned:
			if n < 1000 || n >= 2000 || change.Label != 1-truth.Label {
				t.Fatalf("event %d: %+v", n, change)
			}
		case n < 3000 && !bytes.Equal(a, b):
			t.Fatalf("event %d differs: %s and %s", n, a, b)
		case n >= 5000 && math.Abs(zb-za-2) > 1e-9:
			t.Fatalf("event %d: log-odds %v and %v, want a shift by 2", n, za, zb)
		}
		if n < 3000 {
			before = [3]float64{before[0] + za*za, before[1] + zb*zb, before[2] + za*zb}
		} else if n < 5000 {
			after = [3]float64{after[0] + za*za, after[1] + zb*zb, after[2] + za*zb}
		}
	}
	cosine := func(s [3]float64) float64 { return s[2] / math.Sqrt(s[0]*s[1]) }
	if c := cosine(before); math.Abs(c-1) > 1e-9 {
		t.Errorf("the scores before the change correlate %v", c)
	}
	if c := cosine(after); math.Abs(c) > .1 {
		t.Errorf("the scores at a right angle correlate %v", c)
	}
	if p := count[Poisoned]; p < 430 || p > 540 {
		t.Errorf("%d events of 1000 are poisoned, want half", p)
	}
	if count[Malformed] < 30 || count[Malformed] > 90 || count[Extreme] < 80 || count[Extreme] > 160 {
		t.Errorf("counts %v of 6000, want 60 malformed and 120 extreme", count)
	}
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

func TestLinearStatistics(t *testing.T) {
	s := Linear(2)
	s.Noise = 7
	const n = 20_000
	var mean, noise, spread float64
	for range n {
		s.Next(nil)
		tr := s.Truth()
		mean += tr.Mean / n
		noise += (tr.Label - tr.Mean) * (tr.Label - tr.Mean) / n
		spread += (tr.Mean - linearMean) * (tr.Mean - linearMean) / n
	}
	if math.Abs(mean-linearMean) > 3 || math.Abs(math.Sqrt(spread)-linearSD) > 3 || math.Abs(math.Sqrt(noise)-7) > .2 {
		t.Errorf("mean %v, spread %v, noise %v", mean, math.Sqrt(spread), math.Sqrt(noise))
	}
}

func TestRatingsStatistics(t *testing.T) {
	const n = 20_000
	s := Ratings(2, 500, 500, 3)
	var mean, noise, spread float64
	for range n {
		s.Next(nil)
		tr := s.Truth()
		mean += tr.Mean / n
		noise += (tr.Label - tr.Mean) * (tr.Label - tr.Mean) / n
		spread += (tr.Mean - ratingsMean) * (tr.Mean - ratingsMean) / n
	}
	if want := 1 + 2*biasSD*biasSD; math.Abs(mean-ratingsMean) > .15 || math.Abs(spread-want) > .2*want || math.Abs(noise-s.BestLoss()) > .02 {
		t.Errorf("mean %v, variance %v, noise %v", mean, spread, noise)
	}
	s.Likes = true
	var rate, liked float64
	for range n {
		s.Next(nil)
		rate, liked = rate+s.Truth().Mean/n, liked+s.Truth().Label/n
	}
	if math.Abs(rate-liked) > .015 {
		t.Errorf("%v liked at a rate of %v", liked, rate)
	}
}

func TestClicksRewardsHaveTheirRates(t *testing.T) {
	const n = 20_000
	s := Clicks(4, 3, 2)
	var e event.Event
	var rate, clicks [3]float64
	for range n {
		s.Context(&e)
		if len(e.X.Dense) != 2 || e.X.Dense[0].Hash == e.X.Dense[1].Hash {
			t.Fatalf("context %+v", e.X)
		}
		for a, r := range s.Rates() {
			if r < .05 || r > .95 {
				t.Fatalf("rate %v", r)
			}
			rate[a] += r / n
			clicks[a] += s.Reward(a) / n
			if tr := s.Truth(); tr.Mean != r || tr.Label != s.Reward(a) {
				t.Fatalf("truth %+v, rate %v", tr, r)
			}
		}
	}
	for a := range rate {
		if math.Abs(rate[a]-clicks[a]) > .015 {
			t.Errorf("arm %d: %v clicks at a rate of %v", a, clicks[a], rate[a])
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	for name, s := range streams(1) {
		b := s.Next(make([]byte, 0, 1024))
		if n := testing.AllocsPerRun(200, func() { b = s.Next(b[:0]) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkFraud(b *testing.B) {
	s := Fraud(1)
	var buf []byte
	b.ReportAllocs()
	for range b.N {
		buf = s.Next(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}
