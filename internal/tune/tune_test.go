package tune_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/tune"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model returns a small model with settings.
func model(t testing.TB, set ...string) configs.Model {
	t.Helper()
	base := []string{"source.label=y", "source.weight=w", "source.time=ts", "learner.bits=8", "learner.loss=logistic",
		"guard.reference_after=300", "guard.window=800", "guard.block=20", "snapshot.every=100", "snapshot.quarantine=200"}
	m, err := configs.LoadModel(append(base, set...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func candidate(t testing.TB, m configs.Model) tune.Candidate {
	t.Helper()
	cfg, err := m.LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	return tune.Candidate{Learner: cfg, Task: catalog.Task(m.Learner), Points: m.Metrics}
}

// stream makes n records of which some are refused, always the same for a
// seed. From the middle on the labels are turned around, which freezes learners.
func stream(seed uint64, n int) [][]byte {
	r := rand.New(rand.NewPCG(seed, 3))
	var out [][]byte
	for i := range n {
		x := r.NormFloat64()
		y := 0
		if (x+0.5*r.NormFloat64() > 0) != (i >= n/2) {
			y = 1
		}
		record := fmt.Sprintf(`{"x":%.4f,"z":%.4f,"c":"v%d","ts":%d,"w":%d,"y":%d}`, x, 3+r.Float64(), r.IntN(5), 1700000000000+i, r.IntN(3), y)
		switch r.IntN(40) {
		case 0:
			record = record[:len(record)/2]
		case 1:
			record = `{"x":1,"y":7}`
		}
		out = append(out, []byte(record))
	}
	return out
}

// feed returns records one by one in memory that is used again, as files do.
func feed(records [][]byte) func() ([]byte, error) {
	var memory []byte
	return func() ([]byte, error) {
		if len(records) == 0 {
			return nil, io.EOF
		}
		clear(memory)
		memory = append(memory[:0], records[0]...)
		records = records[1:]
		return memory, nil
	}
}

// alone replays one configuration as the daemon learns: by its own decoder.
func alone(t testing.TB, m configs.Model, records [][]byte) (state.Sum, learner.Stats) {
	t.Helper()
	cfg, err := m.LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	l, err := learner.New(cfg, state.Position{LeaderEpoch: -1})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		l.Feed(learner.Record{Offset: int64(i), LeaderEpoch: -1, Value: r})
	}
	return l.Params(), l.Stats()
}

// settings are drawn by TestEqualsSingleReplays; the last ones need events decoded otherwise.
var settings = [][]string{
	{"learner.optimizer=nag"}, {"learner.optimizer=adagrad"}, {"learner.optimizer=sgd"}, {"learner.optimizer=auto"},
	{"learner.optimizer=nag", "learner.rate=0.1"}, {"learner.optimizer=nag", "learner.rate=3"}, {"guard.enabled=false"},
	{"learner.extreme=1"}, {"learner.loss=squared"}, {"features.exclude=z"}, {"features.numeric=c"}, {"features.include=x"},
}

// TestEqualsSingleReplays: whatever runs beside it, on however many workers and in
// whatever batches, a configuration ends with the bits that it has alone.
func TestEqualsSingleReplays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		records := stream(rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(0, 3000).Draw(rt, "events"))
		var models []configs.Model
		var candidates []tune.Candidate
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(settings)-1), 1, 6).Draw(rt, "configurations") {
			m := model(t, settings[i]...)
			models, candidates = append(models, m), append(candidates, candidate(t, m))
		}
		res, err := tune.Run(feed(records), candidates, tune.Options{
			Workers: rapid.IntRange(1, 5).Draw(rt, "workers"), Batch: rapid.IntRange(1, 700).Draw(rt, "batch"),
		})
		if err != nil {
			rt.Fatal(err)
		}
		if res.Events != uint64(len(records)) || len(res.Ranking) != len(models) {
			rt.Fatalf("%d events and %d results, want %d and %d", res.Events, len(res.Ranking), len(records), len(models))
		}
		for _, r := range res.Ranking {
			params, stats := alone(t, models[r.Candidate], records)
			if r.Params != params {
				rt.Errorf("configuration %d has other parameters than alone", r.Candidate)
			}
			if diff := cmp.Diff(stats, r.Stats); diff != "" {
				rt.Errorf("configuration %d (-alone +beside others):\n%s", r.Candidate, diff)
			}
		}
	})
}

