package join

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

func config() Config {
	return Config{Window: 100, Lateness: 10, Keep: 100, Reducer: Sum, MaxOpen: 1000}
}

func start(t testing.TB, c Config) *Join {
	t.Helper()
	j, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (j *Join) decideAt(id string, time int64) Verdict {
	_, v := j.Decide(&Decision{ID: []byte(id), Time: time, Value: []byte("value of " + id)})
	return v
}

func (j *Join) rewardAt(id string, time int64, value float64) Verdict {
	_, v := j.Reward([]byte(id), nil, time, value, []Metric{{11, 3 * value}})
	return v
}

// closed advances to a time and renders what closes.
func (j *Join) closed(time int64) (out []string) {
	j.Advance(time)
	for e := j.Close(); e != nil; e = j.Close() {
		y, ok := j.Reduce(e)
		out = append(out, fmt.Sprintf("%s=%v,%v", e.ID(), y, ok))
		if got := string(e.Value()); got != "value of "+string(e.ID()) {
			out = append(out, "its value is "+got)
		}
	}
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("closed %q, want %q", got, want)
	}
}

func verdict(t *testing.T, got, want Verdict) {
	t.Helper()
	if got != want {
		t.Fatalf("verdict %d, want %d", got, want)
	}
}

func TestADecisionClosesWhenItsWindowHasPassed(t *testing.T) {
	j := start(t, config())
	verdict(t, j.decideAt("a", 1000), Taken)
	verdict(t, j.decideAt("b", 1001), Taken)
	verdict(t, j.rewardAt("a", 1050, 2), Taken)
	verdict(t, j.rewardAt("a", 1100, 3), Taken) // at its very end
	verdict(t, j.rewardAt("a", 1101, 5), Late)  // although it is still open
	expect(t, j.closed(1109))
	expect(t, j.closed(1110), "a=5,true")
	expect(t, j.closed(1111), "b=0,false")
	verdict(t, j.rewardAt("a", 1100, 7), Late) // it is known to be closed
	verdict(t, j.decideAt("a", 1100), Duplicate)
	if c := j.Counts(); c != (Counts{Rewarded: 1, Unrewarded: 1, Late: 2, Duplicates: 1}) {
		t.Errorf("counts %+v", c)
	}
	expect(t, j.closed(1211)) // both are forgotten
	if s := j.Sizes(); s != (Sizes{}) {
		t.Errorf("sizes %+v", s)
	}
}

func TestARewardWaitsForItsDecision(t *testing.T) {
	j := start(t, config())
	j.closed(1000)
	verdict(t, j.rewardAt("a", 995, 1), Taken)
	verdict(t, j.rewardAt("ghost", 996, 1), Taken)
	verdict(t, j.rewardAt("old", 989, 1), Late) // its decision could no longer come in time
	expect(t, j.closed(1005))                   // the watermark is the reward's time: its decision may still come
	verdict(t, j.decideAt("a", 995), Taken)
	expect(t, j.closed(1007))
	if c, s := j.Counts(), j.Sizes(); c.Unmatched != 1 || s.Waiting != 0 || s.Open != 1 {
		t.Errorf("counts %+v, sizes %+v: the ghost should be gone", c, s)
	}
	expect(t, j.closed(1105), "a=1,true")
	verdict(t, j.decideAt("late", 994), Late)
}

func TestReducers(t *testing.T) {
	for reducer, want := range map[Reducer]string{First: "4", Last: "1", Sum: "8", Mean: "2.6666666666666665", Min: "1", Max: "4"} {
		c := config()
		c.Reducer = reducer
		j := start(t, c)
		j.decideAt("a", 1000)
		for _, r := range []struct {
			time  int64
			value float64
		}{{1020, 3}, {1030, 1}, {1010, 4}, {1030, 1}} { // out of order, and one twice
			j.rewardAt("a", r.time, r.value)
		}
		expect(t, j.closed(1110), "a="+want+",true")
		if n := j.Counts().Duplicates; n != 1 {
			t.Errorf("%d duplicates, want 1", n)
		}
	}
}

