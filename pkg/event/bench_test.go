package event_test

import (
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

func BenchmarkJSONNested30(b *testing.B) {
	d := made[*event.JSON](b)(event.NewJSON(event.Schema{Label: "label", Time: "ts"}, true))
	benchmark(b, d, conform.NestedJSON(1000, 1), 30)
}
