package learner_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// blobs keeps what snapshots refer to, and gives it back.
type blobs map[state.Sum][]byte

func (b blobs) keep(s *state.Snapshot) {
	for _, x := range s.Blobs {
		b[x.Sum] = x.Data
	}
}

func (b blobs) fetch(s state.Sum) ([]byte, error) {
	if data, ok := b[s]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("blob %s: %w", s, state.ErrNotFound)
}

// From any version on, the state that it was taken from leads to the very state
// of the learner that went on, through alarms, freezes and new references.
func TestVersionsGoOnBitForBit(t *testing.T) {
	for name, c := range map[string]learner.Config{"whole": config(t), "chained": chained(t)} {
		t.Run(name, func(t *testing.T) {
			const records = 1000
			stream := func() *sim.FraudStream {
				s := sim.Fraud(4)
				s.Malformed, s.Poison = 0.02, []sim.Episode{{From: 600, To: 700, Share: 1}}
				return s
			}
			whole, s, stored := newLearner(t, c), stream(), blobs{}
			var versions []state.Version
			for range records {
				o := whole.Feed(learner.Record{Offset: whole.Next().Offset, Value: s.Next(nil)})
				if o.Proven {
					snap := whole.Snapshot()
					stored.keep(snap)
					versions = append(versions, snap.Current.Version)
				}
			}
			want := whole.Snapshot()
			if len(versions) < 20 || whole.Stats().Freezes == 0 {
				t.Fatalf("%d versions, %d freezes: the test proves too little", len(versions), whole.Stats().Freezes)
			}
			for i := 0; i < len(versions)-4; i += 11 { // the last ones are still pending at the end, without their origin
				v := &versions[i]
				l, err := learner.RestoreVersion(c, v, stored.fetch)
				if err != nil {
					t.Fatal(err)
				}
				s := stream()
				for range v.Next.Offset {
					s.Next(nil)
				}
				feed(l, s, records-int(v.Next.Offset))
				if diff := cmp.Diff(want, l.Snapshot()); diff != "" {
					t.Fatalf("from version %d on it ended differently:\n%.1000s", v.Number, diff)
				}
			}
		})
	}
}

func TestVersionsWithoutTheirState(t *testing.T) {
	l, s, stored := newLearner(t, config(t)), sim.Fraud(1), blobs{}
	feed(l, s, 500)
	stored.keep(l.Snapshot())
	v := l.Snapshot().Current.Version
	without := v
	without.State = state.Sum{}
	if _, err := learner.RestoreVersion(config(t), &without, stored.fetch); err == nil {
		t.Error("a version without a state was restored")
	}
	for sum := range stored {
		left := blobs{}
		for k, data := range stored {
			left[k] = data
		}
		delete(left, sum)
		_, err := learner.RestoreVersion(config(t), &v, left.fetch)
		if sum == v.State && err == nil {
			t.Error("the state is missing, and nobody noticed")
		}
	}
}
