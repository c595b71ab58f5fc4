package join

import (
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// The operations of a log: what was done to a join, in order. A join is a deterministic
// machine, so that a state and the log since make the state at the end of the log.
const (
	opDecide  byte = iota + 1 // id, time, offset, visibility, value
	opReward                  // id, name, time, value, metrics; also of one that is dropped
	opShow                    // id, time; the same
	opAdvance                 // time, and a closing of every decision that closes then
	opLearned                 // id, label, tag: of a decision that is open, or remembered
	opForget                  // tag
	opCount                   // verdict of a decision that was not taken
	opCorrected
	opMissed
	opConfig // the configuration from here on
)

// What was done with a decision when it closed.
const (
	closedUnlearned byte = iota
	closedLearned        // label, tag, bool receipt, receipt
	closedForgot         // tag; what else was done with the decision follows
)

// Log returns what was done since Cut. It is not changed by what is done later.
func (j *Join) Log() []byte { return j.log[:len(j.log):len(j.log)] }

// Cut begins a new log.
func (j *Join) Cut() { j.log = nil }

// Footprint is about how many bytes the encoded state has.
func (j *Join) Footprint() int { return j.held + 64*(len(j.pending)+j.remembered.len()) }

// Configure goes on with another configuration.
func (j *Join) Configure(c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c != j.cfg {
		j.cfg = c
		j.log = c.append(append(j.log, opConfig))
	}
	return nil
}

// SealLog makes an envelope of a log.
func SealLog(log []byte) []byte {
	b := wire.Begin(make([]byte, 0, len(log)+wire.HeaderLen+wire.ChecksumLen), wire.KindJoinLog, version)
	return wire.Seal(append(b, log...), 0)
}

// Concat returns the sealed logs that follow each other as one.
func Concat(logs ...[]byte) ([]byte, error) {
	b := wire.Begin(nil, wire.KindJoinLog, version)
	for _, l := range logs {
		r, err := openLog(l)
		if err != nil {
			return nil, err
		}
		b = append(b, r.Take(r.Len())...)
	}
	return wire.Seal(b, 0), nil
}

func openLog(b []byte) (*wire.Reader, error) {
	v, r, err := wire.Open(b, wire.KindJoinLog)
	if err != nil {
		return nil, err
	}
	if v != version {
		return nil, fmt.Errorf("log of a join in format %d, this program reads %d: use the version of streamlearner that wrote it", v, version)
	}
	return r, nil
}

// Open returns the join of an encoded state and the sealed logs that followed it. Its log is empty.
func Open(state []byte, logs ...[]byte) (*Join, error) {
	j := &Join{}
	if err := j.UnmarshalBinary(state); err != nil {
		return nil, err
	}
	for i, l := range logs {
		if err := j.replay(l); err != nil {
			return nil, fmt.Errorf("log %d: %w", i+1, err)
		}
		j.Cut()
	}
	return j, nil
}

// Replay does what a sealed log tells; it becomes a part of the log of j.
func (j *Join) Replay(log []byte) error { return j.replay(log) }

func (j *Join) replay(log []byte) error {
	r, err := openLog(log)
	if err != nil {
		return err
	}
	for r.Err() == nil && r.Len() > 0 {
		j.do(r)
	}
	j.settle()
	return r.Close()
}

// do does the next operation.
func (j *Join) do(r *wire.Reader) {
	switch op := r.Byte(); op {
	case opDecide:
		d := Decision{ID: r.Bytes(), Time: r.Varint(), Offset: r.Varint(), Shown: Visibility(r.Byte()), Value: r.Bytes()}
		if d.Shown > NeverShown {
			r.Fail("visibility %d", d.Shown)
		}
		if r.Err() != nil {
			return
		}
		if _, v := j.Decide(&d); v != Taken {
			r.Fail("a decision comes to verdict %d where it was taken", v)
		}
	case opReward:
		id, name, t, v, metrics := r.Bytes(), r.Bytes(), r.Varint(), r.Finite(), readMetrics(r)
		if r.Err() == nil {
			j.Reward(id, name, t, v, metrics)
		}
	case opShow:
		id, t := r.Bytes(), r.Varint()
		if r.Err() == nil {
			j.Show(id, t)
		}
	case opAdvance:
		t := r.Varint()
		if r.Err() != nil {
			return
		}
		j.Advance(t)
		for e := j.Close(); e != nil && r.Err() == nil; e = j.Close() {
			j.closing(r, e)
		}
	case opLearned:
		id, y, tag := r.Bytes(), r.Finite(), r.Uvarint()
		if e := j.table.find(id, xxhash.Sum64(id)); e == nil {
			r.Fail("an unknown decision was learned")
		} else if r.Err() == nil {
			j.Learned(e, y, tag)
		}
	case opForget:
		if tag := r.Uvarint(); r.Err() == nil {
			j.Forget(tag)
		}
	case opCount:
		if v := Verdict(r.Byte()); v == Taken || v >= Correct {
			r.Fail("verdict %d", v)
		} else {
			j.noteCount(v)
		}
	case opCorrected:
		j.Corrected()
	case opMissed:
		j.Missed()
	case opConfig:
		c := readConfig(r)
		if r.Err() != nil {
			return
		}
		if err := j.Configure(c); err != nil {
			r.Fail("%v", err)
		}
	default:
		r.Fail("operation %d", op)
	}
}

// closing does what was done with a decision when it closed.
func (j *Join) closing(r *wire.Reader, e *Entry) {
	for {
		switch what := r.Byte(); {
		case r.Err() != nil || what == closedUnlearned:
			return
		case what == closedForgot:
			j.Forget(r.Uvarint())
			continue
		case what != closedLearned:
			r.Fail("closing %d", what)
			return
		}
		break
	}
	y, tag := r.Finite(), r.Uvarint()
	var receipt []byte
	keep := r.Bool()
	if keep {
		receipt = r.Bytes()
	}
	if r.Err() != nil {
		return
	}
	j.Learned(e, y, tag)
	if keep {
		j.Keep(e, receipt)
	}
}

func (j *Join) noteDecide(d *Decision) {
	b := wire.AppendBytes(append(j.log, opDecide), d.ID)
	b = wire.AppendVarint(b, d.Time)
	b = wire.AppendVarint(b, d.Offset)
	j.log = wire.AppendBytes(append(b, byte(d.Shown)), d.Value)
}

func (j *Join) noteReward(id, name []byte, time int64, value float64, metrics []Metric) {
	b := wire.AppendBytes(append(j.log, opReward), id)
	b = wire.AppendBytes(b, name)
	b = wire.AppendVarint(b, time)
	b = wire.AppendFloat64(b, value)
	b = wire.AppendUvarint(b, uint64(len(metrics)))
	for _, m := range metrics {
		b = wire.AppendFloat64(wire.AppendUint64(b, m.Name), m.Value)
	}
	j.log = b
}

// readMetrics reads the metrics of a reward.
func readMetrics(r *wire.Reader) []Metric {
	n := r.Count(16)
	if n == 0 {
		return nil
	}
	if n > MaxMetrics {
		r.Fail("%d metrics of a reward, at most %d are kept", n, MaxMetrics)
		return nil
	}
	out := make([]Metric, n)
	for i := range out {
		out[i] = Metric{r.Uint64(), r.Finite()}
	}
	return out
}

func (j *Join) noteShow(id []byte, time int64) {
	j.log = wire.AppendVarint(wire.AppendBytes(append(j.log, opShow), id), time)
}

func (j *Join) noteLearned(e *Entry, label float64, tag uint64) {
	b := wire.AppendBytes(append(j.log, opLearned), e.ID())
	b = wire.AppendFloat64(b, label)
	j.log = wire.AppendUvarint(b, tag)
}

func (j *Join) noteCount(v Verdict) Verdict {
	j.log = append(j.log, opCount, byte(v))
	return j.count(v)
}

// noteClosed writes what was done with the decision that Close returned last.
func (j *Join) noteClosed(e *Entry) {
	for _, tag := range j.forgot {
		j.log = wire.AppendUvarint(append(j.log, closedForgot), tag)
	}
	j.forgot = j.forgot[:0]
	if !e.closing {
		j.log = append(j.log, closedUnlearned)
		return
	}
	j.log = wire.AppendFloat64(append(j.log, closedLearned), e.label)
	j.log = wire.AppendUvarint(j.log, e.tag)
	j.log = wire.AppendBool(j.log, e.receipt)
	if e.receipt {
		j.log = wire.AppendBytes(j.log, e.Value())
	}
}

func (c *Config) append(b []byte) []byte {
	b = wire.AppendVarint(b, c.Window)
	b = wire.AppendVarint(b, c.Lateness)
	b = wire.AppendVarint(b, c.Keep)
	b = wire.AppendBool(b, c.Correct)
	b = wire.AppendString(b, string(c.Reducer))
	b = wire.AppendBool(b, c.Hidden)
	return wire.AppendUvarint(b, uint64(c.MaxOpen))
}

func readConfig(r *wire.Reader) Config {
	c := Config{Window: r.Varint(), Lateness: r.Varint(), Keep: r.Varint(), Correct: r.Bool(), Reducer: Reducer(r.String()), Hidden: r.Bool()}
	if n := r.Uvarint(); n > maxOpen {
		r.Fail("max_open %d", n)
	} else {
		c.MaxOpen = int(n)
	}
	return c
}

// maxOpen bounds Config.MaxOpen in encoded states.
const maxOpen = 1 << 40
