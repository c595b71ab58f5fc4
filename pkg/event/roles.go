package event

// role is what the value at a path is for.
type role uint8

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
)

// maxRoles is how many paths a roleTable remembers from record to record.
const maxRoles = 1 << 14

// roleTable remembers the role of each path that was seen, by the path's hash,
// and the last record in which the path occurred. One probe per field answers
// both "what is it for?" and "was it there already?".
//
// Two paths of equal 64-bit hash are one feature to every model, so the table
// does not tell them apart either.
type roleTable struct {
	slots []roleSlot // a power of two, open addressing, linear probing
	used  int
	stamp uint32 // number of the current record, never 0
}

type roleSlot struct {
	hash  uint64
	stamp uint32
	role  role
}

func newRoleTable() roleTable { return roleTable{slots: make([]roleSlot, 256)} }

// next starts a record. It forgets all paths when there are too many, so that
// records with ever new keys cannot fill the memory.
func (t *roleTable) next() {
	t.stamp++
	if t.stamp == 0 || t.used > maxRoles {
		t.reset()
	}
}

// reset forgets all paths.
func (t *roleTable) reset() {
	clear(t.slots)
	t.used, t.stamp = 0, 1
}

// slot returns the place of a hash: its own, or a free one with role roleNone.
func (t *roleTable) slot(h uint64) *roleSlot {
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.hash == h || s.role == roleNone {
			return s
		}
	}
}

// add puts a path that slot did not find into the table, as seen in this record.
func (t *roleTable) add(h uint64, r role) {
	if t.used >= len(t.slots)/2 {
		old := t.slots
		t.slots = make([]roleSlot, 2*len(old))
		for _, s := range old {
			if s.role != roleNone {
				*t.slot(s.hash) = s
			}
		}
	}
	*t.slot(h) = roleSlot{h, t.stamp, r}
	t.used++
}
