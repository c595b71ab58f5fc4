package event

import (
	"encoding/binary"
	"math/bits"
)

// role is what the value at a path is for.
type role uint32

const (
	roleNone        role = iota // free slot of a roleTable
	roleAuto                    // a feature by the type of its value
	roleNumeric                 // a numeric feature
	roleCategorical             // a categorical feature
	roleSkip                    // nothing
	roleLabel
	roleWeight
	roleTime
	roleKey
	roleID
	roleArm
	roleProbability
	roleSource
	roleLogged
	roleActions
	roleEligible
	roleMetric // the first of Schema.Metrics; the others follow
)

const (
	roleText   = roleMetric + MaxMetrics + iota // an automatic feature whose strings are split into words; has a shape
	roleShaped                                  // and above: see shape
)

// maxRoles is how many paths a roleTable remembers from record to record.
const maxRoles = 1 << 14

// roleTable remembers of each path that was seen its role, and for JSON its
// member. Paths are told apart by a 64-bit hash of their bytes that is cheaper
// than xxHash and never leaves the process.
type roleTable struct {
	slots []roleSlot // a power of two, open addressing, linear probing
	used  int
}

type roleSlot struct {
	path   uint64 // pathHash of the path
	role   role
	member *member // nil in other formats than JSON
}

func newRoleTable() roleTable { return roleTable{slots: make([]roleSlot, 256)} }

// reset forgets all paths.
func (t *roleTable) reset() {
	clear(t.slots)
	t.used = 0
}

// slot returns the place of a path: its own, or a free one with role roleNone.
func (t *roleTable) slot(path uint64) *roleSlot {
	mask := uint64(len(t.slots) - 1)
	for i := path & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.path == path || s.role == roleNone {
			return s
		}
	}
}

// add puts a path that slot did not find into the table.
func (t *roleTable) add(path uint64, r role, m *member) {
	if t.used >= len(t.slots)/2 {
		old := t.slots
		t.slots = make([]roleSlot, 2*len(old))
		for _, s := range old {
			if s.role != roleNone {
				*t.slot(s.path) = s
			}
		}
	}
	t.used++
	*t.slot(path) = roleSlot{path, r, m}
}

// Odd constants with about as many ones as zeros, from wyhash, whose folded
// product pathHash uses (https://github.com/wangyi-fudan/wyhash).
const (
	fold0 = 0x2d358dccaa6c78a5
	fold1 = 0x8bb84b93962eacc9
)

// pathHash hashes the bytes of a path 16 at a time; the last 16 may overlap
// those before them. Its start depends in all bits on the length, which otherwise
// could make up for a character.
func pathHash(b []byte) uint64 {
	n := len(b)
	h := uint64(n) * fold0
	if n < 8 {
		return fold(shortWord(b)^fold1, h)
	}
	for i := 0; i+16 < n; i += 16 {
		h = fold(binary.LittleEndian.Uint64(b[i:])^fold1, binary.LittleEndian.Uint64(b[i+8:])^h)
	}
	return fold(binary.LittleEndian.Uint64(b[max(n-16, 0):])^fold1, binary.LittleEndian.Uint64(b[n-8:])^h)
}

// fold multiplies and adds the halves of the product without carry.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// shortWord packs fewer than 8 bytes into a word; of one length, no two alike.
func shortWord(b []byte) uint64 {
	n := len(b)
	switch {
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<32
	case n > 0:
		return uint64(b[0]) | uint64(b[n/2])<<8 | uint64(b[n-1])<<16
	}
	return 0
}
