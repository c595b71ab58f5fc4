package learner_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// payment is an event of a stream that a test can change.
type payment struct {
	amount, hour float64
	country      int
	card         int
	partner      string
	fraud        bool
	noAmount     bool
}

func (p *payment) json() []byte {
	amount := fmt.Sprintf(`"amount":%g,`, p.amount)
	if p.noAmount {
		amount = ""
	}
	y := 0
	if p.fraud {
		y = 1
	}
	return fmt.Appendf(nil, `{%s"hour":%g,"country":"c%d","card":"k%d","partner":%q,"y":%d}`, amount, p.hour, p.country, p.card, p.partner, y)
}

// drawPayment draws a clean event: fraud depends on amount, hour and two of the countries.
func drawPayment(r *rand.Rand) payment {
	p := payment{
		amount: 50 + 20*r.NormFloat64(), hour: 12 + 4*r.NormFloat64(), country: min(r.IntN(8), r.IntN(8)), card: r.IntN(500),
		partner: [...]string{"north", "south", "west", "east"}[r.IntN(4)],
	}
	z := -1 + (p.amount-50)/20 - (p.hour-12)/8
	if p.country < 2 {
		z++
	}
	p.fraud = r.Float64() < 1/(1+math.Exp(-z))
	return p
}

// guarded is a learner with a guard that is armed after 5,000 events.
func guarded(t *testing.T) (learner.Config, *learner.Learner) {
	t.Helper()
	c := config(t)
	d, err := event.NewJSON(event.Schema{Label: "y", Key: "card", Source: "partner"}, true)
	if err != nil {
		t.Fatal(err)
	}
	c.Decoder = d
	m := sgd.Default()
	c.Model = func() (learner.Model, error) { return sgd.New(m) }
	c.Guard = learner.DefaultGuard()
	c.Guard.Window, c.Guard.ReferenceAfter, c.Guard.ReferenceEvery = 2_500, 2_500, 1e6
	c.Snapshot = learner.SnapshotConfig{Every: 500, Quarantine: 1_000, Keep: 2}
	return c, newLearner(t, c)
}

// alarmed feeds clean events until event 8,000 and changed ones until an alarm, at most 12,000.
func alarmed(t *testing.T, seed uint64, change func(r *rand.Rand, p *payment)) *learner.Alarm {
	t.Helper()
	_, l := guarded(t)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range int64(20_000) {
		p := drawPayment(r)
		if i >= 8_000 {
			change(r, &p)
		}
		o := l.Feed(learner.Record{Offset: i, Value: p.json()})
		if o.Alarm == nil {
			continue
		}
		if i < 8_000 {
			t.Fatalf("an alarm at event %d: %+v", i, o.Alarm.Evidence)
		}
		return o.Alarm
	}
	t.Fatal("no alarm")
	return nil
}

func hash(name string) state.Hash { return state.Hash(xxhash.Sum64String(name)) }

func shiftOf(e *state.Evidence, name string) (state.Shift, bool) {
	i := slices.IndexFunc(e.Inputs, func(s state.Shift) bool { return s.Hash == hash(name) })
	if i < 0 {
		return state.Shift{}, false
	}
	return e.Inputs[i], true
}

// What was done to a stream stands in the evidence, and hardly ever what was not done.
func TestEvidenceNamesWhatMoved(t *testing.T) {
	const streams = 16
	for _, c := range []struct {
		name   string
		change func(r *rand.Rand, p *payment)
		may    []string // what may have moved, beside direction and loss
		names  func(e *state.Evidence) bool
	}{
		{"unit", func(_ *rand.Rand, p *payment) { p.amount *= 10 }, []string{state.MovedInputs}, func(e *state.Evidence) bool {
			s, ok := shiftOf(e, "amount")
			return ok && s.By > 0.3 && e.Inputs[0].Hash == hash("amount")
		}},
		{"missing", func(_ *rand.Rand, p *payment) { p.noAmount = true }, []string{state.MovedInputs}, func(e *state.Evidence) bool {
			s, ok := shiftOf(e, "amount")
			return ok && s.By == 0 && s.Share < 0.3 && s.Was > 0.95
		}},
		{"labels", func(r *rand.Rand, p *payment) { p.fraud = p.fraud || r.Float64() < 0.3 }, []string{state.MovedLabel}, func(e *state.Evidence) bool {
			return e.Label != nil && e.Label.By > 0 && e.Label.Mean > e.Label.Was && slices.ContainsFunc(e.Pull, func(p state.Pull) bool { return p.Coordinate == 0 && !p.TooHigh })
		}},
		{"country", func(r *rand.Rand, p *payment) {
			if r.Float64() < 0.15 {
				p.country, p.fraud = 7, true
			}
		}, []string{state.MovedInputs, state.MovedLabel}, func(e *state.Evidence) bool {
			return e.Pull[0].Hash == hash("country=c7") && !e.Pull[0].TooHigh && e.Pull[0].Share > 0.5
		}},
		{"attack", func(r *rand.Rand, p *payment) {
			if r.Float64() < 0.3 {
				p.card, p.partner, p.fraud = 3, "south", !p.fraud
			}
		}, []string{state.MovedKeys, state.MovedSources, state.MovedLabel}, func(e *state.Evidence) bool {
			return len(e.Keys) == 1 && e.Keys[0].Hash == hash("k3") && e.Keys[0].Share > 0.1 && e.Keys[0].Name == "" &&
				(len(e.Sources) == 0 || e.Sources[0].Name == "south")
		}},
		{"refused", func(r *rand.Rand, p *payment) {
			if r.Float64() < 0.7 {
				p.amount = 1e300
			}
		}, []string{state.MovedRejects}, func(e *state.Evidence) bool {
			return e.Rejects[0].Reason == event.Extreme.String() && e.Rejects[0].Share > 0.6
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			named, wrong, elsewhere := 0, 0, 0
			for seed := range uint64(streams) {
				a := alarmed(t, seed, c.change)
				e := a.Evidence
				if e == nil || e.To != a.Offset || !a.Froze {
					t.Fatalf("alarm %+v with evidence %+v", a, e)
				}
				if e.From < 7_500 || e.From > 8_500 {
					elsewhere++
				}
				if c.names(e) {
					named++
				}
				if slices.ContainsFunc(e.What(), func(w string) bool {
					return !slices.Contains(c.may, w) && w != state.MovedDirection && w != state.MovedLoss
				}) {
					wrong++
				}
				b, err := json.Marshal(e)
				if err != nil || len(b) > 2_000 {
					t.Errorf("%d bytes of evidence: %v", len(b), err)
				}
			}
			if named < streams-3 || wrong > 1 || elsewhere > 2 { // some alarms have three blocks to tell from
				t.Errorf("the cause is named in %d of %d streams, something else in %d; in %d the beginning is far off", named, streams, wrong, elsewhere)
			}
		})
	}
}

