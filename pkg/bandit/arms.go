package bandit

import (
	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// arms is the table of a bandit's arms. An arm is its name; its index is its
// place in the table, by which all statistics are kept. Arms are only ever
// appended, so that an index keeps its meaning.
type arms struct {
	names  []string
	hashes []uint64
}

func newArms(names []string) *arms {
	t := &arms{}
	for _, n := range names {
		t.names, t.hashes = append(t.names, n), append(t.hashes, xxhash.Sum64String(n))
	}
	return t
}

func (t *arms) len() int { return len(t.names) }

// append writes the number of arms and their names.
func (t *arms) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(t.names)))
	for _, n := range t.names {
		b = wire.AppendString(b, n)
	}
	return b
}

func readArms(r *wire.Reader) []string {
	var names []string
	for range r.Count(1) {
		names = append(names, r.String())
	}
	return names
}
