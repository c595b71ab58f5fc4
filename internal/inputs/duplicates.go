package inputs

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// duplicates finds events that are like one shortly before: the same features, with
// numbers that agree in their first 8 bits (within 0.4%), and the same label. It knows
// the newest event of each of 4,096 classes of such hashes, so that an event which
// came n events ago is still known with probability exp(-n/4096).
type duplicates struct {
	block, limit uint64
	reject       bool

	recent   []uint32 // fingerprints; 0 for none
	events   uint64   // of the current block
	span     span     // of its records
	found    uint64   // duplicates in it, with those refused
	admitted uint64
	repeated top     // duplicates of the current block
	last     float64 // share of duplicates in the block before
}

const recentBits = 12

func newDuplicates(c *Config) *duplicates {
	if c.MaxDuplicates == 1 {
		return nil
	}
	return &duplicates{
		block: c.Block, limit: max(uint64(float64(c.MaxDuplicates*float64(c.Block))+1e-9), 1), reject: c.Duplicates == Reject,
		recent: make([]uint32, 1<<recentBits),
	}
}

// Odd constants with about as many ones as zeros, from wyhash
// (https://github.com/wangyi-fudan/wyhash), whose folded product mix uses.
const (
	fold0 = 0x2d358dccaa6c78a5
	fold1 = 0x8bb84b93962eacc9
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^fold0, b^fold1)
	return hi ^ lo
}

// rough is what is left of a number: sign, exponent and the first 8 bits of the mantissa, rounded.
func rough(x float64) uint64 { return (math.Float64bits(x) + 1<<43) >> 44 }

// hash is that of an event, whatever the order of its features.
func hash(e *event.Event) uint64 {
	var sum uint64
	for i := range e.X.Dense {
		sum += mix(e.X.Dense[i].Hash, rough(e.X.Dense[i].Value))
	}
	for i := range e.Plain() {
		sum += mix(e.X.Sparse[i].Hash, rough(e.X.Sparse[i].Value))
	}
	for i := range e.Labels {
		sum += mix(uint64(e.Labels[i]), fold1)
	}
	for i := range e.Costs {
		sum += mix(uint64(e.Costs[i].Class), rough(e.Costs[i].Cost))
	}
	return mix(sum, rough(e.Label)^uint64(e.Arm)<<32)
}

// count counts an event of the record at an offset and reports whether it is a
// duplicate above the limit, to be refused.
func (d *duplicates) count(e *event.Event, at int64) (above bool) {
	h := hash(e)
	slot, mark := &d.recent[h>>(64-recentBits)], uint32(h)|1
	d.span.take(at, d.events)
	d.events++
	if *slot != mark {
		*slot = mark
		return false
	}
	d.found++
	d.repeated.add(h, at)
	if d.reject && d.admitted >= d.limit {
		return true
	}
	d.admitted++
	return false
}

func (d *duplicates) full() bool { return d.events >= d.block }

// close takes the figure of the complete block.
func (d *duplicates) close() { d.last = float64(d.found) / float64(d.events) }

// next begins the next block.
func (d *duplicates) next() {
	d.events, d.found, d.admitted, d.repeated = 0, 0, 0, top{}
}

func (d *duplicates) refusal() *event.Rejection {
	return reject(event.NearDuplicate, "", "is like an event shortly before, as are more than %d of a block of %d, the limit of guard.inputs.max_duplicates",
		d.limit, d.block)
}

func (d *duplicates) identity() string { return fmt.Sprintf("duplicates of blocks of %d", d.block) }

func (d *duplicates) append(b []byte) []byte {
	for _, n := range []uint64{d.events, d.found, d.admitted} {
		b = wire.AppendUvarint(b, n)
	}
	b = wire.AppendFloat64(b, d.last)
	b = d.repeated.append(d.span.append(b))
	for _, f := range d.recent {
		b = wire.AppendUvarint(b, uint64(f))
	}
	return b
}

func (d *duplicates) read(r *wire.Reader) {
	d.events, d.found, d.admitted, d.last = r.Uvarint(), r.Uvarint(), r.Uvarint(), r.Finite()
	if d.events >= d.block || d.found > d.events || d.admitted > d.found || !(d.last >= 0 && d.last <= 1) {
		r.Fail("%d duplicates, %d admitted, of %d events in a block of %d; %v before", d.found, d.admitted, d.events, d.block, d.last)
	}
	d.span.read(r)
	d.repeated.read(r, d.found)
	for i := range d.recent {
		v := r.Uvarint()
		if v > math.MaxUint32 {
			r.Fail("fingerprint %d", v)
		}
		d.recent[i] = uint32(v)
	}
}
