package factor_test

import (
	"bufio"
	"compress/gzip"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/factor"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// dataDir holds the public streams that the figures in this package are about.
const dataDir = "../../../shared/data"

// ratings returns n events of 200 users and 100 items with planted factors, and
// the mean loss of the best model on the last quarter of them.
func ratings(t testing.TB, likes bool, n int) (events []event.Event, best float64) {
	t.Helper()
	s := sim.Ratings(7, 200, 100, 3)
	s.Likes = likes
	label := "rating"
	if likes {
		label = "liked"
	}
	d, err := event.NewJSON(event.Schema{Label: label, Time: "ts"}, true)
	if err != nil {
		t.Fatal(err)
	}
	events = make([]event.Event, n)
	for i := range events {
		if err := d.Decode(s.Next(nil), &events[i]); err != nil {
			t.Fatal(err)
		}
		if i >= n-n/4 {
			best += s.BestLoss() / float64(n/4)
		}
	}
	return events, best
}

// lastQuarter learns events and returns the mean loss over the last quarter of them.
func lastQuarter(t testing.TB, m learner.Model, events []event.Event) float64 {
	t.Helper()
	sum, from := 0.0, len(events)-len(events)/4
	for i := range events {
		s := m.Learn(&events[i])
		if s.Reject != nil {
			t.Fatal(s.Reject)
		}
		if i >= from {
			sum += s.Loss
		}
	}
	return sum / float64(len(events)-from)
}

// With default rates every model closes most of the gap between the best linear
// model and the true one on a stream of low rank.
func TestPlantedFactors(t *testing.T) {
	for _, likes := range []bool{false, true} {
		loss, closes := "squared", 0.97
		if likes {
			loss, closes = "logistic", 0.87
		}
		events, best := ratings(t, likes, 100_000)
		c := sgd.Default()
		c.Loss = loss
		flat, err := sgd.New(c)
		if err != nil {
			t.Fatal(err)
		}
		linear := lastQuarter(t, flat, events)
		if linear < 1.3*best {
			t.Fatalf("%s: a linear model reaches %v, the best possible is %v: there is nothing to learn from pairs", loss, linear, best)
		}
		for _, model := range []string{factor.FM, factor.FFM, factor.MF} {
			c := factor.Default()
			c.Model, c.Loss = model, loss
			if model == factor.MF {
				c.User, c.Item = "user", "item"
			}
			got := lastQuarter(t, build(t, c), events)
			closed := (linear - got) / (linear - best)
			t.Logf("%s %s: loss %.4f, linear %.4f, best %.4f: closes %.3f of the gap", loss, model, got, linear, best, closed)
			if closed < closes {
				t.Errorf("%s %s: closes %.3f of the gap, want %v", loss, model, closed, closes)
			}
		}
	}
}

func a9a(t testing.TB) []event.Event {
	t.Helper()
	f, err := os.Open(filepath.Join(dataDir, "streams/a9a.libsvm.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	d, err := event.NewLibSVM(event.Schema{}, true)
	if err != nil {
		t.Fatal(err)
	}
	var out []event.Event
	sc := bufio.NewScanner(z)
	for sc.Scan() {
		var e event.Event
		if err := d.Decode(sc.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// auc is the area under the ROC curve (Mann-Whitney); ties are too few to matter.
func auc(t testing.TB, m learner.Model, events []event.Event) float64 {
	t.Helper()
	type scored struct{ prediction, label float64 }
	out := make([]scored, len(events))
	for i := range events {
		s := m.Learn(&events[i])
		if s.Reject != nil {
			t.Fatal(s.Reject)
		}
		out[i] = scored{s.Prediction, s.Label}
	}
	sort.Slice(out, func(a, b int) bool { return out[a].prediction < out[b].prediction })
	var ranks, pos float64
	for i, s := range out {
		if s.label == 1 {
			ranks += float64(i + 1)
			pos++
		}
	}
	return (ranks - pos*(pos+1)/2) / (pos * (float64(len(out)) - pos))
}

// Pairs must not harm where a linear model is nearly all that there is to learn.
func TestNotWorseThanLinear(t *testing.T) {
	events := a9a(t)
	flat, err := sgd.New(sgd.Default())
	if err != nil {
		t.Fatal(err)
	}
	linear := auc(t, flat, events)
	for _, optimizer := range []string{"adagrad", "ftrl"} {
		c := factor.Default()
		c.Optimizer = optimizer
		got := auc(t, build(t, c), events)
		t.Logf("%s: AUC %.5f, linear %.5f", optimizer, got, linear)
		if got < linear-0.002 {
			t.Errorf("%s: AUC %v, linear %v", optimizer, got, linear)
		}
	}
}

// benchEvents have one value of each of so many categories.
func benchEvents(fields int) []event.Event {
	r := rand.New(rand.NewPCG(1, 1))
	events := make([]event.Event, 4096)
	for i := range events {
		e := &events[i]
		e.Reset()
		for j := range fields {
			e.X.Sparse = append(e.X.Sparse, category("field"+strconv.Itoa(j), strconv.Itoa(r.IntN(1000)), 1))
		}
		e.Label, e.Labelled = float64(r.IntN(2)), true
	}
	return events
}

// BenchmarkLearn shows what an event costs, by model, number of features and references.
func BenchmarkLearn(b *testing.B) {
	each(b, func(b *testing.B, m *factor.Model, events []event.Event) {
		for refs := range 3 {
			if refs > 0 {
				m.SetReference(refs - 1)
			}
			b.Run("refs="+strconv.Itoa(refs), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					m.Learn(&events[i&4095])
				}
			})
		}
	})
}

func BenchmarkScore(b *testing.B) {
	each(b, func(b *testing.B, m *factor.Model, events []event.Event) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			m.Score(&events[i&4095])
		}
	})
}

// each runs fn on a trained model of every kind.
func each(b *testing.B, fn func(b *testing.B, m *factor.Model, events []event.Event)) {
	for _, s := range []struct {
		model  string
		fields int
	}{{factor.MF, 2}, {factor.FM, 2}, {factor.FM, 20}, {factor.FFM, 2}, {factor.FFM, 20}} {
		events := benchEvents(s.fields)
		c := factor.Default()
		c.Model = s.model
		if s.model == factor.MF {
			c.User, c.Item = "field0", "field1"
		}
		if s.model == factor.FFM {
			c.Factors = 4
		}
		m := build(b, c)
		for i := range events {
			m.Learn(&events[i])
		}
		b.Run(s.model+"/features="+strconv.Itoa(s.fields), func(b *testing.B) { fn(b, m, events) })
	}
}

// BenchmarkSnapshot shows what a checkpoint and a new reference cost the learner.
func BenchmarkSnapshot(b *testing.B) {
	events := benchEvents(20) // nearly 20,000 features
	m := build(b, factor.Default())
	for i := range events {
		m.Learn(&events[i])
	}
	conform.BenchmarkSnapshot(b, m)
}