func TestNamedRewardsAreDuplicatesByName(t *testing.T) {
	j := start(t, config())
	j.decideAt("a", 1000)
	for _, r := range []struct {
		name string
		want Verdict
	}{{"r1", Taken}, {"r2", Taken}, {"r1", Duplicate}} {
		_, v := j.Reward([]byte("a"), []byte(r.name), 1010, 1, nil)
		verdict(t, v, r.want)
	}
	expect(t, j.closed(1110), "a=2,true")
}

func TestDecisionsThatWereNeverShown(t *testing.T) {
	decide := func(j *Join, id string, v Visibility) {
		j.Decide(&Decision{ID: []byte(id), Time: 1000, Value: []byte("value of " + id), Shown: v})
	}
	for _, hidden := range []bool{false, true} {
		c := config()
		c.Hidden = hidden
		j := start(t, c)
		j.Show([]byte("early"), 1000)
		decide(j, "early", NeverShown)
		decide(j, "unsaid", Unsaid)
		decide(j, "shown", Shown)
		decide(j, "never", NeverShown)
		decide(j, "activated", NeverShown)
		if _, v := j.Show([]byte("activated"), 1050); v != Taken {
			t.Fatalf("activation: %d", v)
		}
		want := []string{"early=0,false", "unsaid=0,false", "shown=0,false", "activated=0,false"}
		if hidden {
			want = slices.Delete(want, 1, 2)
		}
		expect(t, j.closed(1110), want...)
		if n := j.Counts().NeverShown; int(n) != 5-len(want) {
			t.Errorf("%d never shown", n)
		}
	}
}

func TestTooManyOpenDecisionsCloseTheOldestFirst(t *testing.T) {
	c := config()
	c.MaxOpen = 2
	j := start(t, c)
	j.decideAt("b", 1002)
	j.decideAt("a", 1001)
	j.rewardAt("a", 1001, 1)
	expect(t, j.closed(1002))
	j.decideAt("c", 1003)
	expect(t, j.closed(1003), "a=1,true")
	if c, s := j.Counts(), j.Sizes(); c.Overflows != 1 || s.Open != 2 {
		t.Errorf("counts %+v, sizes %+v", c, s)
	}
	verdict(t, j.rewardAt("a", 1004, 1), Late)
}

// Rewards of unknown decisions that make room are no rewards without a decision: theirs may still come.
func TestWaitingRewardsMakeRoomFirst(t *testing.T) {
	c := config()
	c.MaxOpen = 2
	j := start(t, c)
	j.decideAt("a", 1000)
	for i := range 3 {
		j.rewardAt(fmt.Sprint("unknown ", i), 1000, 1)
	}
	expect(t, j.closed(1000))
	if c, s := j.Counts(), j.Sizes(); c.Overflows != 2 || c.Unmatched != 0 || s.Open != 1 || s.Waiting != 1 {
		t.Errorf("counts %+v, sizes %+v", c, s)
	}
	expect(t, j.closed(1011))
	if c := j.Counts(); c.Overflows != 2 || c.Unmatched != 1 {
		t.Errorf("counts %+v", c)
	}
}

// However large the records are, the state keeps to its bytes: what is remembered is
// forgotten first, then decisions close early.
func TestALargeStateMakesRoom(t *testing.T) {
	j := start(t, config())
	j.room = 200
	j.decideAt("a", 1000)
	expect(t, j.closed(1110), "a=0,false") // remembered
	for i := range 20 {
		id := fmt.Sprint(i)
		if v := j.decideAt(id, 1110); v != Taken {
			t.Fatalf("verdict %d", v)
		}
		if out := j.closed(1110); j.held > j.room {
			t.Fatalf("%d bytes are held after %q closed", j.held, out)
		}
	}
	c, s := j.Counts(), j.Sizes()
	if c.Overflows == 0 || s.Open == 0 || s.Open+int(c.Overflows) != 20 || j.held > j.room {
		t.Errorf("counts %+v, sizes %+v, %d bytes", c, s, j.held)
	}
	verdict(t, j.decideAt("a", 1110), Taken) // it is forgotten
}

func TestMeansOfLargeRewardsAreFinite(t *testing.T) {
	large := []reward{{value: math.MaxFloat64}, {value: math.MaxFloat64}, {value: 0}, {value: 0}}
	if got := Mean.reduce(large); got != math.MaxFloat64/2 {
		t.Errorf("mean %v, want %v", got, math.MaxFloat64/2)
	}
}

