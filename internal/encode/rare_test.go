package encode

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// A count is never too small, and is exact while features are few.
func TestSketchCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, times := newSketch(Config{MinCount: 4}), map[uint64]int{}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			hash := rapid.Uint64Range(0, 8).Draw(t, "feature") * 0x9e3779b97f4a7c15
			if got, want := s.admits(hash), times[hash] >= 3; got != want {
				t.Fatalf("seen %d times before: admitted %v", times[hash], got)
			}
			s.count([]event.Feature{{Hash: hash, Value: 1}})
			times[hash]++
		}
	})
}

// A sweep visits every counter once a period, whatever its length.
func TestSketchSweep(t *testing.T) {
	for _, period := range []uint64{1, 3, 1000, 1<<sketchBits + 7} {
		s := newSketch(Config{MinCount: 2})
		for i := range s.counters {
			s.counters[i], s.used = 1, s.used+1
		}
		for now := uint64(5); now < 5+period; now++ {
			s.sweep(now, period)
		}
		if i := slices.Index(s.counters, 1); i >= 0 || s.used != 0 {
			t.Errorf("period %d: counter %d was not visited", period, i)
		}
	}
}

// The list holds what was touched in the last events, in order, as a plain slice does.
func TestRecent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{ExpireAfter: uint64(rapid.IntRange(1, 30).Draw(t, "after"))}
		l := newRecent(c)
		type seen struct{ key, at uint64 }
		var want []seen
		for now := uint64(1); now < uint64(rapid.IntRange(2, 200).Draw(t, "events")); now++ {
			for range rapid.IntRange(0, 3).Draw(t, "features") {
				key := rapid.Uint64Range(0, 40).Draw(t, "key")
				l.touch(key, now)
				want = append(slices.DeleteFunc(want, func(s seen) bool { return s.key == key }), seen{key, now})
			}
			for {
				key, ok := l.expired(now)
				if !ok {
					break
				}
				if want[0].key != key || now-want[0].at < c.ExpireAfter {
					t.Fatalf("event %d: %d expired, first is %+v", now, key, want[0])
				}
				want = want[1:]
			}
			if l.len != len(want) || len(want) > 0 && now-want[0].at >= c.ExpireAfter {
				t.Fatalf("event %d: %d features, want %+v", now, l.len, want)
			}
			for key := range uint64(41) {
				if got := l.find(key) != 0; got != slices.ContainsFunc(want, func(s seen) bool { return s.key == key }) {
					t.Fatalf("event %d: feature %d found: %v", now, key, got)
				}
			}
			b := l.append(nil, now)
			r := wire.NewReader(b)
			back := readRecent(r, c, now)
			if err := r.Close(); err != nil || string(back.append(nil, now)) != string(b) {
				t.Fatalf("event %d: read back: %v", now, err)
			}
		}
	})
}
