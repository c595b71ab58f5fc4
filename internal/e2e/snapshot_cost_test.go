package e2e

import (
	"context"
	le "encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

var (
	costBits  = flag.String("snapshot.bits", "14", "the models of TestSnapshotCost have 2 to the power of these many weights")
	costShare = flag.String("snapshot.shares", "0.01,0.1", "shares of the weights that are learned between two checkpoints")
	costZstd  = flag.Bool("snapshot.zstd", false, "compress large blobs")
)

const (
	costEvery  = 500 // records between two checkpoints
	costRounds = 12  // checkpoints that are measured
	costWide   = 256 // weights of an event while the model is filled
)

// cost is one line of the table.
type cost struct {
	bits         int
	share        float64
	whole        int             // bytes of the encoded model
	written      []int           // bytes of head and new blobs of each save
	pauses       []time.Duration // of the learner at each checkpoint
	saves        []time.Duration // to seal and write each
	worst        time.Duration   // command of Redis, by its own clock
	ping         time.Duration   // slowest answer that another client got meanwhile
	load         time.Duration   // to claim and restore
	sameAfterAll bool
}

// indices is a decoder of records that are the numbers of weights.
type indices struct{}

func (indices) Decode(v []byte, e *event.Event) error {
	e.Reset()
	e.Labelled, e.Label, e.Weight = true, float64(v[0]&1), 1
	for ; len(v) >= 4; v = v[4:] {
		e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: uint64(le.LittleEndian.Uint32(v)), Value: 1})
	}
	return nil
}

func costConfig(bits int) learner.Config {
	c := sgd.Default()
	c.Optimizer, c.Bits = "nag", bits
	guard := learner.DefaultGuard()
	guard.Enabled = false
	return learner.Config{
		Model: func() (learner.Model, error) { return sgd.New(c) }, Decoder: indices{},
		Guard: guard, Snapshot: learner.SnapshotConfig{Every: costEvery, Quarantine: costEvery, Keep: 20},
	}
}

// TestSnapshotCost measures what a checkpoint costs by the size of the model
// and the share of it that was learned since the last one: with a real Redis,
// and a client that asks it all the time how it is. `make bench-snapshot`
// prints the table for large models.
func TestSnapshotCost(t *testing.T) {
	server := testbed.RedisServer(t)
	var table []cost
	for _, bits := range strings.Split(*costBits, ",") {
		for _, share := range strings.Split(*costShare, ",") {
			b, err1 := strconv.Atoi(bits)
			s, err2 := strconv.ParseFloat(share, 64)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			table = append(table, measureCost(t, server.Addr, b, s))
		}
	}
	var out strings.Builder
	out.WriteString("| weights | model | touched | written per save | pause min | p50 | max | seal and save p50 | max | Redis: slowest command | slowest ping | load |\n")
	out.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for i := range table {
		c := &table[i]
		fmt.Fprintf(&out, "| 2^%d | %s | %.1f%% | %s | %v | %v | %v | %v | %v | %v | %v | %v |\n", c.bits, size(c.whole), 100*c.share, size(mean(c.written)),
			round(slices.Min(c.pauses)), round(middle(c.pauses)), round(slices.Max(c.pauses)), round(middle(c.saves)), round(slices.Max(c.saves)), round(c.worst), round(c.ping), round(c.load))
		if !c.sameAfterAll {
			t.Errorf("2^%d weights, %v touched: the loaded learner is not the saved one", c.bits, c.share)
		}
		if most := c.whole; c.bits > 16 && c.share <= 0.02 && slices.Min(c.written) > most/10 {
			t.Errorf("2^%d weights, %v touched: no save wrote less than %d bytes of a model of %d", c.bits, c.share, slices.Min(c.written), most)
		}
		if c.bits > 16 && c.worst > 5*time.Millisecond {
			t.Errorf("2^%d weights, %v touched: a command held Redis for %v", c.bits, c.share, c.worst)
		}
	}
	var idle time.Duration
	value := make([]byte, 1<<16)
	stop := ping(t.Context(), server.Addr, &idle)
	for began := time.Now(); time.Since(began) < 500*time.Millisecond; {
		_ = state.SumOf(value) // as busy as the rows above, but nothing is saved
	}
	stop()
	t.Logf("\n%s\nslowest ping in 0.5 s while nothing is saved: %v\n", out.String(), round(idle))
}

