package learner_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// guardedInputs is a configuration in which a header names the source.
func guardedInputs(t *testing.T) learner.Config {
	t.Helper()
	c := config(t)
	schema := event.Schema{Label: "is_fraud", Time: "ts", Key: "card", ID: "tx_id"}
	decoder, err := event.NewJSON(schema, true)
	if err != nil {
		t.Fatal(err)
	}
	named, err := event.NewJSON(schema, false)
	if err != nil {
		t.Fatal(err)
	}
	c.Decoder = decoder
	c.Guard.Source.Header = "producer"
	c.Guard.Inputs.MaxSourceShare = 0.3
	c.Guard.Inputs.Rules = []inputs.Rule{{Field: "amount", Range: []float64{0, 1e6}}}
	c.Guard.Inputs.Watch, c.Guard.Inputs.Window, c.Guard.Inputs.Block = true, 1_000, 500
	c.Inputs = inputs.Deps{Schema: schema, Name: inputs.Names(named)}
	return c
}

// sent is a record of one of ten producers; every third is of one that floods.
func sent(offset int64, s *sim.FraudStream) learner.Record {
	producer := fmt.Sprintf("p%d", offset%10)
	if offset%3 == 0 {
		producer = "evil"
	}
	return learner.Record{Offset: offset, LeaderEpoch: -1, Value: s.Next(nil), Headers: []learner.Header{
		{Key: "producer", Value: []byte("overwritten")}, {Key: "producer", Value: []byte(producer)}, {Key: "trace", Value: []byte("x")},
	}}
}

func TestInputsGuardTheLearner(t *testing.T) {
	l, err := learner.New(guardedInputs(t), state.Position{LeaderEpoch: -1})
	if err != nil {
		t.Fatal(err)
	}
	stream := sim.Fraud(5)
	var warnings []inputs.Warning
	const records, broken = 6_000, 4_000
	for i := range int64(records) {
		r := sent(i, stream)
		switch {
		case i >= broken && i%100 == 50:
			r.Value = bytes.Replace(r.Value, []byte(`"amount":`), []byte(`"amount":-`), 1)
		case i >= broken:
			r.Value = bytes.Replace(r.Value, []byte(`"km":`), []byte(`"kilometers":`), 1)
		}
		before := l.Stats().Learned
		o := l.Feed(r)
		if (o.Reject == nil) != (l.Stats().Learned == before+1) {
			t.Fatalf("record %d: %v, and %d events learned", i, o.Reject, l.Stats().Learned-before)
		}
		warnings = append(warnings, o.Inputs...)
	}
	st := l.Stats()
	if n := st.Rejected[event.OutOfRange]; n < 18 || n > (records-broken)/100 { // the flood of its source was refused before its amount
		t.Errorf("%d amounts refused of %d", n, (records-broken)/100)
	}
	if n := st.Rejected[event.SourceShare]; n < 180 || n > 220 { // 33.3% of each block of 500 where 30% may be
		t.Errorf("%d events of the flood refused", n)
	}
	var got []string
	for _, w := range warnings {
		got = append(got, fmt.Sprintf("%s %s %d", w.Check, w.Field, w.Event))
	}
	want := "source_share evil 499"
	if len(got) != 3 || got[0] != want || !strings.Contains(strings.Join(got, ";"), "missing km") || !strings.Contains(strings.Join(got, ";"), "new_fields ") {
		t.Errorf("warnings: %q, want %q, new_fields and missing km", got, want)
	}
	if len(st.Warned) != len(got) {
		t.Errorf("%d warnings remembered of %d", len(st.Warned), len(got))
	}
	for _, w := range st.Warned {
		if e := w.Evidence; e == nil || e.To > w.Offset || e.To-e.From < 499 || w.Over != 0 {
			t.Errorf("%s of %s at offset %d: evidence %+v", w.Check, w.Field, w.Offset, e)
		}
	}
	if r := st.Inputs; r == nil || !r.Armed || len(r.Active) != 3 || len(r.Sources) != 11 {
		t.Errorf("report: %+v", r)
	}
}

