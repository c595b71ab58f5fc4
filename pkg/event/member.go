package event

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// member is what a JSON decoder remembers of one path: what it is for, what the
// features of its values are, and how its key looked in the newest record.
//
// Records of one stream have the same keys in the same order, most of the time.
// So the members of an object form a chain, in the order in which they came, and
// the next key is guessed to be that of the next member. To confirm a guess
// takes the comparison of a few words with the bytes of the record, from the
// quote before the key to the value, instead of reading a string, hashing the
// path and looking it up. After a wrong guess the key is read as if there were
// none, and the chain corrected; after many, guessing pauses, see judge.
//
// A chain belongs to a path whose value is an object. So a confirmed key has a
// confirmed path. But there may be two ways to one path, as in {"a.b":1} and
// {"a":{"b":1}}. Members with such a path are in no chain, and are always looked up.
type member struct {
	seen  seen
	next  *member // came after it in its object, or nil
	id    uint64  // xxHash of the path
	role  role
	stamp uint32     // the newest record, or action of one, in which the path occurred
	hash  prefixHash // of name

	name      string    // the path and "="; empty for the record itself
	key       int       // where its last key starts in name
	ambiguous bool      // there are other keys that make its path
	first     *member   // came first in its value, or nil
	elements  []*member // the elements of its value from 0 on, as far as they were met
	text      []byte    // what seen reports
}

// seen is how the key of a member was written: the bytes from its quote to the
// value, white space included.
type seen struct {
	head, tail uint64 // its first and last 8 bytes; both all of it when it is shorter
	mask       uint64 // which bits of them count
	size       uint32
	tailAt     uint32
	reach      uint32 // bytes that a comparison of head and tail looks at; great when they are not all of it
}

func newSeen(text []byte) seen {
	s := seen{size: uint32(len(text)), tailAt: uint32(max(len(text)-8, 0)), mask: ^uint64(0)}
	if s.size < 8 {
		s.mask = 1<<(8*s.size) - 1
	}
	s.reach = s.tailAt + 8
	if s.size > 16 {
		s.reach = math.MaxInt32
	}
	s.head, s.tail = word(text, 0)&s.mask, word(text, int(s.tailAt))&s.mask
	return s
}

// nowhere is what no record holds: it would have to be two words at once.
func nowhere() seen { return seen{head: 1, mask: ^uint64(0), reach: math.MaxInt32} }

// at reports whether the key of m stands at b[i:].
func (m *member) at(b []byte, i int) bool {
	s := &m.seen
	if ((word(b, i)^s.head)|(word(b, i+int(s.tailAt))^s.tail))&s.mask != 0 {
		return false
	}
	return s.size <= 16 || i+int(s.size) <= len(b) && bytes.Equal(b[i:i+int(s.size)], m.text)
}

// word returns the 8 bytes at b[i:], the first in the lowest bits. Behind the
// end of b there are zeros.
func word(b []byte, i int) uint64 {
	if i+8 <= len(b) {
		return inside(b, i)
	}
	return lastWord(b, i)
}

// inside is word where the 8 bytes lie inside of b. It leaves out the checks
// that the compiler adds, which cannot know that i is not negative.
func inside(b []byte, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
}

//go:noinline
func lastWord(b []byte, i int) uint64 {
	var tail [8]byte
	if i < len(b) {
		copy(tail[:], b[i:])
	}
	return binary.LittleEndian.Uint64(tail[:])
}

// guess returns the member whose key is at b[i:], if it is one of the next few
// of the chain that starts with m: those before it are absent. Otherwise nil.
func guess(m *member, b []byte, i int) *member {
	for range maxAbsent + 1 {
		if m == nil || m.at(b, i) {
			return m
		}
		m = m.next
	}
	return nil
}

// maxAbsent is how many successive members may be absent from a record without
// its next key being looked up.
const maxAbsent = 3

// members are all members that a decoder remembers.
type members struct {
	roles  roleTable
	root   member // the record itself
	record uint32 // stamp of the current record or action, never 0
	stamps uint32 // that were given
	bytes  int    // of paths and keys

	guesses bool    // in the current record
	looked  int     // keys of it that were looked up nevertheless
	pause   int     // records to come in which no key is guessed
	longer  int     // how long the pause was
	nobody  *member // what is guessed then: nil
}

// maxMemberBytes is how many bytes of paths and keys are remembered from record
// to record.
const maxMemberBytes = 4 << 20

func newMembers() members { return members{roles: newRoleTable()} }

// nextRecord starts a record. It forgets all members when there are too many,
// so that records with ever new keys cannot fill the memory.
func (t *members) nextRecord() {
	t.guesses, t.looked = t.pause == 0, 0
	t.pause = max(t.pause-1, 0)
	t.stamps++
	if t.stamps > math.MaxUint32-maxActions || t.roles.used > maxRoles || t.bytes > maxMemberBytes {
		t.roles.reset()
		t.root = member{}
		t.stamps, t.bytes = 1, 0
	}
	t.record = t.stamps
}

// judge decides at the end of a record with so many features whether to go on
// guessing. Where keys come in ever new orders, guesses and the care for them
// only cost time. So after a record with many wrong ones there is a pause, twice
// as long each time.
func (t *members) judge(features int) {
	switch {
	case !t.guesses:
	case t.looked > maxAbsent && 4*t.looked > features:
		t.longer = min(2*t.longer+1, maxPause)
		t.pause = t.longer
	default:
		t.longer = 0
	}
}

// maxPause is how many records may pass before the order of keys is tried again.
const maxPause = 63

// lookUp returns the member of the path d.path, whose last key starts at d.path[key:].
func (d *JSON) lookUp(key int) *member {
	h := pathHash(d.path)
	if s := d.roles.slot(h); s.role != roleNone {
		if m := s.member; m.key != key && !m.ambiguous {
			m.ambiguous, m.seen, m.next = true, nowhere(), nil
		}
		return s.member
	}
	d.path = append(d.path, '=')
	m := &member{name: string(d.path), key: key, seen: nowhere(), hash: newPrefixHash(d.path)}
	m.id, m.role = xxhash.Sum64String(m.path()), d.roleOf(m.path())
	d.roles.add(h, m.role, m)
	d.bytes += len(m.name)
	return m
}

// path returns the path of m.
func (m *member) path() string { return m.name[:max(len(m.name)-1, 0)] }

// link notes that the key of m is written like text, and that m came where
// expected was guessed. It returns where the next member is guessed.
func (t *members) link(m *member, text []byte, expected **member) **member {
	if m.ambiguous {
		return expected
	}
	t.bytes += len(text) - len(m.text)
	m.text = append(m.text[:0], text...)
	m.seen = newSeen(text)
	if old := *expected; m.next == nil && old != m {
		m.next = old
	}
	*expected = m
	return &m.next
}
