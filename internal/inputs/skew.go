package inputs

import (
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// skew compares the features that were logged at decision time with those that are
// learned from. What is logged is decoded as a record of its own, so that both go
// the same way. Numbers count as equal within a millionth, about the precision of
// 32 bits. A field that only one of the two has is a difference: what is learned from and
// was not there at decision time is often a field that is known only after the label.
type skew struct {
	decoder event.Decoder // nil where nothing is compared
	event   event.Event   // as it was at decision time
	block   skewCounts

	logged, skewed, unreadable float64 // shares of the last block
	then, now                  [maxFields]digest
}

// skewCounts are of one block.
type skewCounts struct {
	logged     uint64 // with the features of decision time
	skewed     uint64 // of these, with a difference in a field that is watched
	unreadable uint64 // of these, whose features of decision time cannot be decoded
}

// digest is the value of one field, which may be of several features.
type digest struct {
	sum     float64 // of its numbers
	mixed   uint64  // hash of its categories, whatever their order
	present bool
}

const tolerance = 1e-6

func (d *digest) differs(o *digest) bool {
	if d.present != o.present || d.mixed != o.mixed {
		return true
	}
	return !(math.Abs(d.sum-o.sum) <= tolerance*max(math.Abs(d.sum), math.Abs(o.sum)))
}

// compare takes an event with the features of decision time.
func (w *watch) compare(e *event.Event) {
	s := &w.skew
	s.block.logged++
	if s.decoder.Decode(e.Logged, &s.event) != nil {
		s.block.unreadable++
		return
	}
	w.digest(&s.event, &s.then)
	w.digest(e, &s.now)
	skewed := false
	for i := range w.columns {
		then, now := &s.then[i], &s.now[i]
		if !then.present && !now.present {
			continue
		}
		b := &w.columns[i].block
		b.compared++
		if then.differs(now) {
			b.skewed++
			skewed = true
			switch {
			case !then.present:
				b.absent.add(w.at)
			case !now.present:
				b.lost.add(w.at)
			default:
				b.other.add(w.at)
			}
		}
	}
	if skewed {
		s.block.skewed++
	}
}

func (w *watch) digest(e *event.Event, out *[maxFields]digest) {
	clear(out[:len(w.columns)])
	for i := range e.X.Dense {
		f := &e.X.Dense[i]
		if n := w.table.find(f.Field); n != unknown && n != ignored {
			out[n].sum += f.Value
			out[n].present = true
		}
	}
	for i := range e.Plain() {
		f := &e.X.Sparse[i]
		if n := w.table.find(f.Field); n != unknown && n != ignored && f.Hash != w.columns[n].indicator {
			out[n].mixed += mix(f.Hash, math.Float64bits(f.Value))
			out[n].present = true
		}
	}
}

// next begins the next block.
func (s *skew) next(events uint64) {
	b := &s.block
	s.logged, s.skewed, s.unreadable = share(b.logged, events), share(b.skewed, b.logged), share(b.unreadable, b.logged)
	*b = skewCounts{}
}
