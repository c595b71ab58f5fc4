package join

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// Verdict is what becomes of a record.
type Verdict uint8

// The verdicts.
const (
	Taken     Verdict = iota
	Duplicate         // it was there already
	Late              // it came too late, or its time lies outside of the window
	TooMany           // the decision has MaxRewards rewards
	Correct           // the reward belongs to a decision that is closed already
)

// Visibility is what the record of a decision says of whether it was shown.
type Visibility uint8

// The visibilities.
const (
	Unsaid     Visibility = iota // as Config.Hidden says
	Shown                        //
	NeverShown                   // unless an activation says otherwise
)

// Decision is the record of a decision.
type Decision struct {
	ID     []byte
	Time   int64
	Offset int64
	Value  []byte // of the record
	Shown  Visibility
}

// Counts are what became of all records since the state began.
type Counts struct {
	Rewarded   uint64 // decisions closed with rewards
	Unrewarded uint64 // decisions closed without
	NeverShown uint64 // decisions closed that nobody was shown
	Late       uint64 // decisions, rewards and activations that came too late
	Duplicates uint64 // decisions, rewards and activations that were there already
	Unmatched  uint64 // rewards whose decision did not come
	Overflows  uint64 // decisions closed early, and rewards dropped, for lack of room
	Corrected  uint64 // late rewards that corrected what was learned
}

// Sizes are how much is held now.
type Sizes struct {
	Open, Waiting, Remembered int
}

// Join is the state of a join. See the package comment.
type Join struct {
	cfg        Config
	newest     int64 // event time; noTime before the first record
	ended      bool  // no record will come any more
	seq        uint64
	table      table
	pending    heap // entries waiting and open
	waiting    int  // of them those that wait
	remembered ring // closed ones, in the order in which they are forgotten
	free       []*Entry
	leaving    *Entry // what Close returned last, as long as its value may be in use
	counts     Counts
	held       int    // bytes of ids, values and rewards
	room       int    // for them
	log        []byte // what was done since Cut
	forgot     []uint64
}

const noTime = math.MinInt64

// maxHeld is how many bytes of ids, values and rewards a join holds: its state has to fit
// into one value of Redis, which takes 512 MB.
const maxHeld = 256 << 20

// New returns a join without history.
func New(c Config) (*Join, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Join{cfg: c, newest: noTime, table: newTable(), room: maxHeld}, nil
}

// Counts returns the counters.
func (j *Join) Counts() Counts { return j.counts }

// Sizes returns how much is held.
func (j *Join) Sizes() Sizes {
	return Sizes{Open: len(j.pending) - j.waiting, Waiting: j.waiting, Remembered: j.remembered.len()}
}

// Watermark is the event time up to which the records say that all is known; ok is false before the first one.
func (j *Join) Watermark() (t int64, ok bool) { return j.newest - j.cfg.Lateness, j.newest != noTime }

func (j *Join) watermark() int64 {
	switch {
	case j.ended:
		return math.MaxInt64
	case j.newest == noTime:
		return noTime
	}
	return j.newest - j.cfg.Lateness
}

// Advance moves the watermark to what a record's time makes of it. The record itself comes first.
func (j *Join) Advance(time int64) {
	j.settle()
	j.log = wire.AppendVarint(append(j.log, opAdvance), time)
	j.newest = max(j.newest, time)
}

// Finish tells that no record will come any more: Close returns every open decision.
func (j *Join) Finish() { j.ended = true }

// Decide takes a decision. The entry is nil unless the verdict is Taken. Its
// rewards may be there already.
func (j *Join) Decide(d *Decision) (*Entry, Verdict) {
	j.settle()
	hash := xxhash.Sum64(d.ID)
	e := j.table.find(d.ID, hash)
	switch {
	case e != nil && e.state != waiting:
		return nil, j.noteCount(Duplicate)
	case d.Time+j.cfg.Window <= j.watermark():
		return nil, j.noteCount(Late)
	}
	j.noteDecide(d)
	if e == nil {
		e = j.make(d.ID, hash, d.Time+j.cfg.Window)
	} else {
		j.waiting--
		e.due = d.Time + j.cfg.Window
		j.pending.fix(e)
	}
	defer j.resized(e, e.size())
	e.state, e.time, e.offset = open, d.Time, d.Offset
	e.buf = append(e.buf, d.Value...)
	e.shown = e.shown || d.Shown == Shown || d.Shown == Unsaid && !j.cfg.Hidden
	for i := len(e.rewards) - 1; i >= 0 && e.rewards[i].time > j.limit(e); i-- {
		e.rewards = e.rewards[:i]
		j.count(Late)
	}
	e.metrics = slices.DeleteFunc(e.metrics, func(t told) bool { return t.time > j.limit(e) })
	return e, Taken
}

