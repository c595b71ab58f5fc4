package sim

import (
	"flag"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/schollz/progressbar/v3"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

var (
	seeds    = flag.Uint64("seeds", 2000, "how many seeds TestFaults runs")
	first    = flag.Uint64("seed", 1, "the first seed")
	progress = flag.Bool("progress", false, "show a progress bar")
)

// fraudConfig is a learner of the Fraud stream.
func fraudConfig(tb testing.TB, bits int, edit func(*learner.Config)) learner.Config {
	tb.Helper()
	model := sgd.Default()
	model.Bits = bits
	c := learner.Config{
		Model:    func() (learner.Model, error) { return sgd.New(model) },
		Decoder:  fraudDecoder(tb, event.Schema{Time: "ts"}),
		Guard:    learner.DefaultGuard(),
		Snapshot: learner.DefaultSnapshot(),
		Settings: "learner.loss=logistic\n",
		Binary:   "test",
		Audit:    true,
	}
	if edit != nil {
		edit(&c)
	}
	return c
}

func fraudDecoder(tb testing.TB, s event.Schema) event.Decoder {
	tb.Helper()
	s.Label, s.Key, s.ID = "is_fraud", "card", "tx_id"
	d, err := event.NewJSON(s, true)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// Whatever goes wrong, every record is learned once, and only what an
// undisturbed run proves is served, as operators have ordered.
func TestFaults(t *testing.T) {
	var bar *progressbar.ProgressBar
	if *progress {
		bar = progressbar.Default(int64(*seeds), "seeds")
	}
	shared := paymentStreams()
	var next atomic.Uint64
	var failed atomic.Bool
	var mu sync.Mutex
	var total Counts
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			const chunk = 100
			p := &pool{tb: t, streams: &shared}
			var sum Counts
			for !failed.Load() {
				begin := next.Add(chunk) - chunk
				if begin >= *seeds {
					break
				}
				for i := begin; i < min(begin+chunk, *seeds); i++ {
					seed := *first + i
					c, err := p.world(seed).Run(seed)
					if err != nil {
						failed.Store(true)
						t.Errorf("seed %d: %v (alone: make simulate SEEDS=1 SEED=%d)", seed, err, seed)
						break
					}
					sum.Add(&c)
				}
				if bar != nil {
					_ = bar.Add(chunk) // only a display
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total.Add(&sum)
		})
	}
	wg.Wait()
	if failed.Load() {
		return
	}
	var table strings.Builder
	if err := total.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Logf("0 events lost, 0 learned twice, all parameter hashes equal:\n%s", table.String())
	if never := total.Never(); *seeds >= 1000 && len(never) > 0 {
		t.Errorf("the simulation proves nothing about %s: none happened", strings.Join(never, ", "))
	}
	if *progress {
		_ = total.Write(os.Stdout) // the log has it too
	}
}

func BenchmarkSeed(b *testing.B) {
	shared := paymentStreams()
	p := &pool{tb: b, streams: &shared}
	for i := range uint64(worlds) {
		p.world(i)
	}
	seed := uint64(0)
	for b.Loop() {
		if _, err := p.world(seed).Run(seed); err != nil {
			b.Fatal(err)
		}
		seed++
	}
}
