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
	"github.com/streamlearner/streamlearner/pkg/state"
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

// worlds are how many different worlds the seeds share: each is run without
// faults once, and then disturbed by every seed that picks it.
const worlds = 128

// size is how many records world i has.
func size(i uint64) int {
	if i == 0 {
		return 900
	}
	return 48
}

// worldStreams makes the events of each world once, since calibrating a stream takes
// as long as many runs. They are not changed.
func worldStreams() (out [worlds]func() [][]byte) {
	for i := range out {
		out[i] = sync.OnceValue(func() (events [][]byte) {
			s := Fraud(uint64(i) + 1)
			s.Malformed, s.Extreme = 0.02, 0.01
			s.Poison = []Episode{{From: 600, To: 750, Share: 1}}
			for range size(uint64(i)) {
				events = append(events, s.Next(nil))
			}
			return events
		})
	}
	return out
}

// newWorld makes world i of its events. They are few enough to be run thousands of
// times a second: everything happens within a few dozen records, bad ones among them.
// World 0 is longer: its guard is armed, and poison freezes it.
func newWorld(tb testing.TB, i uint64, events [][]byte) *World {
	n, every, quarantine := len(events), 4, 8
	if i == 0 {
		every, quarantine = 30, 60
	}
	schema := event.Schema{Time: "ts"}
	if i%4 == 1 { // the time of an event is that of its record, by clocks that jump
		schema.Time = ""
	}
	c := fraudConfig(tb, 5+4*int(1-i%2), func(c *learner.Config) {
		c.Guard.Enabled = i%8 == 0 // too short to be armed in the others, but a part of the state in some
		c.Guard.Block, c.Guard.Window = 10, 400
		c.Guard.FalseFreezeEvery = 2_000
		c.Guard.ReferenceAfter, c.Guard.ReferenceEvery = 20, 400
		c.Guard.QuietEvents, c.Guard.RecoveryMinEvents, c.Guard.CooldownEvents, c.Guard.ProbationEvents = 30, 40, 60, 20
		c.Snapshot = learner.SnapshotConfig{Every: uint64(every), Quarantine: uint64(quarantine), Keep: keep}
		if i%2 == 0 { // stored as large models are, in a base and changes
			c.WholeBytes, c.Fanout = 1, 2
		}
	})
	c.Decoder = fraudDecoder(tb, schema)
	w := &World{Config: c, Command: map[int64]state.Command{}}
	for k, value := range events {
		t := int64(k) * 1000
		if i%2 == 1 && k%7 == 3 {
			t = []int64{0, 1 << 45, -1 << 45, 1_700_000_000_000}[(int(i)/2+k)%4]
		}
		w.Records = append(w.Records, learner.Record{Offset: int64(k), Time: t, Value: value})
	}
	if i%3 == 0 {
		w.Command[int64(n/3+1)] = state.Command{ID: "a", Kind: learner.CommandFreeze, Who: "op", Why: "test"}
		w.Command[int64(n/2+1)] = state.Command{ID: "b", Kind: learner.CommandUnfreeze, Who: "op", Why: "test", Args: state.Args{Challenger: i%2 == 1}}
	}
	if i%3 == 1 { // what an operator holds outlives a freeze
		about := state.Args{Version: 2, Forced: true, Restore: i%2 == 0}
		w.Command[int64(n/2+1)] = state.Command{ID: "c", Kind: learner.CommandRollback, Who: "op", Why: "test", Args: about}
		w.Command[int64(n/2+3)] = state.Command{ID: "d", Kind: learner.CommandFreeze, Who: "op", Why: "test"}
		w.Command[int64(2*n/3+1)] = state.Command{ID: "e", Kind: learner.CommandUnfreeze, Who: "op", Why: "test"}
		w.Command[int64(n-4)] = state.Command{ID: "f", Kind: learner.CommandPromote, Who: "op", Why: "test"}
	}
	if i%5 == 2 {
		w.ChangeAt, w.Changed = int64(n/4), w.Config
		w.Config.Settings += "snapshot.every=4\n"
		w.Changed.Settings += "snapshot.every=3\n"
		w.Changed.Snapshot.Every = 3
	}
	return w
}

// pool makes worlds as seeds pick them. It belongs to one goroutine.
type pool struct {
	tb      testing.TB
	streams *[worlds]func() [][]byte
	worlds  [worlds]*World
}

func (p *pool) world(seed uint64) *World {
	w := &p.worlds[seed%worlds]
	if *w == nil {
		*w = newWorld(p.tb, seed%worlds, p.streams[seed%worlds]())
	}
	return *w
}

// Whatever goes wrong, every record is learned once, and only what an
// undisturbed run proves is served.
func TestFaults(t *testing.T) {
	var bar *progressbar.ProgressBar
	if *progress {
		bar = progressbar.Default(int64(*seeds), "seeds")
	}
	shared := worldStreams()
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
	shared := worldStreams()
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
