package learner_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/join"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// joinConfig learns clicks that come late. Its records are made by joinRecords.
func joinConfig(t testing.TB, edit func(*learner.Config)) learner.Config {
	t.Helper()
	c := config(t)
	records, err := event.NewLoop(event.LoopSchema{
		Schema: event.Schema{Label: "reward", ID: "id", Time: "ts"},
		Kind:   "kind", Decision: "decision", Reward: "reward", Activation: "shown", Shown: "shown",
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Join = &learner.JoinConfig{
		Config:  join.Config{Window: 100, Lateness: 20, Keep: 50, Reducer: join.Max, MaxOpen: 1000},
		Records: records, MaxAhead: 1000,
	}
	if edit != nil {
		edit(&c)
	}
	return c
}

func decision(id string, ts int64, x float64, more string) []byte {
	return fmt.Appendf(nil, `{"kind":"decision","id":%q,"ts":%d,"x":%g%s}`, id, ts, x, more)
}

func rewardOf(id string, ts int64, r float64) []byte {
	return fmt.Appendf(nil, `{"kind":"reward","id":%q,"ts":%d,"reward":%g}`, id, ts, r)
}

// joinRecords are decisions with rewards that come late, out of order, twice or not at all, and bad records.
func joinRecords(n int) []learner.Record {
	type timed struct {
		at    int64 // of its arrival
		value []byte
	}
	var all []timed
	r := rand.New(rand.NewPCG(11, 12))
	const t0 = 1_700_000_000_000
	for i := range n {
		id, at, x := fmt.Sprintf("d-%d", i), t0+int64(3*i), r.NormFloat64()
		late := func() int64 { return r.Int64N(15) }
		all = append(all, timed{at + late(), decision(id, at, x, "")})
		if r.Float64() < 0.7 {
			y := 0.0
			if r.Float64() < 1/(1+math.Exp(-2*x)) {
				y = 1
			}
			ts := at + r.Int64N(130)
			v := rewardOf(id, ts, y)
			all = append(all, timed{ts + late(), v})
			if r.IntN(5) == 0 {
				all = append(all, timed{ts + late(), v})
			}
		}
		if r.IntN(20) == 0 {
			all = append(all, timed{at, fmt.Appendf(nil, `{"kind":"view","id":%q,"ts":%d}`, id, at)})
		}
	}
	slices.SortStableFunc(all, func(a, b timed) int { return int(a.at - b.at) })
	var out []learner.Record
	for i, a := range all {
		out = append(out, learner.Record{Offset: int64(i), LeaderEpoch: 1, Time: a.at, Value: a.value})
	}
	return out
}

func TestJoinedDecisionsAreLearnedAsIfTheirRewardsHadBeenThere(t *testing.T) {
	l := newLearner(t, joinConfig(t, nil))
	plain := newLearner(t, plainConfig(t))
	const t0 = 1_700_000_000_000
	events := 0
	feed := func(v []byte) *learner.Outcome {
		o := l.Feed(learner.Record{Offset: l.Next().Offset, Time: t0, Value: v})
		o.Each(func(s *event.Step, w, served float64) {
			if w != 1 || served != s.Loss {
				t.Errorf("weight %v, served %v of loss %v", w, served, s.Loss)
			}
			events++
		})
		return o
	}
	learn := func(ts int64, x, y float64) {
		plain.Feed(learner.Record{Offset: plain.Next().Offset, Value: fmt.Appendf(nil, `{"ts":%d,"x":%g,"y":%g}`, ts, x, y)})
	}
	for i := range 30 {
		ts := t0 + int64(i)
		feed(decision(fmt.Sprint(i), ts, float64(i%7), ""))
		if i%3 == 0 {
			feed(rewardOf(fmt.Sprint(i), ts, 1))
		}
		learn(ts, float64(i%7), float64((i%3+1)/(2*(i%3)+1))) // 1 for every third, else 0
	}
	if events != 0 || l.Stats().Learned != 0 || l.Stats().Join.Open != 30 {
		t.Fatalf("%d events before any window has passed; stats %+v", events, l.Stats().Join)
	}
	o := feed(decision("x", t0+1000, 0, `,"shown":false`))
	if events != 30 || o.Events != 30 || len(o.Earlier) != 29 || o.Step.Ref != [2]*event.Reading{} {
		t.Fatalf("%d events when all windows have passed, outcome %d with %d earlier", events, o.Events, len(o.Earlier))
	}
	if l.Params() != plain.Params() {
		t.Error("other parameters than of the joined events")
	}
	want := join.Counts{Rewarded: 10, Unrewarded: 20}
	if s := l.Stats().Join; s.Counts != want || s.Watermark != t0+1000-20 {
		t.Errorf("stats %+v", s)
	}
	feed(decision("y", t0+1000, 1, ""))
	if o := l.Finish(); o.Events != 1 || l.Stats().Join.NeverShown != 1 || l.Stats().Learned != 31 {
		t.Errorf("at the end %d events, stats %+v", o.Events, l.Stats().Join)
	}
}

func plainConfig(t testing.TB) learner.Config {
	t.Helper()
	c := config(t)
	var err error
	if c.Decoder, err = event.NewJSON(event.Schema{Label: "y", Time: "ts"}, true); err != nil {
		t.Fatal(err)
	}
	return c
}

// A restart at any record changes neither the state nor what comes after it.
func TestARestartKeepsOpenDecisions(t *testing.T) {
	records := joinRecords(400)
	for _, edit := range []func(*learner.Config){nil, func(c *learner.Config) { c.Join.Immediate = true }, func(c *learner.Config) { c.Join.SkipUnrewarded = true; c.Join.Keep = 0; c.Join.MaxOpen = 20 }} {
		one, same := newLearner(t, joinConfig(t, edit)), newLearner(t, joinConfig(t, edit))
		for i, r := range records {
			one.Feed(r)
			same.Feed(r)
			if i%37 != 0 {
				continue
			}
			s := same.Snapshot()
			again, err := learner.Restore(joinConfig(t, edit), s)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := again.Snapshot(), one.Snapshot(); !bytes.Equal(got.Head, want.Head) {
				t.Fatalf("record %d: another state after a restart", i)
			}
			same = again
		}
		s := one.Stats()
		if one.Params() != same.Params() || s.Learned < 100 || s.Rejected[event.KindUnknown] == 0 || s.Join.Duplicates == 0 {
			t.Errorf("parameters differ, or too little was tried: learned %d, rejected %v, join %+v", s.Learned, s.Rejected, s.Join)
		}
	}
}

func TestAStateWithOpenDecisionsNeedsAJoin(t *testing.T) {
	l := newLearner(t, joinConfig(t, nil))
	l.Feed(joinRecords(5)[0])
	if _, err := learner.Restore(config(t), l.Snapshot()); err == nil || !strings.Contains(err.Error(), "source.join is not configured") {
		t.Errorf("restored without a join: %v", err)
	}
}

func TestBadTimesDoNotCloseWindows(t *testing.T) {
	l := newLearner(t, joinConfig(t, nil))
	const t0 = 1_700_000_000_000
	feed := func(own int64, v []byte) *learner.Outcome {
		return l.Feed(learner.Record{Offset: l.Next().Offset, Time: own, Value: v})
	}
	feed(t0, decision("a", t0, 1, ""))
	for _, r := range [][2]int64{{t0, t0 + 1001}, {0, 0}, {math.MaxInt64, 0}} {
		if o := feed(r[0], decision("b", r[1], 1, "")); o.Reject == nil || o.Reject.Reason != event.TimeInvalid {
			t.Errorf("time %d in a record of %d: %+v", r[1], r[0], o.Reject)
		}
	}
	if s := l.Stats().Join; s.Open != 1 || s.Watermark != t0-20 {
		t.Errorf("stats %+v", s)
	}
	if o := feed(t0, decision("c", t0+1000, 1, "")); o.Events != 1 {
		t.Errorf("%d events, want that of a", o.Events)
	}
}

func TestRewardsThatTheModelRefusesAreRefusedAtOnce(t *testing.T) {
	l := newLearner(t, joinConfig(t, nil))
	const t0 = 1_700_000_000_000
	l.Feed(learner.Record{Value: decision("a", t0, 1, "")})
	o := l.Feed(learner.Record{Offset: 1, Value: rewardOf("a", t0, 0.5)})
	if o.Reject == nil || o.Reject.Reason != event.LabelInvalid {
		t.Errorf("a label of 0.5: %+v", o.Reject)
	}
	// A sum is known at the end of its window alone: then the decision is refused.
	l = newLearner(t, joinConfig(t, func(c *learner.Config) { c.Join.Reducer = join.Sum }))
	l.Feed(learner.Record{Offset: 7, Value: decision("a", t0, 1, "")})
	for i := range int64(2) {
		l.Feed(learner.Record{Offset: 8 + i, Value: rewardOf("a", t0+i, 1)})
	}
	o = l.Feed(learner.Record{Offset: 10, Value: decision("b", t0+500, 1, "")})
	if o.Reject != nil || o.Events != 0 || len(o.Refused) != 1 || o.Refused[0].Offset != 7 ||
		o.Refused[0].Reject.Reason != event.LabelInvalid || !bytes.Equal(o.Refused[0].Value, decision("a", t0, 1, "")) {
		t.Errorf("outcome %+v", o)
	}
	if n := l.Stats().Rejected[event.LabelInvalid]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// A decision that is refused between others of the same record leaves what is told of them alone.
func TestARefusedDecisionHidesNoEventOfTheRecord(t *testing.T) {
	l := newLearner(t, joinConfig(t, func(c *learner.Config) { c.Join.Reducer = join.Sum }))
	const t0 = 1_700_000_000_000
	next := func(v []byte) *learner.Outcome { return l.Feed(learner.Record{Offset: l.Next().Offset, Value: v}) }
	for i, id := range []string{"a", "refused", "b"} {
		next(decision(id, t0+int64(i), float64(i+1), ""))
	}
	for i := range int64(2) {
		next(rewardOf("refused", t0+2+i, 1))
	}
	o := next(decision("last", t0+500, 1, ""))
	var labels []float64
	o.Each(func(s *event.Step, _, _ float64) { labels = append(labels, s.Label) })
	if o.Events != 2 || len(o.Refused) != 1 || !slices.Equal(labels, []float64{0, 0}) {
		t.Errorf("%d events, %d refused, labels told %v", o.Events, len(o.Refused), labels)
	}
	for _, id := range []string{"c", "refused too"} { // the refused one is the last
		next(decision(id, t0+600, 1, ""))
	}
	next(rewardOf("c", t0+601, 1))
	for i := range int64(2) {
		next(rewardOf("refused too", t0+602+i, 1))
	}
	o = next(decision("end", t0+1100, 1, ""))
	labels = labels[:0]
	o.Each(func(s *event.Step, _, _ float64) { labels = append(labels, s.Label) })
	if o.Events != 2 || len(o.Refused) != 1 || len(labels) != 2 || o.Step.Reject != nil {
		t.Errorf("%d events, %d refused, labels told %v, step %+v", o.Events, len(o.Refused), labels, o.Step)
	}
}

// Decisions learned at once, with labels that come later, make a model that
// predicts what one predicts that waited for the labels, where one that takes every missing label
// for a negative one does not.
func TestFakeNegativeWeightsKeepProbabilities(t *testing.T) {
	const n, base, shift = 40_000, 1_700_000_000_000, -1
	r := rand.New(rand.NewPCG(21, 22))
	train := func(weighted bool) float64 {
		c := joinConfig(t, func(c *learner.Config) {
			c.Join.Immediate, c.Join.Window, c.Join.MaxOpen, c.Guard.Enabled, c.Snapshot.Every = true, 1000, 5000, false, 1000
			c.Model = func() (learner.Model, error) {
				s := sgd.Default()
				s.Rate, s.Bits = 0.05, 10
				m, err := sgd.New(s)
				if !weighted {
					return unweighted{m}, err
				}
				return m, err
			}
		})
		l := newLearner(t, c)
		type late struct {
			at int64
			id string
		}
		var coming []late
		for i := range n {
			at, x := base+int64(i), r.NormFloat64()
			for len(coming) > 0 && coming[0].at <= at {
				l.Feed(learner.Record{Offset: l.Next().Offset, Value: rewardOf(coming[0].id, coming[0].at, 1)})
				coming = coming[1:]
			}
			id := fmt.Sprint(i)
			l.Feed(learner.Record{Offset: l.Next().Offset, Value: decision(id, at, x, "")})
			if r.Float64() < 1/(1+math.Exp(-(x+shift))) {
				coming = append(coming, late{at + 300, id})
			}
		}
		wrong, points := 0.0, 0.0
		for x := -2.0; x <= 2; x += 0.5 {
			e := event.Event{X: event.Vector{Dense: []event.Feature{{Hash: xxhash.Sum64String("x"), Value: x}}}}
			wrong += math.Abs(l.Model().Predict(&e).Prediction - 1/(1+math.Exp(-(x+shift))))
			points++
		}
		return wrong / points
	}
	weighted, plain := train(true), train(false)
	t.Logf("mean error of the probability: %.4f with fake-negative weights, %.4f without", weighted, plain)
	if weighted > 0.04 || plain < 0.05 {
		t.Errorf("mean error of the probability %.4f with fake-negative weights, want at most 0.04; %.4f without, want at least 0.05", weighted, plain)
	}
}

// unweighted gives every event the weight 1.
type unweighted struct{ *sgd.Model }

func (m unweighted) Learn(e *event.Event) event.Step {
	e.Weight = 1
	return m.Model.Learn(e)
}

func TestFeedingAJoinAllocatesNothing(t *testing.T) {
	l := newLearner(t, joinConfig(t, func(c *learner.Config) {
		c.Guard.Enabled = false
		c.Snapshot.Every = 1 << 40
		c.Snapshot.Quarantine = 1
	}))
	value := make([]byte, 0, 200)
	const t0 = 1_700_000_000_000
	i := int64(0)
	record := func(kind, rest string) []byte {
		value = append(append(value[:0], `{"kind":"`...), kind...)
		value = strconv.AppendInt(append(value, `","id":`...), i, 10)
		value = strconv.AppendInt(append(value, `,"ts":`...), t0+i, 10)
		return append(value, rest...)
	}
	feed := func() {
		i++
		l.Feed(learner.Record{Offset: 2 * i, Value: record("decision", `,"x":2}`)})
		l.Feed(learner.Record{Offset: 2*i + 1, Value: record("reward", `,"reward":1}`)})
	}
	for range 1000 {
		feed()
	}
	if n := testing.AllocsPerRun(500, feed); n > 0 {
		t.Errorf("%v allocations a decision", n)
	}
	if n := l.Stats().Join.Rewarded; n < 1000 {
		t.Errorf("%d decisions with rewards", n)
	}
}

// The guard sees decisions with their rewards: when these turn into their opposite, it freezes the learner.
func TestTheGuardSeesJoinedEvents(t *testing.T) {
	l := newLearner(t, joinConfig(t, nil))
	const t0 = 1_700_000_000_000
	r := rand.New(rand.NewPCG(31, 32))
	frozen := -1
	for i := range 4000 {
		at, x := t0+int64(i)*10, 2*r.NormFloat64()
		y := r.Float64() < 1/(1+math.Exp(-2*x))
		if i >= 3000 {
			y = !y
		}
		l.Feed(learner.Record{Offset: l.Next().Offset, Time: at, Value: decision(fmt.Sprint(i), at, x, "")})
		if y {
			o := l.Feed(learner.Record{Offset: l.Next().Offset, Time: at, Value: rewardOf(fmt.Sprint(i), at+50, 1)})
			if o.Change != nil && o.Change.To == learner.Frozen && frozen < 0 {
				frozen = i
			}
		}
		if l.Mode() == learner.Frozen && frozen < 0 {
			frozen = i
		}
	}
	if frozen < 3000 || frozen > 3600 {
		t.Errorf("frozen at decision %d, want soon after 3000", frozen)
	}
	s := l.Snapshot()
	again, err := learner.Restore(joinConfig(t, nil), s)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Snapshot().Head, s.Head) {
		t.Error("another state after a restart")
	}
}

// BenchmarkCaptureJoin copies and seals a state of 100,000 open decisions.
func BenchmarkCaptureJoin(b *testing.B) {
	l := newLearner(b, joinConfig(b, func(c *learner.Config) { c.Join.Window, c.Join.MaxOpen, c.Snapshot.Every = 1<<30, 1<<20, 1<<40 }))
	const t0 = 1_700_000_000_000
	more := `,"context":"` + strings.Repeat("x", 250) + `"`
	for i := range 100_000 {
		l.Feed(learner.Record{Offset: int64(i), Value: decision(fmt.Sprint(i), t0+int64(i), 1, more)})
	}
	next := int64(100_000)
	bytes, pause := 0, time.Duration(0)
	for b.Loop() {
		l.Feed(learner.Record{Offset: next, Value: rewardOf("5", t0+next, 1)})
		next++
		began := time.Now()
		seal := l.Capture()
		pause += time.Since(began)
		s := seal()
		bytes = 0
		for i := range s.Blobs {
			bytes += len(s.Blobs[i].Data)
		}
	}
	b.ReportMetric(float64(bytes), "bytes")
	b.ReportMetric(pause.Seconds()*1000/float64(b.N), "ms-pause")
}
