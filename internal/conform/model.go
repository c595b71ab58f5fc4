// Package conform holds the suites that every implementation of a contract must
// pass: models, detectors, decoders and stores. It is for tests only.
package conform

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// Models is one configuration of a model, with events for it.
type Models struct {
	// New returns a fresh model; always of the same configuration.
	New func(t testing.TB) learner.Model
	// Fill fills a reset event with one that the model can learn.
	Fill func(r *rand.Rand, e *event.Event)
	// Wild fills a reset event with finite numbers of any magnitude. The model may
	// refuse it. Nil skips the rule about them only for models without numbers.
	Wild func(r *rand.Rand, e *event.Event)
	// Refused are ways to spoil an event that Fill filled.
	Refused []Refused
}

// Refused is a way to spoil an event, and the reason for which it is refused.
type Refused struct {
	Name   string
	Reason event.Reason
	Spoil  func(e *event.Event)
}

// modelEvents is how many events the rules train on.
const modelEvents = 400

// Model runs the rules that every learner.Model must keep, and those of
// learner.Referenced when the model has references.
func Model(t *testing.T, ms Models) {
	rules := map[string]func(*testing.T, *Models){
		"SameEventsSameBytes":      testSameBytes,
		"SnapshotAnywhere":         testSnapshotAnywhere,
		"PredictChangesNothing":    testPredictPure,
		"WeightZeroChangesNothing": testWeightZero,
		"RefusedChangesNothing":    testRefused,
		"DamagedBytes":             testDamaged,
		"NoAllocations":            testNoAllocations,
		"Finite":                   testFinite,
	}
	if _, ok := ms.New(t).(learner.Referenced); ok {
		rules["ReferenceIsFrozen"] = testReferenceFrozen
		rules["ReferenceRoundTrip"] = testReferenceRoundTrip
		rules["ReferenceSurvivesRestore"] = testReferenceSurvives
		rules["ReferenceDropped"] = testReferenceDropped
	}
	if _, ok := ms.New(t).(learner.Incremental); ok {
		rules["ChangesMakeTheModel"] = testChanges
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) { rule(t, &ms) })
	}
}

// events returns n learnable events, the same for the same seed.
func (ms *Models) events(seed uint64, n int) []event.Event {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]event.Event, n)
	for i := range out {
		out[i].Reset()
		ms.Fill(r, &out[i])
	}
	return out
}

// train learns events, all of which must be accepted, and returns the steps.
// References in them are copied.
func train(t testing.TB, m learner.Model, events []event.Event) []event.Step {
	t.Helper()
	steps := make([]event.Step, len(events))
	for i := range events {
		steps[i] = keep(m.Learn(&events[i]))
		if steps[i].Reject != nil {
			t.Fatalf("event %d refused: %v", i, steps[i].Reject)
		}
	}
	return steps
}

// keep copies what is valid only until the model's next call.
func keep(s event.Step) event.Step {
	s.Probs, s.Labels = bytesOf(s.Probs), bytesOf(s.Labels)
	for i, r := range s.Ref {
		if r != nil {
			s.Ref[i] = &event.Reading{Loss: r.Loss, Excess: r.Excess, Grad: r.Grad, J: bytesOf(r.J), X: bytesOf(r.X)}
		}
	}
	return s
}

func bytesOf[T any](v []T) []T { return append([]T(nil), v...) }

