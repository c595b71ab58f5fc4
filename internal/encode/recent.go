package encode

import (
	"github.com/streamlearner/streamlearner/internal/wire"
)

// recent lists the features of the last learned events, the one that was not seen
// for longest first, so that those that expire stand at its head: an event pays for
// as many as one event before it had.
type recent struct {
	after uint64   // events until a feature expires
	items []item   // item 0 is both ends of the list
	index []uint32 // open addressing by key; 0 for free
	free  uint32   // first item that is not used, linked by next
	len   int
}

// item is a feature by its key, which the inner model gives it: features that share a
// weight have one.
type item struct {
	key, seen  uint64 // seen: events learned with the last one that had it
	prev, next uint32
}

const minRecent = 64

func newRecent(c Config) *recent {
	if c.ExpireAfter == 0 {
		return nil
	}
	return &recent{after: c.ExpireAfter, items: make([]item, 1), index: make([]uint32, minRecent)}
}

// spread maps keys, which may be small numbers, to places (Fibonacci hashing, Knuth,
// The Art of Computer Programming 3, section 6.4).
func (l *recent) spread(key uint64) uint32 {
	const goldenRatio = 0x9e3779b97f4a7c15
	return uint32(key*goldenRatio>>32) & uint32(len(l.index)-1)
}

// find returns the item of a key; 0 for none.
func (l *recent) find(key uint64) uint32 {
	mask := uint32(len(l.index) - 1)
	for i := l.spread(key); ; i = (i + 1) & mask {
		if at := l.index[i]; at == 0 || l.items[at].key == key {
			return at
		}
	}
}

// touch moves a feature to the end of the list, as seen with event number now.
func (l *recent) touch(key, now uint64) {
	at := l.find(key)
	if at == 0 {
		at = l.add(key)
	} else {
		l.unlink(at)
	}
	it, head := &l.items[at], &l.items[0]
	it.seen, it.prev, it.next = now, head.prev, 0
	l.items[head.prev].next = at
	head.prev = at
}

func (l *recent) unlink(at uint32) {
	it := &l.items[at]
	l.items[it.prev].next = it.next
	l.items[it.next].prev = it.prev
}

// add makes an item that is not in the list yet.
func (l *recent) add(key uint64) uint32 {
	at := l.free
	if at != 0 {
		l.free = l.items[at].next
	} else {
		at = uint32(len(l.items))
		l.items = append(l.items, item{})
	}
	l.items[at].key = key
	l.len++
	if 2*l.len <= len(l.index) {
		l.place(at)
		return at
	}
	l.index = make([]uint32, 2*len(l.index))
	for i := l.items[0].next; i != 0; i = l.items[i].next {
		l.place(i)
	}
	l.place(at)
	return at
}

// place enters an item into the index.
func (l *recent) place(at uint32) {
	mask := uint32(len(l.index) - 1)
	i := l.spread(l.items[at].key)
	for l.index[i] != 0 {
		i = (i + 1) & mask
	}
	l.index[i] = at
}

// expired takes the first feature off the list if it has expired at event number now.
func (l *recent) expired(now uint64) (key uint64, ok bool) {
	at := l.items[0].next
	if at == 0 || now-l.items[at].seen < l.after {
		return 0, false
	}
	key = l.items[at].key
	l.unlink(at)
	l.displace(at)
	l.items[at].next = l.free
	l.free = at
	l.len--
	return key, true
}

// displace takes an item out of the index, and moves those behind it up to where they
// are found (Knuth, section 6.4, algorithm R).
func (l *recent) displace(at uint32) {
	mask := uint32(len(l.index) - 1)
	i := l.spread(l.items[at].key)
	for l.index[i] != at {
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		if l.index[j] == 0 {
			break
		}
		if home := l.spread(l.items[l.index[j]].key); (j-home)&mask >= (j-i)&mask {
			l.index[i] = l.index[j]
			i = j
		}
	}
	l.index[i] = 0
}

// append appends the number of features uvarint, then of each in the order of the list its
// key uint64 and how many events ago it was seen uvarint.
func (l *recent) append(b []byte, now uint64) []byte {
	if l == nil {
		return b
	}
	b = wire.AppendUvarint(b, uint64(l.len))
	for at := l.items[0].next; at != 0; at = l.items[at].next {
		b = wire.AppendUint64(b, l.items[at].key)
		b = wire.AppendUvarint(b, now-l.items[at].seen)
	}
	return b
}

// readRecent reads what append wrote. Errors are left in r.
func readRecent(r *wire.Reader, c Config, now uint64) *recent {
	l := newRecent(c)
	if l == nil {
		return nil
	}
	youngest := now
	for range r.Count(8 + 1) {
		key, ago := r.Uint64(), r.Uvarint()
		if r.Err() == nil && (ago > youngest || ago >= l.after || l.find(key) != 0) {
			r.Fail("feature %016x, seen %d events ago, twice or out of order", key, ago)
		}
		if r.Err() != nil {
			return l
		}
		youngest = ago
		l.touch(key, now-ago)
	}
	return l
}
