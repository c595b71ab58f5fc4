package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// wideEvents writes n JSON events of about 490 bytes with 10 numeric and 20
// categorical fields and a label that depends on some of them.
func wideEvents(tb testing.TB, n int) string {
	tb.Helper()
	r := rand.New(rand.NewPCG(11, 12))
	var b bytes.Buffer
	for range n {
		var z float64
		b.WriteByte('{')
		for k := range 10 {
			x := r.NormFloat64()
			if k < 4 {
				z += x * float64(k-2)
			}
			fmt.Fprintf(&b, `"num_%d":%.4f,`, k, x)
		}
		for k := range 20 {
			c := r.IntN(40)
			if k < 4 && c%2 == 0 {
				z++
			}
			fmt.Fprintf(&b, `"cat_%d":"v%03d",`, k, c)
		}
		y := 0
		if z+r.NormFloat64() > 2 {
			y = 1
		}
		fmt.Fprintf(&b, "\"y\":%d}\n", y)
	}
	path := filepath.Join(tb.TempDir(), "wide.jsonl")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// BenchmarkTenConfigurations reports how many times longer one pass with ten
// configurations takes than a replay of one. The aim is 3 on two processors.
func BenchmarkTenConfigurations(b *testing.B) {
	const events = 200_000
	path := wideEvents(b, events)
	replay := func(args ...string) time.Duration {
		begin := time.Now()
		p := program{in: bytes.NewReader(nil), out: io.Discard, err: io.Discard}
		args = append([]string{"replay", "--json", "--label", "y", "--set", "learner.loss=logistic", "--set", "source.positive=1"}, args...)
		if code := p.run(b.Context(), append(args, path)); code != exitOK {
			b.Fatalf("exit code %d", code)
		}
		return time.Since(begin)
	}
	for _, optimizer := range []string{"nag", "auto"} {
		b.Run(optimizer, func(b *testing.B) {
			set := "learner.optimizer=" + optimizer
			one, ten := time.Hour, time.Hour
			for b.Loop() {
				one = min(one, replay("--set", set))
				ten = min(ten, replay("--set", set, "--grid", "learner.rate=0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1"))
			}
			b.ReportMetric(ten.Seconds()/one.Seconds(), "ratio")
			b.ReportMetric(events/one.Seconds(), "one-events/s")
			b.ReportMetric(events/ten.Seconds(), "ten-events/s")
		})
	}
}