func TestTooManyRewardsAreDropped(t *testing.T) {
	j := start(t, config())
	j.decideAt("a", 1000)
	for i := range MaxRewards + 5 {
		j.rewardAt("a", 1000, float64(i))
	}
	if n := j.Counts().Overflows; n != 5 {
		t.Errorf("%d dropped, want 5", n)
	}
}

func TestLateRewardsCorrect(t *testing.T) {
	c := config()
	c.Correct = true
	j := start(t, c)
	for _, id := range []string{"a", "b"} {
		j.decideAt(id, 1000)
	}
	j.rewardAt("a", 1150, 1) // behind the window: it is taken all the same
	j.Advance(1110)
	for tag := uint64(1); ; tag++ {
		e := j.Close()
		if e == nil {
			break
		}
		j.Learned(e, 0, tag)
		j.Keep(e, []byte("receipt of "+string(e.ID())))
	}
	e, v := j.Reward([]byte("a"), nil, 1120, 2, nil)
	verdict(t, v, Correct)
	if y, ok := j.Reduce(e); y != 3 || !ok || string(e.Value()) != "receipt of a" {
		t.Errorf("reward %v, receipt %q", y, e.Value())
	}
	verdict(t, j.rewardAt("a", 1120, 2), Duplicate)
	verdict(t, j.rewardAt("a", 1201, 2), Late)
	j.Forget(1)
	for id, want := range map[string]bool{"a": true, "b": false} {
		e, _ := j.Reward([]byte(id), nil, 1130, 2, nil)
		if _, ok := e.Label(); ok != want {
			t.Errorf("%s learned: %v, want %v", id, ok, want)
		}
	}
}

// step feeds one random record.
func step(j *Join, r *rand.Rand, now int64) []string {
	id := fmt.Sprint(now/7 + r.Int64N(20))
	t := now - r.Int64N(15)
	switch r.IntN(5) {
	case 0, 1:
		j.decideAt(id, t)
	case 2:
		j.Show([]byte(id), t)
	default:
		j.rewardAt(id, t, float64(r.IntN(5)))
	}
	return j.closed(t)
}

// A state that is stored and read back at any moment goes on in the same way.
func TestARestoredStateGoesOnAlike(t *testing.T) {
	for _, c := range []Config{config(), {Window: 30, Lateness: 5, Keep: 20, Reducer: Mean, MaxOpen: 12, Correct: true, Hidden: true}} {
		one, r := start(t, c), rand.New(rand.NewPCG(1, 2))
		same, q := start(t, c), rand.New(rand.NewPCG(1, 2))
		sum := 0
		for now := int64(1000); now < 4000; now++ {
			a, b := step(one, r, now), step(same, q, now)
			if !slices.Equal(a, b) {
				t.Fatalf("time %d: closed %q, after a restart %q", now, a, b)
			}
			sum += len(a)
			if now%5 == 0 {
				data, _ := same.AppendBinary(nil)
				want, _ := one.AppendBinary(nil)
				if !bytes.Equal(data, want) {
					t.Fatalf("time %d: other bytes after a restart", now)
				}
				same = start(t, c)
				if err := same.UnmarshalBinary(data); err != nil {
					t.Fatal(err)
				}
				if same.Footprint() != one.Footprint() || len(data) > 2*one.Footprint()+1000 {
					t.Fatalf("time %d: footprint %d after a restart, %d before, of %d bytes", now, same.Footprint(), one.Footprint(), len(data))
				}
			}
		}
		if sum < 100 || one.Counts().Unmatched == 0 || one.Counts().Late == 0 {
			t.Errorf("closed %d, counts %+v: the test tried too little", sum, one.Counts())
		}
	}
}

// learnSome closes what is due and notes of some that they were learned.
func learnSome(j *Join, t int64, tag uint64, receipts bool) {
	j.Advance(t)
	for e := j.Close(); e != nil; e = j.Close() {
		if tag%13 == 0 {
			j.Forget(tag - 50) // learning it has put the model back
		}
		if y, ok := j.Reduce(e); ok {
			j.Learned(e, y, tag)
			if receipts {
				j.Keep(e, append([]byte("receipt "), e.ID()...))
			}
		}
	}
}

