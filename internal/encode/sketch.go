package encode

import (
	"encoding/binary"
	"math/bits"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// sketch counts how often features came, in 2^20 counters of which each feature has
// two, and the smaller one is its count: a count-min sketch with conservative update
// (Cormode, Muthukrishnan 2005, https://doi.org/10.1016/j.jalgor.2003.12.001; Estan,
// Varghese 2003, https://doi.org/10.1145/859716.859719), as filters of rare features
// go (McMahan et al. 2013, section 4.1, https://doi.org/10.1145/2487575.2488200).
// Counts are never too small. With 100,000 features of which each came once, 3% of
// those that are new count as seen before.
type sketch struct {
	enough   byte // counters stop here
	counters []byte
	used     int // counters that are not 0
}

const sketchBits = 20

func newSketch(c Config) *sketch {
	if c.MinCount == 0 {
		return nil
	}
	return &sketch{enough: byte(c.MinCount - 1), counters: make([]byte, 1<<sketchBits)}
}

// pair returns the counters of a feature.
func (s *sketch) pair(hash uint64) (a, b *byte) {
	const mask = 1<<sketchBits - 1
	return &s.counters[hash&mask], &s.counters[bits.RotateLeft64(hash, 32)&mask]
}

// admits reports whether a feature came often enough, with the event at hand.
func (s *sketch) admits(hash uint64) bool {
	a, b := s.pair(hash)
	return min(*a, *b) >= s.enough
}

// count counts the sparse features of an event.
func (s *sketch) count(features []event.Feature) {
	for i := range features {
		a, b := s.pair(features[i].Hash)
		n := min(*a, *b)
		if n >= s.enough {
			continue
		}
		for _, c := range [...]*byte{a, b} {
			if *c != n { // counted already when the two are one
				continue
			}
			if n == 0 {
				s.used++
			}
			*c = n + 1
		}
	}
}

// sweep forgets the counters whose turn it is at an event: all of them once in so
// many events.
func (s *sketch) sweep(now, period uint64) {
	i := now % period
	part := s.counters[i<<sketchBits/period : (i+1)<<sketchBits/period]
	for k, v := range part {
		if v > 0 {
			part[k] = 0
			s.used--
		}
	}
}

// append appends the number of counters that are not 0 uvarint, then of each in ascending
// order the distance to the one before (of the first: to -1) uvarint and the count byte.
func (s *sketch) append(b []byte) []byte {
	if s == nil {
		return b
	}
	b = wire.AppendUvarint(b, uint64(s.used))
	last := -1
	for at := 0; at < len(s.counters); at += 8 { // most are 0
		if binary.LittleEndian.Uint64(s.counters[at:]) == 0 {
			continue
		}
		for i, v := range s.counters[at : at+8] {
			if v > 0 {
				b = append(wire.AppendUvarint(b, uint64(at+i-last)), v)
				last = at + i
			}
		}
	}
	return b
}

// readSketch reads what append wrote. Errors are left in r.
func readSketch(r *wire.Reader, c Config) *sketch {
	s := newSketch(c)
	if s == nil {
		return nil
	}
	last := -1
	for range r.Count(1 + 1) {
		d, v := r.Uvarint(), r.Byte()
		if r.Err() == nil && (d == 0 || d > uint64(len(s.counters)-1-last) || v == 0 || v > s.enough) {
			r.Fail("counter %d steps after counter %d holds %d", d, last, v)
		}
		if r.Err() != nil {
			return s
		}
		last += int(d)
		s.counters[last] = v
		s.used++
	}
	return s
}
