package python

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

const partitions = 2

// payments is the schema of a stream that uses most of what makes features.
var payments = event.Layout{Format: "json", Schema: event.Schema{
	Label: "fraud", Time: "ts", Key: "card", Cyclic: []string{"ts"}, Text: []string{"note"}, Ngrams: 2, Log1p: []string{"amount"},
	Missing: []string{"country"}, Categorical: []string{"zip"}, Cross: [][]string{{"country", "amount"}, {"country", "zip"}},
}}

// payment is record i of the stream.
func payment(i int) string {
	country := ""
	if i%11 != 0 {
		country = fmt.Sprintf(`"country":"n%d",`, i*i%23)
	}
	return fmt.Sprintf(`{"ts":%d,"card":"card-%d",%s"zip":%d,"amount":%v,"note":"wire no %d to käte %d","items":[%d,"k%d"],"fraud":%d}`,
		1_700_000_000+i*977, i%997, country, 10_000+i*7919%30_011, float64(i*i%100_003)/8, i%300, i%7, i%5, i%13, (i*i%100_003)/70_000)
}

// publisher is the learner's side of one partition.
type publisher struct {
	store *redis.Store
	key   state.Key
	claim state.Claim
	model *sgd.Model
	parts []state.Part
	seq   uint64
}

func newPublisher(t *testing.T, s *redis.Store, k state.Key) *publisher {
	t.Helper()
	claim, _, err := s.Claim(t.Context(), k, state.Owner{Group: "g", Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := sgd.Default()
	m, err := sgd.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &publisher{store: s, key: k, claim: claim, model: m}
}

// learn learns the records in [from, to) that belong to the partition.
func (p *publisher) learn(t *testing.T, from, to int) {
	t.Helper()
	decoder, err := event.NewJSON(payments.Schema, true)
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	for i := from; i < to; i++ {
		if err := decoder.Decode([]byte(payment(i)), &e); err != nil {
			t.Fatal(err)
		}
		if serve.PartitionOf(e.Key, partitions) != p.key.Partition {
			continue
		}
		if s := p.model.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
}

// publish saves the whole model, or what has changed since the last call on top of it.
func (p *publisher) publish(t *testing.T, whole bool) {
	t.Helper()
	data := p.model.Capture(whole)(nil)
	p.model.Mark()
	part := state.Part{Sum: state.SumOf(data), Size: uint64(len(data)), Span: 1}
	blobs, refs := []state.Blob{{Sum: part.Sum, Data: data}}, []state.Sum{part.Sum}
	params := part.Sum
	if whole {
		part.Span, p.parts = 0, nil
	}
	p.parts = append(p.parts, part)
	if !whole {
		m := state.Manifest{Parts: p.parts}
		b := m.Append(nil)
		params = state.SumOf(b)
		blobs = append(blobs, state.Blob{Sum: params, Data: b})
		refs = append(m.Sums(), params)
	}
	schema, err := json.Marshal(payments)
	if err != nil {
		t.Fatal(err)
	}
	p.seq++
	s := &state.Snapshot{
		Seq: p.seq, Next: state.Position{Offset: int64(p.seq)}, Head: []byte("head"), Refs: refs, Blobs: blobs,
		Current: &state.Pointer{
			Version: state.Version{Number: p.seq, Sum: params, Created: time.Now().UnixMilli()}, Mode: "learning", Schema: schema,
		},
	}
	if err := p.store.Save(t.Context(), p.key, p.claim, p.seq-1, s, 20); err != nil {
		t.Fatal(err)
	}
}

// The client in Python scores from a real Redis what the client in Go does, bit for
// bit: whole models, which are so large that they are stored in chunks, and the
// changes to them, which it gets while it runs.
func TestRedis(t *testing.T) {
	addr, name := testbed.Redis(t), testbed.Name(t)
	store, err := redis.New(redis.Options{Addrs: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var publishers []*publisher
	for p := range int32(partitions) {
		publishers = append(publishers, newPublisher(t, store, state.Key{Model: name, Partition: p}))
	}
	var scorer *scorer
	const learned = 10_000
	for round, n := range []int{1000, 100, 100} {
		for _, p := range publishers {
			p.learn(t, round*learned, (round+1)*learned)
			p.publish(t, round == 0)
			if size := p.parts[0].Size; size < 1<<19 {
				t.Fatalf("the model has %d bytes, too few to be cut into chunks", size)
			}
		}
		if scorer == nil {
			scorer = startScorer(t, addr, name)
		}
		client, err := serve.Open(t.Context(), serve.Options{Store: store, Model: name, Partitions: partitions})
		if err != nil {
			t.Fatal(err)
		}
		scorer.await(publishers, uint64(round+1))
		distinct := map[float64]bool{}
		for i := range n {
			distinct[scorer.compare(client, payment(i*31))] = true
		}
		if len(distinct) < n/2 {
			t.Errorf("%d distinct scores of %d records", len(distinct), n)
		}
	}
}

// scorer is the client in Python: it answers each record with a line.
type scorer struct {
	t       *testing.T
	in      io.Writer
	answers *bufio.Scanner
	stderr  bytes.Buffer
}

// answer is a line of it.
type answer struct {
	Prediction float64
	Decision   int
	Version    struct {
		Number    uint64
		Partition int32
	}
}

func startScorer(t *testing.T, addr, name string) *scorer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // beyond the test, whose cleanup ends it
	s := &scorer{t: t}
	cmd := exec.CommandContext(ctx, python(t), "-m", "streamlearner", "score", "--redis", "redis://"+addr, "--partitions", fmt.Sprint(partitions), name)
	cmd.Stderr = &s.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, &s.stderr)
		}
	})
	s.in, s.answers = in, bufio.NewScanner(out)
	return s
}

func (s *scorer) score(record string) (a answer) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, record); err != nil {
		s.t.Fatal(err)
	}
	if !s.answers.Scan() {
		s.t.Fatalf("no answer: %v", s.answers.Err())
	}
	if err := json.Unmarshal(s.answers.Bytes(), &a); err != nil {
		s.t.Fatalf("%s: %v", s.answers.Bytes(), err)
	}
	return a
}

// await returns when all partitions are scored by a version.
func (s *scorer) await(publishers []*publisher, version uint64) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for served := 0; served < len(publishers); {
		served = 0
		for i, seen := 0, map[int32]bool{}; len(seen) < len(publishers); i++ {
			if a := s.score(payment(i)); !seen[a.Version.Partition] {
				seen[a.Version.Partition] = true
				if a.Version.Number == version {
					served++
				}
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("version %d did not arrive", version)
		}
	}
}

// compare scores a record in both languages.
func (s *scorer) compare(client *serve.Client, record string) float64 {
	s.t.Helper()
	got := s.score(record)
	want, err := client.ScoreJSON([]byte(record))
	if err != nil {
		s.t.Fatal(err)
	}
	if math.Float64bits(got.Prediction) != math.Float64bits(want.Prediction) || got.Decision != want.Class || got.Version.Partition != want.Partition || got.Version.Number != want.Version {
		s.t.Fatalf("%s: Python %+v, Go %+v", record, got, want)
	}
	return want.Prediction
}