// marshal returns the encoded model.
func marshal(t testing.TB, m learner.Model) []byte {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sameBytes fails unless the model encodes to want.
func sameBytes(t testing.TB, what string, m learner.Model, want []byte) {
	t.Helper()
	if got := marshal(t, m); !bytes.Equal(got, want) {
		t.Errorf("%s: the encoded model differs (%d bytes, want %d)", what, len(got), len(want))
	}
}

// sameSteps fails unless the steps agree bit for bit.
func sameSteps(t testing.TB, what string, got, want []event.Step) {
	t.Helper()
	bits := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	if d := cmp.Diff(want, got, bits, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s: steps differ (-want +got):\n%.2000s", what, d)
	}
}

func testSameBytes(t *testing.T, ms *Models) {
	events := ms.events(1, modelEvents)
	a, b := ms.New(t), ms.New(t)
	sameSteps(t, "the same events", train(t, b, events), train(t, a, events))
	sameBytes(t, "the same events", b, marshal(t, a))
	prefix := []byte("prefix")
	got, err := a.AppendBinary(prefix)
	if err != nil || !bytes.Equal(got, append(prefix, marshal(t, a)...)) {
		t.Errorf("AppendBinary does not append (%v)", err)
	}
	if bytes.Equal(marshal(t, a), marshal(t, ms.New(t))) {
		t.Error("learning left no trace in the bytes")
	}
}

func testSnapshotAnywhere(t *testing.T, ms *Models) {
	events := ms.events(2, modelEvents)
	whole := ms.New(t)
	want := train(t, whole, events)
	for _, cut := range []int{0, 1, 2, modelEvents / 3, modelEvents - 1, modelEvents} {
		first := ms.New(t)
		train(t, first, events[:cut])
		snapshot := marshal(t, first)

		second := ms.New(t)
		train(t, second, ms.events(3, 50)) // whatever it knew is replaced
		if err := second.UnmarshalBinary(snapshot); err != nil {
			t.Fatalf("after %d events: %v", cut, err)
		}
		sameBytes(t, "after a restore", second, snapshot)
		sameSteps(t, "after a restore", train(t, second, events[cut:]), want[cut:])
		sameBytes(t, "training on after a restore", second, marshal(t, whole))
	}
}

func testPredictPure(t *testing.T, ms *Models) {
	events := ms.events(4, modelEvents)
	plain, asked := ms.New(t), ms.New(t)
	for i := range events {
		for _, labelled := range []bool{true, false} {
			probe := ms.events(5, 1)[0]
			probe.Labelled = labelled
			if s := asked.Predict(&probe); s.Reject != nil {
				t.Fatalf("labelled %v: prediction refused: %v", labelled, s.Reject)
			}
		}
		plain.Learn(&events[i])
		asked.Learn(&events[i])
	}
	sameBytes(t, "predictions in between", asked, marshal(t, plain))
	scorer, ok := asked.(interface{ Score(*event.Event) float64 })
	for i := range events {
		events[i].Labelled = false // as a reader has it
		if s := asked.Predict(&events[i]); ok && math.Float64bits(scorer.Score(&events[i])) != math.Float64bits(s.Prediction) {
			t.Fatalf("event %d: Score %v, Predict %v", i, scorer.Score(&events[i]), s.Prediction)
		}
	}
	sameBytes(t, "predictions and scores", asked, marshal(t, plain))
}

func testWeightZero(t *testing.T, ms *Models) {
	m := ms.New(t)
	train(t, m, ms.events(6, 100))
	before := marshal(t, m)
	for _, e := range ms.events(7, 100) {
		e.Weight = 0
		if s := m.Learn(&e); s.Reject != nil || s.UpdateNorm != 0 {
			t.Fatalf("step %+v", s)
		}
	}
	sameBytes(t, "events of weight 0", m, before)
}

func testRefused(t *testing.T, ms *Models) {
	if len(ms.Refused) == 0 {
		t.Fatal("no refused events given")
	}
	for _, bad := range ms.Refused {
		t.Run(bad.Name, func(t *testing.T) {
			m := ms.New(t)
			train(t, m, ms.events(8, 200))
			before := marshal(t, m)
			for _, e := range ms.events(9, 20) {
				bad.Spoil(&e)
				s := m.Learn(&e)
				if s.Reject == nil || s.Reject.Reason != bad.Reason || s.Reject.Detail == "" {
					t.Fatalf("rejection %v, want reason %v and a detail", s.Reject, bad.Reason)
				}
			}
			sameBytes(t, "refused events", m, before)
			next, clean := ms.events(10, 100), ms.New(t)
			train(t, clean, ms.events(8, 200))
			sameSteps(t, "after refused events", train(t, m, next), train(t, clean, next))
		})
	}
}

func testDamaged(t *testing.T, ms *Models) {
	m := ms.New(t)
	train(t, m, ms.events(11, 100))
	good := marshal(t, m)
	train(t, m, ms.events(12, 10))
	before := marshal(t, m)
	r := rand.New(rand.NewPCG(11, 0))
	for range 200 {
		bad := bytesOf(good)
		if r.IntN(2) == 0 {
			bad = bad[:r.IntN(len(bad))]
		} else {
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		}
		if err := m.UnmarshalBinary(bad); !errors.Is(err, wire.ErrCorrupt) {
			t.Fatalf("damaged bytes: error %v, want one that wraps ErrCorrupt", err)
		}
	}
	// A broken payload under a valid checksum, cut short.
	body := bytesOf(good[:len(good)-9])
	if err := m.UnmarshalBinary(wire.Seal(body, 0)); !errors.Is(err, wire.ErrCorrupt) {
		t.Fatalf("truncated payload: error %v, want one that wraps ErrCorrupt", err)
	}
	sameBytes(t, "damaged bytes", m, before)
}

func testNoAllocations(t *testing.T, ms *Models) {
	m := ms.New(t)
	events := ms.events(13, modelEvents)
	train(t, m, events)
	ref, ok := m.(learner.Referenced)
	if ok {
		ref.SetReference(0)
		ref.SetReference(1)
	}
	for i := range events {
		m.Predict(&events[i])
	}
	i := 0
	next := func() *event.Event { i++; return &events[i%len(events)] }
	if n := testing.AllocsPerRun(200, func() { m.Learn(next()) }); n != 0 {
		t.Errorf("Learn allocates %v times", n)
	}
	if n := testing.AllocsPerRun(200, func() { m.Predict(next()) }); n != 0 {
		t.Errorf("Predict allocates %v times", n)
	}
}

// testFinite feeds finite events of any magnitude; every step of an accepted
// one is finite, and a refused one changes nothing.
func testFinite(t *testing.T, ms *Models) {
	if ms.Wild == nil {
		t.Fatal("no wild events given")
	}
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(14, seed))
		m := ms.New(t)
		if seed%2 == 1 {
			train(t, m, ms.events(seed, 150))
		}
		if ref, ok := m.(learner.Referenced); ok && seed%3 == 0 {
			ref.SetReference(0)
		}
		var e event.Event
		for i := range 120 {
			e.Reset()
			ms.Wild(r, &e)
			if i == 60 {
				if ref, ok := m.(learner.Referenced); ok {
					ref.SetReference(1)
				}
			}
			before := marshal(t, m)
			s := m.Learn(&e)
			if s.Reject != nil {
				sameBytes(t, "a refused event", m, before)
			}
			checkFinite(t, s)
			checkFinite(t, m.Predict(&e))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		if err := ms.New(t).UnmarshalBinary(marshal(t, m)); err != nil {
			t.Fatalf("seed %d: its own bytes are refused: %v", seed, err)
		}
	}
}

func checkFinite(t testing.TB, s event.Step) {
	t.Helper()
	values := []float64{s.Prediction, s.Margin, s.Label, s.Loss, s.Grad, s.GradNorm, s.UpdateNorm}
	values = append(values, s.Probs...)
	for _, r := range s.Ref {
		if r != nil {
			values = append(append(values, r.Loss, r.Grad), r.X...)
		}
	}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("not finite: %+v", s)
			return
		}
	}
}