func measureCost(t *testing.T, addr string, bits int, share float64) cost {
	ctx, c := t.Context(), cost{bits: bits, share: share}
	compression := redis.CompressionNone
	if *costZstd {
		compression = redis.CompressionZstd
	}
	store, err := redis.New(redis.Options{Addrs: []string{addr}, Compression: compression})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	raw := goredis.NewClient(&goredis.Options{Addr: addr})
	defer raw.Close()
	for _, do := range [][]any{{"FLUSHALL"}, {"CONFIG", "SET", "slowlog-log-slower-than", "0"}, {"CONFIG", "SET", "slowlog-max-len", "100000"}, {"SLOWLOG", "RESET"}} {
		if err := raw.Do(ctx, do...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	l, err := learner.New(costConfig(bits), state.Position{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, uint64(bits)))
	value := make([]byte, 0, 4*costWide)
	feed := func() {
		l.Feed(learner.Record{Offset: l.Next().Offset, Value: value})
	}
	for next := 0; next < 1<<bits || !l.AtCheckpoint(); {
		value = value[:0]
		for range costWide {
			value = le.LittleEndian.AppendUint32(value, uint32(next)&(1<<bits-1))
			next++
		}
		feed()
	}
	feed()
	s := &costSaver{t: t, store: store, key: state.Key{Model: testbed.Name(t)}, known: map[state.Sum]bool{}}
	if s.claim, _, err = store.Claim(ctx, s.key, state.Owner{Group: "g", Generation: 1}); err != nil {
		t.Fatal(err)
	}
	stop := ping(ctx, addr, &c.ping)
	first := l.Capture()
	c.whole = liveSize(t, first())
	s.save(first)
	per := max(1, int(share*float64(int(1)<<bits))/costEvery)
	for range costRounds {
		for {
			value = value[:0]
			for range per {
				value = le.LittleEndian.AppendUint32(value, r.Uint32N(1<<bits))
			}
			if l.AtCheckpoint() {
				break
			}
			feed()
		}
		began := time.Now()
		feed()
		seal := l.Capture()
		c.pauses = append(c.pauses, time.Since(began))
		began = time.Now()
		c.written = append(c.written, s.save(seal))
		c.saves = append(c.saves, time.Since(began))
	}
	began := time.Now()
	claim, snap, err := store.Claim(ctx, s.key, state.Owner{Group: "g", Generation: 2})
	if err != nil {
		t.Fatal(err)
	}
	restored, err := learner.Restore(costConfig(bits), snap)
	if err != nil {
		t.Fatal(err)
	}
	c.load = time.Since(began)
	c.sameAfterAll = restored.Params() == l.Params()
	// A save that lets go of everything.
	s.claim = claim
	s.drop()
	stop()
	c.worst = slowest(t, raw)
	return c
}

// liveSize is how many bytes the parameters of the model that learns take.
func liveSize(t *testing.T, snap *state.Snapshot) (n int) {
	d, err := learner.Describe(snap.Head)
	if err != nil {
		t.Fatal(err)
	}
	size := map[state.Sum]int{}
	for _, b := range snap.Blobs {
		size[b.Sum] = len(b.Data)
		if b.Sum == d.Live && state.IsManifest(b.Data) {
			m, err := state.ParseManifest(b.Data)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range m.Parts {
				n += int(p.Size)
			}
		}
	}
	return n + size[d.Live]
}

// costSaver writes what the store lacks, as the daemon does.
type costSaver struct {
	t     *testing.T
	store *redis.Store
	key   state.Key
	claim state.Claim
	seq   uint64
	known map[state.Sum]bool
}

func (s *costSaver) save(seal func() *state.Snapshot) (written int) {
	s.t.Helper()
	snap := seal()
	s.seq++
	snap.Seq = s.seq
	snap.Blobs = slices.DeleteFunc(snap.Blobs, func(b state.Blob) bool { return s.known[b.Sum] })
	written = len(snap.Head)
	for _, b := range snap.Blobs {
		written += len(b.Data)
	}
	if err := s.store.Save(s.t.Context(), s.key, s.claim, s.seq-1, snap, 20); err != nil {
		s.t.Fatal(err)
	}
	clear(s.known)
	for _, ref := range snap.Refs {
		s.known[ref] = true
	}
	return written
}

// drop replaces the state and all versions by next to nothing.
func (s *costSaver) drop() {
	s.t.Helper()
	b := state.Blob{Sum: state.SumOf([]byte("small")), Data: []byte("small")}
	s.seq++
	snap := &state.Snapshot{
		Seq: s.seq, Next: state.Position{Offset: 1 << 40}, Head: []byte("head"), Refs: []state.Sum{b.Sum}, Blobs: []state.Blob{b},
		Current: &state.Pointer{Version: state.Version{Number: 1 << 20, Sum: b.Sum}, Mode: "learning"},
	}
	if err := s.store.Save(s.t.Context(), s.key, s.claim, s.seq-1, snap, 1); err != nil {
		s.t.Fatal(err)
	}
}

// ping asks Redis again and again, until stop is called, and keeps the longest wait.
func ping(ctx context.Context, addr string, worst *time.Duration) (stop func()) {
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	var ended atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(200 * time.Microsecond); !ended.Load(); <-tick.C {
			began := time.Now()
			if client.Ping(ctx).Err() == nil {
				*worst = max(*worst, time.Since(began))
			}
		}
	}()
	return func() { ended.Store(true); <-done; client.Close() }
}

// slowest is the longest that a command occupied the server.
func slowest(t *testing.T, raw *goredis.Client) (worst time.Duration) {
	entries, err := raw.SlowLogGet(t.Context(), -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := strings.ToUpper(e.Args[0]); name != "FLUSHALL" && name != "SLOWLOG" && name != "CONFIG" {
			worst = max(worst, e.Duration)
		}
	}
	return worst
}

func mean(v []int) int {
	sum := 0
	for _, x := range v {
		sum += x
	}
	return sum / len(v)
}

func middle(v []time.Duration) time.Duration {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func size(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	default:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
}