// A state and the logs since make the state at the end of the logs, whatever was done.
func TestAStateAndItsLogsMakeTheNextState(t *testing.T) {
	for _, c := range []Config{config(), {Window: 30, Lateness: 5, Keep: 20, Reducer: Mean, MaxOpen: 12, Correct: true, Hidden: true}} {
		j, r := start(t, c), rand.New(rand.NewPCG(9, 10))
		base, _ := j.AppendBinary(nil)
		var logs [][]byte
		for now := int64(1000); now < 3000; now++ {
			id, at := fmt.Sprint(now/7+r.Int64N(20)), now-r.Int64N(15)
			switch r.IntN(6) {
			case 0, 1:
				e, v := j.Decide(&Decision{ID: []byte(id), Time: at, Offset: now, Value: []byte("value"), Shown: Visibility(r.IntN(3))})
				if v == Taken && r.IntN(3) == 0 {
					j.Learned(e, 0, uint64(now)) // as one that learns at once
				}
			case 2:
				j.Show([]byte(id), at)
			default:
				metrics := []Metric{{5, r.Float64()}, {3, float64(now)}}[:r.IntN(3)]
				if e, v := j.Reward([]byte(id), []byte{byte(r.IntN(4))}, at, r.Float64(), metrics); v == Correct {
					if _, ok := e.Label(); ok {
						j.Corrected()
						j.Learned(e, 7, uint64(now))
					} else {
						j.Missed()
					}
				}
			}
			learnSome(j, at, uint64(now), c.Correct)
			if now%301 == 0 {
				j.Forget(uint64(now - 100))
			}
			if now%977 == 0 {
				c.Window += 3
				if err := j.Configure(c); err != nil {
					t.Fatal(err)
				}
			}
			if now%50 != 0 {
				continue
			}
			want, _ := j.AppendBinary(nil)
			all := append(slices.Clone(logs), SealLog(j.Log()))
			for _, parts := range [][][]byte{all, {concat(t, all...)}} {
				again, err := Open(base, parts...)
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := again.AppendBinary(nil); !bytes.Equal(got, want) || again.Footprint() != j.Footprint() {
					t.Fatalf("time %d: another state from %d logs", now, len(parts))
				}
			}
			half, err := Open(base, logs...)
			if err == nil {
				err = half.Replay(all[len(all)-1])
			}
			if err != nil || !bytes.Equal(half.Log(), j.Log()) {
				t.Fatalf("time %d: a log that is done again is another one: %v", now, err)
			}
			switch r.IntN(4) {
			case 0:
				base, logs = want, nil
				j.Cut()
			case 1, 2:
				logs = all
				j.Cut()
			}
		}
		if n := j.Counts(); n.Rewarded == 0 || n.Late == 0 || n.Duplicates == 0 || c.Correct != (n.Corrected > 0) {
			t.Errorf("counts %+v: the test tried too little", n)
		}
	}
}

