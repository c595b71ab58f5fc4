package event_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// benchmark decodes the records in turn.
func benchmark(b *testing.B, d event.Decoder, records [][]byte, features int) {
	b.Helper()
	var e event.Event
	bytes := 0
	for _, r := range records {
		bytes += len(r)
		if err := d.Decode(r, &e); err != nil || e.X.Len() != features {
			b.Fatalf("%s: %v: %d features, want %d", r, err, e.X.Len(), features)
		}
	}
	b.SetBytes(int64(bytes / len(records)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := d.Decode(records[i%len(records)], &e); err != nil {
			b.Fatal(err)
		}
	}
}

// The sizes named here are those that figures in the documentation refer to.
func TestBenchmarkEventsHaveTheStatedSize(t *testing.T) {
	for name, c := range map[string]struct {
		records [][]byte
		want    int
	}{"flat": {conform.FlatJSON(1000, 1), 361}, "nested": {conform.NestedJSON(1000, 1), 489}} {
		n := 0
		for _, r := range c.records {
			n += len(r)
		}
		if n = (n + 500) / 1000; n != c.want {
			t.Errorf("%s events have %d bytes on average, want %d", name, n, c.want)
		}
	}
}

func BenchmarkJSONFlat20(b *testing.B) {
	d := made[*event.JSON](b)(event.NewJSON(event.Schema{Label: "is_fraud", Time: "ts"}, true))
	benchmark(b, d, conform.FlatJSON(1000, 1), 20)
}

// The keys of each record in an order of its own, which no decoder can foresee.
func BenchmarkJSONShuffled20(b *testing.B) {
	records := conform.FlatJSON(1000, 1)
	r := rand.New(rand.NewPCG(1, 5))
	for i, text := range records {
		members := bytes.Split(text[1:len(text)-1], []byte{','})
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		records[i] = fmt.Appendf(nil, "{%s}", bytes.Join(members, []byte{','}))
	}
	benchmark(b, made[*event.JSON](b)(event.NewJSON(event.Schema{Label: "is_fraud", Time: "ts"}, true)), records, 20)
}

func BenchmarkJSONNested30(b *testing.B) {
	d := made[*event.JSON](b)(event.NewJSON(event.Schema{Label: "label", Time: "ts"}, true))
	benchmark(b, d, conform.NestedJSON(1000, 1), 30)
}

// Two crosses, two logarithms and two indicators.
func BenchmarkJSONFlat20Shapes(b *testing.B) {
	s := event.Schema{Label: "is_fraud", Time: "ts", Log1p: []string{"amount", "dist_km"}, Missing: []string{"amount", "country"},
		Cross: [][]string{{"country", "merchant"}, {"country", "bank"}}}
	benchmark(b, made[*event.JSON](b)(event.NewJSON(s, true)), conform.FlatJSON(1000, 1), 22)
}

// The 190 pairs of 20 categories.
func BenchmarkJSONNested30Pairs(b *testing.B) {
	s := event.Schema{Label: "label", Time: "ts", Cross: [][]string{{"category.*", "category.*"}}}
	benchmark(b, made[*event.JSON](b)(event.NewJSON(s, true)), conform.NestedJSON(1000, 1), 30+190)
}

func BenchmarkText20(b *testing.B) {
	records := make([][]byte, 1000)
	r := rand.New(rand.NewPCG(1, 4))
	for i := range records {
		records[i] = fmt.Appendf(records[i], `{"y":%d,"text":"`, i%2)
		for k := range 20 {
			records[i] = fmt.Appendf(records[i], "Word%c%d, ", 'a'+k, r.IntN(1000))
		}
		records[i] = append(records[i], `"}`...)
	}
	benchmark(b, made[*event.JSON](b)(event.NewJSON(event.Schema{Label: "y", Text: []string{"text"}}, true)), records, 20)
}

func BenchmarkCSV20(b *testing.B) {
	columns := make([]string, 21)
	for i := range columns {
		columns[i] = fmt.Sprintf("column_%d", i)
	}
	records := make([][]byte, 1000)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range records {
		for range 10 {
			records[i] = fmt.Appendf(records[i], "%.3f,v%d,", r.NormFloat64()*10, r.IntN(1000))
		}
		records[i] = fmt.Append(records[i], i%2)
	}
	d := made[*event.CSV](b)(event.NewCSV(event.Schema{Label: "column_20"}, columns, ',', true))
	benchmark(b, d, records, 20)
}

func BenchmarkVW20(b *testing.B) {
	records := make([][]byte, 1000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range records {
		records[i] = fmt.Appendf(records[i], "%d |num", i%2)
		for k := range 10 {
			records[i] = fmt.Appendf(records[i], " n%d:%.3f", k, 1+r.Float64())
		}
		records[i] = append(records[i], " |cat"...)
		for k := range 10 {
			records[i] = fmt.Appendf(records[i], " c%d=v%d", k, r.IntN(1000))
		}
	}
	benchmark(b, made[*event.VW](b)(event.NewVW(event.Schema{}, true)), records, 20)
}

func BenchmarkLibSVM20(b *testing.B) {
	records := make([][]byte, 1000)
	r := rand.New(rand.NewPCG(1, 3))
	for i := range records {
		records[i] = fmt.Append(records[i], i%2)
		for k := range 20 {
			records[i] = fmt.Appendf(records[i], " %d:%.3f", k*50+r.IntN(50), 1+r.Float64())
		}
	}
	benchmark(b, made[*event.LibSVM](b)(event.NewLibSVM(event.Schema{}, true)), records, 20)
}