// limit is the newest time that a reward of a decision may have.
func (j *Join) limit(e *Entry) int64 {
	if j.cfg.Correct {
		return e.time + j.cfg.Window + j.cfg.Keep
	}
	return e.time + j.cfg.Window
}

// Reward takes a reward of a decision. A name tells rewards of one decision
// apart; those without are the same when they have the same time and value. The entry is nil
// unless the verdict is Taken or Correct. While its decision has not come, it has no value.
//
// Metrics that come with it are kept for the close of the decision, of every name the newest; those of a decision
// that is closed are not.
func (j *Join) Reward(id, name []byte, time int64, value float64, metrics []Metric) (*Entry, Verdict) {
	j.settle()
	j.noteReward(id, name, time, value, metrics)
	hash := xxhash.Sum64(id)
	e := j.table.find(id, hash)
	if e == nil {
		if e = j.wait(id, hash, time); e == nil {
			return nil, j.count(Late)
		}
	} else if e.state == waiting {
		j.waitFor(e, time)
	} else if time > j.limit(e) || e.state == closed && !j.cfg.Correct {
		return nil, j.count(Late)
	}
	if v := e.add(reward{time, identity(name, time, value), value}); v != Taken {
		return nil, j.count(v)
	}
	if e.state == closed {
		j.held += rewardSize
		return e, Correct
	}
	before := e.size() - rewardSize
	for _, m := range metrics {
		e.tell(told{m, time})
	}
	j.resized(e, before)
	return e, Taken
}

func identity(name []byte, time int64, value float64) uint64 {
	if len(name) > 0 {
		return xxhash.Sum64(name)
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(time))
	binary.LittleEndian.PutUint64(b[8:], math.Float64bits(value))
	return xxhash.Sum64(b[:])
}

// Show takes an activation: the decision was shown. The entry is nil unless the
// verdict is Taken; it has no value while its decision has not come.
func (j *Join) Show(id []byte, time int64) (*Entry, Verdict) {
	j.settle()
	j.noteShow(id, time)
	hash := xxhash.Sum64(id)
	e := j.table.find(id, hash)
	switch {
	case e == nil:
		if e = j.wait(id, hash, time); e == nil {
			return nil, j.count(Late)
		}
	case e.shown:
		return nil, j.count(Duplicate)
	case e.state == closed || e.state == open && time > e.time+j.cfg.Window:
		return nil, j.count(Late)
	case e.state == waiting:
		j.waitFor(e, time)
	}
	e.shown = true
	return e, Taken
}

// wait makes an entry for a decision that has not come, and returns nil when it
// can no longer come: the watermark has passed the time of what belongs to it.
func (j *Join) wait(id []byte, hash uint64, time int64) *Entry {
	if time < j.watermark() {
		return nil
	}
	j.waiting++
	return j.make(id, hash, time+1) // at the watermark itself the decision may still come
}

func (j *Join) waitFor(e *Entry, time int64) {
	e.due = max(e.due, time+1)
	j.pending.fix(e)
}

// make adds an entry.
func (j *Join) make(id []byte, hash uint64, due int64) *Entry {
	var e *Entry
	if n := len(j.free); n > 0 {
		e, j.free = j.free[n-1], j.free[:n-1]
	} else {
		e = &Entry{}
	}
	e.reset(id, hash, j.seq)
	j.seq++
	e.due = due
	j.held += e.size()
	j.table.insert(e)
	j.pending.push(e)
	return e
}

func (j *Join) count(v Verdict) Verdict {
	switch v {
	case Duplicate:
		j.counts.Duplicates++
	case Late:
		j.counts.Late++
	case TooMany:
		j.counts.Overflows++
	case Taken, Correct:
	}
	return v
}