// outcome is what must not depend on workers: all but durations.
func outcome(res *tune.Results) string {
	var b bytes.Buffer
	for _, r := range res.Ranking {
		fmt.Fprintf(&b, "%d %v %v %v", r.Candidate, *r.Score, r.Params, r.Stats.Fed)
		if r.Dropped != nil {
			fmt.Fprintf(&b, " %v", *r.Dropped)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestSameResultsOnAnyNumberOfWorkers(t *testing.T) {
	records := stream(5, 4000)
	run := func(workers int) string {
		var candidates []tune.Candidate
		for _, rate := range []string{"1e-5", "0.001", "0.01", "0.1", "0.3", "1", "3"} {
			candidates = append(candidates, candidate(t, model(t, "learner.optimizer=nag", "guard.enabled=false", "learner.rate="+rate)))
		}
		res, err := tune.Run(feed(records), candidates, tune.Options{Workers: workers, Rung: 500, Alpha: 0.05})
		if err != nil {
			t.Fatal(err)
		}
		return outcome(res)
	}
	one := run(1)
	for _, workers := range []int{2, 3, 16} {
		if got := run(workers); got != one {
			t.Errorf("%d workers:\n%s\none worker:\n%s", workers, got, one)
		}
	}
}

// dropped lists at which event how many were dropped, and why.
func dropped(res *tune.Results) map[tune.Drop]int {
	m := map[tune.Drop]int{}
	for _, r := range res.Ranking {
		if r.Dropped != nil {
			m[*r.Dropped]++
		}
	}
	return m
}

func TestHalving(t *testing.T) {
	var candidates []tune.Candidate
	for _, rate := range []string{"1e-6", "1e-5", "1e-4", "0.001", "0.1", "0.5", "1"} {
		candidates = append(candidates, candidate(t, model(t, "learner.optimizer=sgd", "guard.enabled=false", "learner.rate="+rate)))
	}
	records := stream(9, 4001)[:1900] // before the labels turn around
	res, err := tune.Run(feed(records), candidates, tune.Options{Rung: 300})
	if err != nil {
		t.Fatal(err)
	}
	want := map[tune.Drop]int{{Event: 300, Cause: tune.Halved}: 3, {Event: 600, Cause: tune.Halved}: 2, {Event: 1200, Cause: tune.Halved}: 1}
	if diff := cmp.Diff(want, dropped(res)); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
	if best := res.Ranking[0]; best.Dropped != nil || best.Stats.Fed != 1900 || best.Candidate < 4 {
		t.Errorf("the best is %d after %d events", best.Candidate, best.Stats.Fed)
	}
	at := func(r tune.Result) uint64 { return r.Dropped.Event }
	if !slices.IsSortedFunc(res.Ranking[1:], func(a, b tune.Result) int { return int(at(b)) - int(at(a)) }) {
		t.Error("those that were dropped first are not last")
	}
}

// TestRace: hopeless rates go early, those alike stay.
func TestRace(t *testing.T) {
	var candidates []tune.Candidate
	for _, rate := range []string{"1e-6", "1", "0.999999", "1e-6"} {
		candidates = append(candidates, candidate(t, model(t, "learner.optimizer=nag", "guard.enabled=false", "learner.rate="+rate)))
	}
	res, err := tune.Run(feed(stream(9, 12_000)[:6000]), candidates, tune.Options{Alpha: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range res.Ranking {
		if hopeless := r.Candidate == 0 || r.Candidate == 3; hopeless != (r.Dropped != nil) {
			t.Errorf("configuration %d: dropped %v", r.Candidate, r.Dropped)
		} else if hopeless && (r.Dropped.Cause != tune.Raced || r.Dropped.Event > 5000) {
			t.Errorf("configuration %d: dropped %+v, want race before 5,000 events", r.Candidate, *r.Dropped)
		}
	}
}

// TestRaceDropsWhatRefuses: a small loss on the few events that are not
// refused does not win.
func TestRaceDropsWhatRefuses(t *testing.T) {
	numbers := model(t, "guard.enabled=false", "features.numeric=c") // c is text
	good := model(t, "guard.enabled=false")
	for _, o := range []tune.Options{{}, {Alpha: 0.05}, {Rung: 500}} {
		res, err := tune.Run(feed(stream(4, 2000)), []tune.Candidate{candidate(t, numbers), candidate(t, good)}, o)
		if err != nil {
			t.Fatal(err)
		}
		if res.Ranking[0].Candidate != 1 {
			t.Errorf("%+v: the best one learned %d of %d events", o, res.Ranking[0].Stats.Learned, res.Events)
		}
		if d := res.Ranking[1].Dropped; o.Alpha > 0 && (d == nil || d.Cause != tune.Refused) {
			t.Errorf("dropped %+v, want the cause %s", d, tune.Refused)
		}
	}
}

func TestAccountOfAFreeze(t *testing.T) {
	m := model(t)
	res, err := tune.Run(feed(stream(5, 6000)), []tune.Candidate{candidate(t, m)}, tune.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := res.Ranking[0]
	if len(r.Account.Freezes) == 0 || len(r.Account.Alarms) == 0 || r.Account.Armed == nil || len(r.Account.Examples) != 2 {
		t.Fatalf("freezes %v, alarms %v, armed %v, examples %v", r.Account.Freezes, r.Account.Alarms, r.Account.Armed, r.Account.Examples)
	}
	if f, a := r.Account.Freezes[0], r.Account.Alarms[0]; f.Event != a.Event || f.Event < 3000 || f.Event > 3200 || f.Cause != "alarm" {
		t.Errorf("freeze %+v after alarm %+v, want it soon after the labels turn around at 3000", f, a)
	}
	if *r.Score != *r.Report.Loss {
		t.Errorf("score %v, loss %v", *r.Score, *r.Report.Loss)
	}
}

func TestReadErrorsEndThePass(t *testing.T) {
	damaged := errors.New("damaged")
	records := feed(stream(1, 1000))
	n := 0
	next := func() ([]byte, error) {
		if n++; n == 600 {
			return nil, damaged
		}
		return records()
	}
	if _, err := tune.Run(next, []tune.Candidate{candidate(t, model(t))}, tune.Options{Batch: 100}); !errors.Is(err, damaged) {
		t.Errorf("got %v, want %v", err, damaged)
	}
	if _, err := tune.Run(next, nil, tune.Options{}); err == nil {
		t.Error("no configuration was accepted")
	}
}
