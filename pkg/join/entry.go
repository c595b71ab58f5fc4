package join

import (
	"cmp"
	"slices"
)

// Entry is a decision, or the place that a reward keeps for one that has not come yet.
// What its methods return is valid until the next decision or reward.
type Entry struct {
	hash    uint64 // of the id
	seq     uint64 // number of arrival, which orders those that close at one time
	due     int64  // the watermark that closes it, or at which it is forgotten
	place   int    // in the heap, while waiting or open
	state   state
	shown   bool
	buf     []byte // the id, then the value of the decision's record
	idLen   int
	time    int64 // of the decision
	offset  int64
	rewards []reward // by time, then by identity
	metrics []told   // of every name the newest, by name

	label   float64 // what was learned
	tag     uint64  // see Join.Learned
	learned bool
	receipt bool // the value is one; not encoded, since every value of a closed decision is
	closing bool // it was learned when it was closed; of use until it is settled
}

type state uint8

const (
	waiting state = iota // rewards wait for the decision
	open
	closed
)

// reward is one reward of a decision.
type reward struct {
	time     int64
	identity uint64
	value    float64
}

// ID is the id of the decision.
func (e *Entry) ID() []byte { return e.buf[:e.idLen] }

// Value is the value of the decision's record. Of a remembered decision it is the receipt, see Join.Keep.
func (e *Entry) Value() []byte { return e.buf[e.idLen:] }

// Time is the time of the decision.
func (e *Entry) Time() int64 { return e.time }

// Offset is the offset of the decision's record.
func (e *Entry) Offset() int64 { return e.offset }

// Shown reports whether the decision was shown to anyone.
func (e *Entry) Shown() bool { return e.shown }

// Rewards is how many rewards there are.
func (e *Entry) Rewards() int { return len(e.rewards) }

// Label is what Join.Learned was told last; ok is false when nothing was learned.
func (e *Entry) Label() (y float64, ok bool) { return e.label, e.learned }

// size is how many bytes e holds.
func (e *Entry) size() int {
	return len(e.buf) + rewardSize*len(e.rewards) + metricSize*len(e.metrics)
}

// How many bytes a reward and a metric count.
const (
	rewardSize = 24
	metricSize = 24
)

// reset makes e the entry of another id.
func (e *Entry) reset(id []byte, hash, seq uint64) {
	*e = Entry{hash: hash, seq: seq, buf: append(e.buf[:0], id...), idLen: len(id), rewards: e.rewards[:0], metrics: e.metrics[:0]}
}

// add takes a reward, unless it is there already or there are too many.
func (e *Entry) add(r reward) Verdict {
	i, found := slices.BinarySearchFunc(e.rewards, r, func(a, b reward) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.identity, b.identity))
	})
	switch {
	case found || slices.ContainsFunc(e.rewards, func(o reward) bool { return o.identity == r.identity }):
		return Duplicate
	case len(e.rewards) == MaxRewards:
		return TooMany
	}
	e.rewards = slices.Insert(e.rewards, i, r)
	return Taken
}
