package join

import (
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
)

const version = 2

// The flags of an encoded entry; its state is below them.
const (
	flagShown   = 1 << 2
	flagLearned = 1 << 3
)

// AppendBinary appends the state as a sealed envelope. docs/format/join.md specifies it.
func (j *Join) AppendBinary(b []byte) ([]byte, error) {
	j.settle()
	start := len(b)
	b = wire.Begin(b, wire.KindJoin, version)
	b = j.cfg.append(b)
	b = wire.AppendVarint(b, j.newest)
	b = wire.AppendUvarint(b, j.seq)
	for _, n := range j.counts.list() {
		b = wire.AppendUvarint(b, *n)
	}
	for _, entries := range [][]*Entry{j.pending, j.remembered.all()} {
		b = wire.AppendUvarint(b, uint64(len(entries)))
		for _, e := range entries {
			b = e.append(b)
		}
	}
	return wire.Seal(b, start), nil
}

// list returns the counters in the order in which they are encoded.
func (c *Counts) list() [8]*uint64 {
	return [8]*uint64{&c.Rewarded, &c.Unrewarded, &c.NeverShown, &c.Late, &c.Duplicates, &c.Unmatched, &c.Overflows, &c.Corrected}
}

func (e *Entry) append(b []byte) []byte {
	flags := byte(e.state)
	if e.shown {
		flags |= flagShown
	}
	if e.learned {
		flags |= flagLearned
	}
	b = append(b, flags)
	b = wire.AppendBytes(b, e.ID())
	b = wire.AppendUvarint(b, e.seq)
	b = wire.AppendVarint(b, e.due)
	if e.state != waiting {
		b = wire.AppendVarint(b, e.time)
		b = wire.AppendVarint(b, e.offset)
		b = wire.AppendBytes(b, e.Value())
	}
	b = wire.AppendUvarint(b, uint64(len(e.rewards)))
	for _, r := range e.rewards {
		b = wire.AppendVarint(b, r.time)
		b = wire.AppendUint64(b, r.identity)
		b = wire.AppendFloat64(b, r.value)
	}
	b = wire.AppendUvarint(b, uint64(len(e.metrics)))
	for _, m := range e.metrics {
		b = wire.AppendVarint(wire.AppendUint64(b, m.Name), m.time)
		b = wire.AppendFloat64(b, m.Value)
	}
	if e.learned {
		b = wire.AppendFloat64(b, e.label)
		b = wire.AppendUvarint(b, e.tag)
	}
	return b
}

// The fewest bytes of an encoded entry, of a reward and of a metric.
const (
	leastEntry  = 6
	leastReward = 17
	leastMetric = 17
)

// UnmarshalBinary replaces the state by an encoded one, with its configuration. The log is
// empty then. After an error the state is unspecified.
func (j *Join) UnmarshalBinary(b []byte) error {
	v, r, err := wire.Open(b, wire.KindJoin)
	if err != nil {
		return err
	}
	if v != version {
		return fmt.Errorf("state of a join in format %d, this program reads %d: use the version of streamlearner that wrote it", v, version)
	}
	*j = Join{cfg: readConfig(r), table: newTable(), room: maxHeld}
	if err := j.cfg.Validate(); err != nil {
		r.Fail("%v", err)
	}
	j.newest, j.seq = r.Varint(), r.Uvarint()
	for _, n := range j.counts.list() {
		*n = r.Uvarint()
	}
	for range r.Count(leastEntry) {
		e := j.read(r)
		if r.Err() != nil {
			return r.Err()
		}
		if e.state == closed {
			r.Fail("a closed decision among the open ones")
		}
		if e.state == waiting {
			j.waiting++
		}
		e.place = len(j.pending)
		j.pending = append(j.pending, e)
		if parent := j.pending[(max(e.place, 1)-1)/2]; e.place > 0 && before(e, parent) {
			r.Fail("open decisions out of order")
		}
	}
	for range r.Count(leastEntry) {
		e := j.read(r)
		if r.Err() != nil {
			return r.Err()
		}
		if e.state != closed {
			r.Fail("an open decision among the closed ones")
		}
		j.remembered.push(e)
	}
	return r.Close()
}

func (j *Join) read(r *wire.Reader) *Entry {
	flags := r.Byte()
	e := &Entry{state: state(flags & 3), shown: flags&flagShown != 0, learned: flags&flagLearned != 0}
	if flags >= flagLearned<<1 || e.state > closed {
		r.Fail("flags %#x of a decision", flags)
	}
	e.buf = append(e.buf, r.Bytes()...)
	e.idLen, e.hash = len(e.buf), xxhash.Sum64(e.buf)
	e.seq, e.due = r.Uvarint(), r.Varint()
	if e.state != waiting {
		e.time, e.offset = r.Varint(), r.Varint()
		e.buf = append(e.buf, r.Bytes()...)
	}
	n := r.Count(leastReward)
	if n > MaxRewards {
		r.Fail("%d rewards of a decision, at most %d are kept", n, MaxRewards)
		return e
	}
	for range n {
		x := reward{time: r.Varint(), identity: r.Uint64(), value: r.Finite()}
		if r.Err() == nil && e.add(x) != Taken || len(e.rewards) > 0 && e.rewards[len(e.rewards)-1] != x {
			r.Fail("rewards of a decision out of order")
		}
	}
	e.readMetrics(r)
	if e.learned {
		e.label, e.tag = r.Finite(), r.Uvarint()
	}
	if e.seq >= j.seq {
		r.Fail("a decision of number %d, of %d", e.seq, j.seq)
	}
	if r.Err() == nil {
		if j.table.find(e.ID(), e.hash) != nil {
			r.Fail("two decisions of one id")
		} else {
			j.table.insert(e)
			j.held += e.size()
		}
	}
	return e
}

// readMetrics reads the metrics of an entry.
func (e *Entry) readMetrics(r *wire.Reader) {
	n := r.Count(leastMetric)
	if n > MaxMetrics {
		r.Fail("%d metrics of a decision, at most %d are kept", n, MaxMetrics)
		return
	}
	for i := range n {
		m := told{Metric: Metric{Name: r.Uint64()}, time: r.Varint()}
		m.Value = r.Finite()
		if r.Err() == nil && i > 0 && m.Name <= e.metrics[i-1].Name {
			r.Fail("metrics of a decision out of order")
		}
		if r.Err() != nil {
			return
		}
		e.metrics = append(e.metrics, m)
	}
}