func concat(t *testing.T, logs ...[]byte) []byte {
	t.Helper()
	b, err := Concat(logs...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Within the lateness, the order of arrival changes no joined reward.
func TestOrderWithinLatenessDoesNotMatter(t *testing.T) {
	type record struct {
		at   int64
		feed func(*Join)
	}
	var records []record
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 300 {
		id, t := fmt.Sprint(i), int64(1000+3*i)
		records = append(records, record{t, func(j *Join) { j.decideAt(id, t) }})
		for range r.IntN(3) {
			at, v := t+r.Int64N(100), r.Float64()
			records = append(records, record{at, func(j *Join) { j.rewardAt(id, at, v) }})
		}
	}
	var want []string
	for round := range 5 {
		slices.SortStableFunc(records, func(a, b record) int { return int(a.at - b.at) })
		if round > 0 { // every record moves by less than the lateness
			for i := range records {
				k := min(len(records)-1, i+r.IntN(4))
				if records[k].at-records[i].at < 5 {
					records[i], records[k] = records[k], records[i]
				}
			}
		}
		j := start(t, Config{Window: 100, Lateness: 40, Keep: 100, Reducer: Sum, MaxOpen: 1000})
		var got []string
		for _, x := range records {
			x.feed(j)
			got = append(got, j.closed(x.at)...)
		}
		j.Finish()
		got = append(got, j.closed(0)...)
		slices.Sort(got)
		if round == 0 {
			want = got
		}
		if c := j.Counts(); !slices.Equal(got, want) || len(got) != 300 || c.Late != 0 {
			t.Fatalf("round %d: %d closed, counts %+v, or another reward", round, len(got), c)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	j := start(t, config())
	now, id, value := int64(1000), []byte("00000000"), bytes.Repeat([]byte("x"), 200)
	one := []Metric{{5, 120}}
	feed := func() {
		if now%100 == 0 {
			j.Cut() // as at a checkpoint, so that the log does not grow for ever
		}
		for k, n := 0, now; k < len(id); k, n = k+1, n/10 {
			id[k] = byte('0' + n%10)
		}
		j.Decide(&Decision{ID: id, Time: now, Value: value})
		j.Reward(id, nil, now, 1, one)
		j.Advance(now)
		for j.Close() != nil {
		}
		now++
	}
	for range 2000 {
		feed()
	}
	if n := testing.AllocsPerRun(1000, feed); n > 0 {
		t.Errorf("%v allocations for each decision", n)
	}
}

func TestInvalidConfigurations(t *testing.T) {
	for want, edit := range map[string]func(*Config){
		"window: 0 ms: must be at least 1": func(c *Config) { c.Window = 0 },
		"lateness: -1 ms":                  func(c *Config) { c.Lateness = -1 },
		"keep: -1 ms":                      func(c *Config) { c.Keep = -1 },
		"max_open: 0":                      func(c *Config) { c.MaxOpen = 0 },
		"ten years":                        func(c *Config) { c.Keep = 1 << 60 },
		`reducer: "median": must be one of first, last, sum, mean, min, max`: func(c *Config) { c.Reducer = "median" },
	} {
		c := config()
		edit(&c)
		if _, err := New(c); err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func filled(t testing.TB) []byte {
	c := config()
	c.Correct = true
	j, r := start(t, c), rand.New(rand.NewPCG(5, 6))
	for now := int64(1000); now < 1400; now += 2 {
		step(j, r, now)
	}
	for i, e := range j.remembered.all() {
		j.Learned(e, 1, uint64(i))
	}
	b, _ := j.AppendBinary(nil)
	return b
}

const golden = "testdata/join.golden"

var update = flag.Bool("update", false, "rewrite the golden file")

func TestGolden(t *testing.T) {
	got := filled(t)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the format has changed; run go test ./pkg/join -run TestGolden -update and keep docs/format/join.md true")
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(filled(f))
	empty, _ := start(f, config()).AppendBinary(nil)
	f.Add(empty)
	f.Fuzz(func(t *testing.T, b []byte) {
		j := start(t, config())
		if j.UnmarshalBinary(b) != nil {
			return
		}
		again, _ := j.AppendBinary(nil)
		if !bytes.Equal(again, b) {
			t.Errorf("other bytes")
		}
		step(j, rand.New(rand.NewPCG(7, 8)), 1500)
		j.Finish()
		j.Advance(0)
		for j.Close() != nil {
		}
	})
}

func FuzzReplay(f *testing.F) {
	j, r := start(f, config()), rand.New(rand.NewPCG(5, 6))
	for now := int64(1000); now < 1200; now += 2 {
		step(j, r, now)
	}
	f.Add(j.Log())
	f.Fuzz(func(t *testing.T, log []byte) {
		j := start(t, config())
		if j.Replay(SealLog(log)) != nil {
			return
		}
		b, _ := j.AppendBinary(nil)
		again, err := Open(b)
		if err != nil {
			t.Fatalf("the state after a log is refused: %v", err)
		}
		if c, _ := again.AppendBinary(nil); !bytes.Equal(b, c) {
			t.Error("other bytes")
		}
	})
}

func BenchmarkJoin(b *testing.B) {
	j := start(b, Config{Window: 100_000, Lateness: 10, Reducer: Sum, MaxOpen: 1 << 20})
	now, id, value := int64(1000), []byte("00000000"), bytes.Repeat([]byte("x"), 200)
	for b.Loop() {
		for k, n := 0, now; k < len(id); k, n = k+1, n/10 {
			id[k] = byte('0' + n%10)
		}
		j.Decide(&Decision{ID: id, Time: now, Value: value})
		j.Reward(id, nil, now, 1, nil)
		j.Advance(now)
		for j.Close() != nil {
		}
		now++
	}
}
