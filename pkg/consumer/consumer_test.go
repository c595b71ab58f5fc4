package consumer

import (
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

func TestLearnsEachRecordOnce(t *testing.T) {
	w := newWorld(t, 3)
	w.produce(1000, 0, 1, 2)
	m := w.start(nil)
	w.exactlyOnce(0, 1, 2)
	w.produce(1000, 0, 2)
	w.exactlyOnce(0, 1, 2)
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestShutdownSavesWhatWasLearned(t *testing.T) {
	w := newWorld(t, 2)
	w.produce(30, 0, 1) // fewer than a checkpoint
	m := w.start(func(c *Config, _ *Deps) { c.SaveInterval = patient })
	m.waitFor("all fed", func(got map[int32]PartitionStatus) bool {
		return got[0].Next.Offset == 30 && got[1].Next.Offset == 30
	})
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	w.exactlyOnce(0, 1)
	w.produce(30, 0, 1)
	w.start(nil)
	w.exactlyOnce(0, 1)
}

func TestRebalanceKeepsExactlyOnce(t *testing.T) {
	w := newWorld(t, 4)
	w.produce(500, 0, 1, 2, 3)
	a := w.start(nil)
	a.waitOwned(4)
	b := w.start(nil)
	w.produce(500, 0, 1, 2, 3)
	a.waitOwned(2)
	b.waitOwned(2)
	w.produce(500, 0, 1, 2, 3)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	b.waitOwned(4)
	w.produce(500, 0, 1, 2, 3)
	w.exactlyOnce(0, 1, 2, 3)
}

func TestKillLosesAndRepeatsNothing(t *testing.T) {
	w := newWorld(t, 2)
	for range 3 {
		m := w.start(nil)
		w.produce(450, 0, 1)
		m.waitFor("some progress", func(got map[int32]PartitionStatus) bool { return got[0].Stats.Fed > 0 && got[1].Stats.Fed > 0 })
		m.kill()
		<-m.ended
		m.ended <- nil
	}
	w.start(nil)
	w.exactlyOnce(0, 1)
}

func TestTopicMayComeLater(t *testing.T) {
	w := newWorld(t, 1)
	var logged syncBuffer
	w.logs = &logged
	m := w.start(func(c *Config, _ *Deps) { c.Topic = "later" })
	wait(t, func() (bool, string) { return strings.Contains(logged.String(), "topic=later"), logged.String() })
	if _, err := kadm.NewClient(w.client).CreateTopic(t.Context(), 2, 1, nil, "later"); err != nil {
		t.Fatal(err)
	}
	m.waitOwned(2)
}

// syncBuffer is a buffer that a logger may write to while a test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