// Warnings of the inputs leave an audit record a block, stand in the evidence of an alarm, and are remembered
// with their own evidence by the state.
func TestInputWarningsAreRecorded(t *testing.T) {
	c := guardedInputs(t)
	c.Audit = true
	l, err := learner.New(c, state.Position{LeaderEpoch: -1})
	if err != nil {
		t.Fatal(err)
	}
	stream := sim.Fraud(5)
	var alarm *learner.Alarm
	for i := int64(0); i < 8_000 && alarm == nil; i++ {
		r := sent(i, stream)
		switch {
		case i >= 6_000:
			r.Value = bytes.Replace(r.Value, []byte(`"amount":`), []byte(`"amount":-`), 1)
		case i >= 4_000:
			r.Value = bytes.Replace(r.Value, []byte(`"km":`), []byte(`"kilometers":`), 1)
		}
		alarm = l.Feed(r).Alarm
	}
	if alarm == nil || alarm.Detector != "reject_rate" {
		t.Fatalf("alarm %+v", alarm)
	}
	e := alarm.Evidence
	if len(e.Rejects) == 0 || e.Rejects[0].Reason != "out_of_range" || e.Rejects[0].Field != "amount" || e.Rejects[0].Share < 0.5 {
		t.Errorf("refusals: %+v", e.Rejects)
	}
	checks := func(all []state.InputWarning) (out []string) {
		for _, w := range all {
			out = append(out, w.Check)
		}
		slices.Sort(out)
		return out
	}
	if got := checks(e.Warnings); !slices.Equal(got, []string{"missing", "new_fields", "source_share"}) || e.Warnings[0].Evidence != nil {
		t.Errorf("warnings that stood: %+v", e.Warnings)
	}
	snapshot := l.Snapshot()
	var recorded []string
	for _, r := range chainOf(t, snapshot) {
		if r.Kind == state.AuditWarning {
			recorded = append(recorded, fmt.Sprint(checks(r.Warnings)))
			if r.Warnings[0].Evidence == nil || r.Next.Offset != r.Warnings[0].Offset+1 {
				t.Errorf("record %+v", r)
			}
		}
	}
	if want := []string{"[source_share]", "[missing new_fields]"}; !slices.Equal(recorded, want) {
		t.Errorf("audit records of %q, want %q", recorded, want)
	}
	d, err := learner.Describe(snapshot.Head)
	if err != nil || len(d.Warned) != 3 || d.Warned[0].Field != "evil" || d.Warned[0].Evidence.Parts[0].Refused == 0 {
		t.Errorf("the state remembers %+v (%v)", d.Warned, err)
	}
	// Under settings that watch nothing no warning stands.
	c = guardedInputs(t)
	c.Guard.Inputs, c.Guard.Source.Header = inputs.Default(), ""
	again, err := learner.Restore(c, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range again.Stats().Warned {
		if w.Over == 0 {
			t.Errorf("%s of %s still stands", w.Check, w.Field)
		}
	}
}

// What the guard of the inputs knows is part of the state.
func TestInputsRestored(t *testing.T) {
	whole, err := learner.New(guardedInputs(t), state.Position{LeaderEpoch: -1})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := learner.New(guardedInputs(t), state.Position{LeaderEpoch: -1})
	if err != nil {
		t.Fatal(err)
	}
	stream := sim.Fraud(6)
	for i := range int64(3_000) {
		r := sent(i, stream)
		whole.Feed(r)
		parts.Feed(r)
		if i%731 != 0 {
			continue
		}
		if parts, err = learner.Restore(guardedInputs(t), parts.Snapshot()); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(whole.Snapshot().Head, parts.Snapshot().Head) {
		t.Error("a restored learner has another state")
	}
	// Without the guard the state is resumed, and what the guard knew is dropped.
	c := guardedInputs(t)
	c.Guard.Inputs = inputs.Default()
	c.Guard.Source.Header = ""
	if _, err := learner.Restore(c, parts.Snapshot()); err != nil {
		t.Error(err)
	}
}

// The topic that a record was copied from is its source, whatever its producer wrote into the header before.
func TestTopicAsSource(t *testing.T) {
	c := guardedInputs(t)
	c.Guard.Source = learner.SourceConfig{Topic: true}
	l, err := learner.New(c, state.Position{LeaderEpoch: -1})
	if err != nil {
		t.Fatal(err)
	}
	stream := sim.Fraud(5)
	for i := range int64(1_000) {
		r := sent(i, stream)
		r.Headers = nil
		switch {
		case i%2 == 0:
			r.Headers = []learner.Header{
				{Key: learner.HeaderRelayed, Value: []byte("trusted/0/1")}, {Key: learner.HeaderRelayed, Value: fmt.Appendf(nil, "acme/3/%d", i)},
			}
		case i%4 == 1:
			r.Headers = []learner.Header{{Key: learner.HeaderRelayed, Value: fmt.Appendf(nil, "zeta.eu/0/%d", i)}}
		}
		l.Feed(r)
	}
	shares := map[string]float64{}
	for _, s := range l.Stats().Inputs.Sources {
		shares[s.Source] = s.Share
	}
	if len(shares) != 3 || shares["acme"] != 0.5 || shares["zeta.eu"] != 0.25 || shares[""] != 0.25 {
		t.Errorf("sources %v", shares)
	}
	if n := l.Stats().Rejected[event.SourceShare]; n != 200 {
		t.Errorf("%d events of acme refused, want what is above 30%% of two blocks", n)
	}
}

// A flood of one source is refused and freezes nothing; broken records do.
func TestFloodDoesNotFreeze(t *testing.T) {
	c := config(t)
	c.Guard.Enabled = false
	c.Guard.Source.Header, c.Guard.Inputs.MaxSourceShare = "producer", 0.1
	l := newLearner(t, c)
	stream := sim.Fraud(9)
	for i := range int64(3_000) {
		producer := []byte("evil")
		if i%5 == 0 {
			producer = fmt.Appendf(nil, "p%d", i%35)
		}
		l.Feed(learner.Record{Offset: i, Value: stream.Next(nil), Headers: []learner.Header{{Key: "producer", Value: producer}}})
	}
	if st := l.Stats(); st.Mode != learner.Learning || st.Rejected[event.SourceShare] != 3*700 {
		t.Errorf("%v after %d refusals of a flood", st.Mode, st.Rejected[event.SourceShare])
	}
	for i := range int64(1_000) {
		l.Feed(learner.Record{Offset: 3_000 + i, Value: []byte("{")})
	}
	if st := l.Stats(); st.Mode != learner.Frozen {
		t.Errorf("%v after 1,000 broken records", st.Mode)
	}
}

// A few wild events, with an amount a thousand times too large and a wrong label, move a
// model whose gradients are bounded far less, and its metrics count them with their whole weight.
func TestGradientsAreBounded(t *testing.T) {
	moved := func(quantile float64) (change, weight float64) {
		c := config(t)
		model := sgd.Default()
		model.Optimizer, model.Rate, model.Standardize, model.Bits = "sgd", 0.001, "off", 7
		c.Model = func() (learner.Model, error) { return sgd.New(model) }
		c.Guard.Enabled = false
		c.Guard.Inputs.ClipQuantile = quantile
		decoder, err := event.NewJSON(event.Schema{Label: "is_fraud", Include: []string{"tx_1h", "risk", "country"}}, true)
		if err != nil {
			t.Fatal(err)
		}
		c.Decoder = decoder
		l := newLearner(t, c)
		stream := sim.Fraud(8)
		feed(l, stream, 6_000)
		before := l.Model().(*sgd.Model).Weights()
		for i := range 5 {
			o := l.Feed(learner.Record{Offset: l.Next().Offset, Value: fmt.Appendf(nil, `{"is_fraud":%d,"tx_1h":2000,"risk":0.5,"country":"DE"}`, 1-i%2)})
			if o.Reject != nil {
				t.Fatal(o.Reject)
			}
			weight += o.Weight
		}
		after := l.Model().(*sgd.Model).Weights()
		was := map[uint64]float64{}
		for _, w := range before.List {
			was[w.ID] = w.Value
		}
		for _, w := range after.List {
			change += math.Abs(w.Value - was[w.ID])
		}
		return change, weight
	}
	free, _ := moved(0)
	bounded, weight := moved(0.99)
	if !(bounded < free/50) || bounded == 0 {
		t.Errorf("five wild events move the weights by %v, and by %v where gradients are bounded", free, bounded)
	}
	if weight != 5 {
		t.Errorf("the wild events count for %v events", weight)
	}
}

// A source that supplies 40% of the events, with labels turned round, spoils a model.
// Held to its share it hardly does.
func TestPoisonOfOneSourceIsContained(t *testing.T) {
	loss := func(poisoned bool, limit float64) float64 {
		c := config(t)
		c.Guard.Enabled = false // the guard on gradients would end the experiment
		c.Guard.Source.Header, c.Guard.Inputs.MaxSourceShare = "producer", limit
		l := newLearner(t, c)
		rng := rand.New(rand.NewPCG(12, 1))
		sum, n := 0.0, 0
		for i := range int64(20_000) {
			evil, producer := poisoned && i%5 < 2, fmt.Appendf(nil, "p%d", i%40)
			if evil {
				producer = []byte("evil")
			}
			o := l.Feed(learner.Record{Offset: i, Value: flip(rng, int(i), evil), Headers: []learner.Header{{Key: "producer", Value: producer}}})
			if !evil && o.Reject != nil {
				t.Fatalf("a good event was refused: %v", o.Reject)
			}
			if i > 10_000 && i%5 >= 2 {
				sum += o.Step.Loss
				n++
			}
		}
		return sum / float64(n)
	}
	clean, free, held := loss(false, 0.05), loss(true, 1), loss(true, 0.05)
	t.Logf("loss on good events: %.4f without poison, %.4f with it, %.4f with its source held to a twentieth", clean, free, held)
	if free < 1.5*clean {
		t.Errorf("the poison does nothing: loss %v, %v without it", free, clean)
	}
	if damage, most := held-clean, (free-clean)/3; damage > most {
		t.Errorf("held to its share the source raises the loss by %v, want at most %v", damage, most)
	}
}