// A state that goes on in the middle of a suspicion comes to the same evidence.
func TestEvidenceGoesOnBitForBit(t *testing.T) {
	c, l := guarded(t)
	feed := func(l *learner.Learner, from, to int64, r *rand.Rand) (alarm *learner.Alarm) {
		for i := from; i < to; i++ {
			p := drawPayment(r)
			if i >= 8_000 && p.card < 200 {
				p.fraud = !p.fraud
			}
			if o := l.Feed(learner.Record{Offset: i, Value: p.json()}); o.Alarm != nil {
				alarm = o.Alarm
			}
		}
		return alarm
	}
	feed(l, 0, 8_070, rand.New(rand.NewPCG(5, 5)))
	again, err := learner.Restore(c, l.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	a, b := feed(l, 8_070, 9_500, rand.New(rand.NewPCG(6, 6))), feed(again, 8_070, 9_500, rand.New(rand.NewPCG(6, 6)))
	if a == nil || a.Evidence == nil || string(mustJSON(t, a)) != string(mustJSON(t, b)) {
		t.Errorf("evidence %s\nafter a restart %s", mustJSON(t, a), mustJSON(t, b))
	}
	d, err := learner.Describe(again.Snapshot().Head)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.Recent); n == 0 || string(mustJSON(t, d.Recent[n-1])) != string(mustJSON(t, a)) {
		t.Errorf("the state remembers %s, want %s", mustJSON(t, d.Recent), mustJSON(t, a))
	}
}

// The state remembers a few alarms, and counts what moved before all of them.
func TestAlarmsAreRemembered(t *testing.T) {
	c, _ := guarded(t)
	c.Guard.CooldownEvents, c.Guard.MaxRejectRate = 10, 0.5
	l := newLearner(t, c)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range int64(40_000) {
		p := drawPayment(r)
		if i%2_000 >= 1_000 { // every other block of the reject rate
			p.amount = 1e300
		}
		l.Feed(learner.Record{Offset: i, Value: p.json()})
	}
	s := l.Stats()
	d, err := learner.Describe(l.Snapshot().Head)
	if err != nil {
		t.Fatal(err)
	}
	rejects := slices.Index(state.AllMoved(), state.MovedRejects)
	if s.Alarms < 6 || s.Moved[rejects] != s.Alarms || len(d.Recent) != 4 || d.Recent[3].Offset != s.Newest.Offset || d.Recent[0].Offset >= d.Recent[1].Offset {
		t.Errorf("%d alarms, moved %v, remembered %s", s.Alarms, s.Moved, mustJSON(t, d.Recent))
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Another detector than the guard's own does not tell when the change began: what
// it has seen of late is suspect.
func TestAlarmsOfOtherDetectorsReachBack(t *testing.T) {
	c, _ := guarded(t)
	c.Signals.Detector = catalog.Detector
	c.Guard.Detectors = []learner.DetectorConfig{{Detector: "page_hinkley", Signal: "label_rate", Set: map[string]string{"threshold": "20"}}}
	l, r := newLearner(t, c), rand.New(rand.NewPCG(1, 1))
	for i := range int64(14_000) {
		p := drawPayment(r)
		p.fraud = p.fraud || i >= 8_000
		o := l.Feed(learner.Record{Offset: i, Value: p.json()})
		if o.Alarm == nil || o.Alarm.Detector == "e_detector" {
			continue
		}
		if e := o.Alarm.Evidence; o.Alarm.Froze || e.To-e.From < 1_000 || e.To-e.From > 2_100 || e.Loss != nil {
			t.Errorf("alarm %+v with evidence %+v", o.Alarm, e)
		}
		return
	}
	t.Error("no alarm of the additional detector")
}
