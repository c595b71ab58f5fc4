package consumer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// poison appends good records with a bad one at every tenth offset.
func (w *world) poison(n int, partition int32) {
	w.t.Helper()
	var rs []*kgo.Record
	for i := range n {
		word := "event "
		if i%10 == 9 {
			word = "bad "
		}
		rs = append(rs, &kgo.Record{
			Topic: w.topic, Partition: partition, Key: fmt.Append(nil, "k", i), Value: fmt.Append(nil, word, partition, " ", i),
			Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("t1")}},
		})
	}
	w.write(rs...)
}

func (w *world) deadLetter() string { return w.topic + "." + w.model + ".dead" }

// letters reads n different dead letters.
func (w *world) letters(n int) map[string]*kgo.Record {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumeTopics(w.deadLetter()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), patient)
	defer cancel()
	got := map[string]*kgo.Record{}
	for len(got) < n {
		f := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			w.t.Fatalf("%d dead letters in %v, want %d", len(got), patient, n)
		}
		f.EachRecord(func(r *kgo.Record) { got[refusedAt(r)] = r })
	}
	return got
}

func headersOf(r *kgo.Record) map[string]string {
	h := map[string]string{}
	for _, header := range r.Headers {
		h[header.Key] = string(header.Value)
	}
	return h
}

// refusedAt names the record that a dead letter is about.
func refusedAt(r *kgo.Record) string {
	h := headersOf(r)
	return h[headerTopic] + "/" + h[headerPartition] + "/" + h[headerOffset]
}

func TestRefusedRecordsGoToTheDeadLetterTopic(t *testing.T) {
	w := newWorld(t, 1)
	w.poison(300, 0)
	m := w.start(nil)
	w.exactlyOnce(0)
	got := w.letters(30)
	for i := int64(9); i < 300; i += 10 {
		r := got[fmt.Sprint(topic, "/0/", i)]
		if r == nil {
			t.Fatalf("no letter for offset %d", i)
		}
		if string(r.Key) != fmt.Sprint("k", i) || string(r.Value) != fmt.Sprint("bad ", 0, " ", i) {
			t.Errorf("offset %d: key %q, value %q", i, r.Key, r.Value)
		}
		want := map[string]string{
			"trace": "t1", "sl-topic": topic, "sl-partition": "0", "sl-offset": fmt.Sprint(i), "sl-model": "fraud",
			"sl-reason": "syntax", "sl-field": "value", "sl-detail": "it is bad",
		}
		if diff := cmp.Diff(want, headersOf(r)); diff != "" {
			t.Errorf("headers of offset %d (-want +got):\n%s", i, diff)
		}
	}
	if n := m.metric("streamlearner_dead_letters_total", 0); n != 30 {
		t.Errorf("%v letters counted, want 30", n)
	}
	if got := w.stored(0); got.Refused != 30 {
		t.Errorf("%d refused in the state, want 30", got.Refused)
	}
}

// refuser is a learner that refuses the decision of offset 3 when the window of it has passed, at offset 7.
type refuser struct{ Learner }

func (l refuser) Feed(r learner.Record) *learner.Outcome {
	o := l.Learner.Feed(r)
	if r.Offset == 7 {
		o.Refused = []learner.Refused{{
			Offset: 3, Time: 1000, Value: []byte("decision"),
			Reject: &event.Rejection{Reason: event.RewardInvalid, Detail: "the sum is too large"},
		}}
	}
	return o
}

func TestDecisionsRefusedAtTheEndOfTheirWindowAreTheirOwnLetters(t *testing.T) {
	w := newWorld(t, 1)
	w.produce(20, 0)
	w.start(func(_ *Config, d *Deps) {
		build := d.New
		d.New = func(start state.Position) (Learner, error) {
			l, err := build(start)
			return refuser{l}, err
		}
	})
	w.exactlyOnce(0)
	r := w.letters(1)[topic+"/0/3"]
	if r == nil || string(r.Value) != "decision" || headersOf(r)[headerReason] != "reward_invalid" {
		t.Errorf("letter %+v", r)
	}
}

func TestUnavailableDeadLetterTopicStopsOnePartition(t *testing.T) {
	w := newWorld(t, 2)
	m := w.start(nil)
	m.waitOwned(2)
	w.produce(100, 0, 1)
	w.exactlyOnce(0, 1)
	fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: dead, Err: kerr.TopicAuthorizationFailed, Count: -1})
	for range 100 {
		w.poison(100, 0) // first bad record at offset 109
	}
	w.produce(500, 1)
	m.waitState(0, Blocked, dead, "TOPIC_AUTHORIZATION_FAILED")
	w.exactlyOnce(1)
	if got := w.stored(0); got.Next.Offset > 109 {
		t.Errorf("saved up to %d although the letter of 109 is not stored", got.Next.Offset)
	}
	if n := m.metric("streamlearner_dead_letter_errors_total", 0); n == 0 {
		t.Error("no failed write was counted")
	}
	fault.Remove()
	w.exactlyOnce(0)
	w.letters(1000)
	m.waitOwned(2)
}

// A member that goes while letters are outstanding leaves the records to the next.
func TestLettersOutliveTheirMember(t *testing.T) {
	w := newWorld(t, 1)
	m := w.start(func(c *Config, _ *Deps) { c.SaveTimeout = 500 * time.Millisecond })
	m.waitOwned(1)
	fault := w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: dead, Err: kerr.TopicAuthorizationFailed, Count: -1})
	for range 50 {
		w.poison(100, 0)
	}
	m.waitState(0, Blocked)
	if err := m.stop(); err == nil {
		t.Error("Run reports no error although letters and the last save were given up")
	}
	fault.Remove()
	if got := w.stored(0); got.Next.Offset > 9 {
		t.Fatalf("saved up to %d although the letter of 9 is not stored", got.Next.Offset)
	}
	w.start(nil)
	w.exactlyOnce(0)
	w.letters(500)
}

func TestMissingDeadLetterTopicIsCreated(t *testing.T) {
	w := newWorld(t, 1)
	m := w.start(nil)
	adm := kadm.NewClient(w.client)
	exists := func() (bool, string) {
		topics, err := adm.ListTopics(t.Context())
		return err == nil && topics.Has(dead), fmt.Sprint("topics ", topics.Names(), err)
	}
	wait(t, exists)
	if _, err := adm.DeleteTopic(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	w.poison(100, 0)
	w.exactlyOnce(0)
	w.letters(10)
	m.waitOwned(1)
}
