package learner

import (
	"math"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
)

const (
	crowds    = 256 // groups that keys are hashed into
	crowdSize = 20  // events of a group on average, below which groups are put together
)

// breadth tells whether a lead is one of many keys or of a few. Keys are hashed
// into groups, and a group is won when the differences of its events add up to
// more than 0. However many events an attacker sends, few keys win few groups.
type breadth struct {
	events [crowds]uint32
	lead   [crowds]float64 // sum of loss of the champion minus loss of the challenger
	total  uint64
}

// add counts an event of a key with its difference, which is at most maxLoss.
func (b *breadth) add(key []byte, d float64) {
	g := xxhash.Sum64(key) % crowds
	if b.events[g] < math.MaxUint32 {
		b.events[g]++
	}
	b.lead[g] += d
	b.total++
}

// wins returns how many groups have been won, out of how many that had events.
// Where events are few, neighbouring groups count as one.
func (b *breadth) wins() (won, groups int) {
	together := 1
	for together < crowds && b.total < uint64(crowdSize*crowds/together) {
		together *= 2
	}
	for g := 0; g < crowds; g += together {
		events, lead := uint64(0), 0.0
		for i := g; i < g+together; i++ {
			events += uint64(b.events[i])
			lead += b.lead[i]
		}
		if events < crowdSize/2 {
			continue
		}
		groups++
		if lead > 0 {
			won++
		}
	}
	return won, groups
}

// broad reports whether the lead is broad: more groups have been won than two standard
// deviations of as many fair coins explain, or, of up to four, all. Without keys there is nothing to tell apart.
func (b *breadth) broad() bool {
	won, groups := b.wins()
	return float64(2*won) >= float64(groups)+min(float64(groups), 2*math.Sqrt(float64(groups)))
}

func (b *breadth) append(out []byte) []byte {
	used := 0
	for _, n := range b.events {
		if n > 0 {
			used++
		}
	}
	out = wire.AppendUvarint(out, uint64(used))
	for g, n := range b.events {
		if n > 0 {
			out = append(out, byte(g))
			out = wire.AppendUvarint(out, uint64(n))
			out = wire.AppendFloat64(out, b.lead[g])
		}
	}
	return out
}

func (b *breadth) read(r *wire.Reader) {
	*b = breadth{}
	for range r.Count(10) {
		g, n, lead := r.Byte(), r.Uvarint(), r.Finite()
		if n == 0 || n > math.MaxUint32 || !(math.Abs(lead) <= 2*maxLoss*math.MaxUint32) || b.events[g] != 0 {
			r.Fail("%d events with a lead of %v in group %d", n, lead, g)
			return
		}
		b.events[g], b.lead[g] = uint32(n), lead
		b.total += n
	}
}
