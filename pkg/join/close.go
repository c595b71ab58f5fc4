package join

import "github.com/streamlearner/streamlearner/internal/wire"

// Close returns the next decision whose window has passed, of those that were
// shown, and nil when there is none. Call it until then after every record.
func (j *Join) Close() *Entry {
	j.settle()
	for j.held > j.room && j.remembered.len() > 0 { // less is lost by that than by closing a decision early
		j.drop(j.remembered.pop())
	}
	watermark := j.watermark()
	for len(j.pending) > 0 {
		crowded := len(j.pending) > j.cfg.MaxOpen || j.held > j.room
		if j.pending[0].due > watermark && !crowded {
			break
		}
		e := j.pending.pop()
		if e.state == waiting {
			j.waiting--
			if e.due > watermark {
				j.counts.Overflows += uint64(len(e.rewards))
			} else {
				j.counts.Unmatched += uint64(len(e.rewards))
			}
			j.drop(e)
			continue
		}
		if e.due > watermark {
			j.counts.Overflows++
		}
		e.state = closed
		e.due += j.cfg.Keep
		j.remembered.push(e)
		if !e.shown {
			j.counts.NeverShown++
			j.release(e)
			continue
		}
		j.leaving = e
		if len(e.rewards) > 0 {
			j.counts.Rewarded++
		} else {
			j.counts.Unrewarded++
		}
		return e
	}
	for n := j.remembered.len(); n > 0 && (n > j.cfg.MaxOpen || j.remembered.first().due <= watermark); n-- {
		j.drop(j.remembered.pop())
	}
	return nil
}

// settle lets go of what nobody uses any more of the entry that was closed last.
func (j *Join) settle() {
	if e := j.leaving; e != nil {
		j.leaving = nil
		j.noteClosed(e)
		j.release(e)
	}
}

// release lets go of what a remembered entry does not need.
func (j *Join) release(e *Entry) {
	defer j.resized(e, e.size())
	if !e.receipt {
		e.buf = e.buf[:e.idLen]
	}
	e.metrics = e.metrics[:0]
	if !j.cfg.Correct {
		e.rewards = e.rewards[:0]
	}
}

func (j *Join) drop(e *Entry) {
	j.held -= e.size()
	j.table.remove(e)
	j.free = append(j.free, e)
}

// resized takes over the size of an entry that was before.
func (j *Join) resized(e *Entry, before int) { j.held += e.size() - before }

// Learned notes what was learned of a decision: of one that Close has just
// returned, or of any other that is known. Tag is a number that grows with every event that is learned; see Forget.
func (j *Join) Learned(e *Entry, label float64, tag uint64) {
	if e != j.leaving {
		j.noteLearned(e, label, tag)
	}
	e.label, e.tag, e.learned, e.closing = label, tag, true, e == j.leaving
}

// Keep replaces the value of a decision that Close has just returned, and that was learned, by a
// receipt, which is what a correction will need of it. Without one the value is not kept either.
func (j *Join) Keep(e *Entry, receipt []byte) {
	defer j.resized(e, e.size())
	e.buf, e.receipt = append(e.buf[:e.idLen], receipt...), true
}

// Reduce returns the reward of an entry: those of its rewards reduced; ok is false when it has none.
func (j *Join) Reduce(e *Entry) (y float64, ok bool) {
	if len(e.rewards) == 0 {
		return 0, false
	}
	return j.cfg.Reducer.reduce(e.rewards), true
}

// Corrected counts a correction.
func (j *Join) Corrected() {
	j.log = append(j.log, opCorrected)
	j.counts.Corrected++
}

// Missed counts a late reward that corrects nothing.
func (j *Join) Missed() {
	j.log = append(j.log, opMissed)
	j.counts.Late++
}

// Forget notes that what was learned with a greater tag is in the model no
// longer, so that nothing corrects it.
func (j *Join) Forget(tag uint64) {
	if j.leaving != nil {
		j.forgot = append(j.forgot, tag) // noted with the decision that is being closed
	} else {
		j.log = wire.AppendUvarint(append(j.log, opForget), tag)
	}
	for _, e := range j.remembered.all() {
		if e.tag > tag {
			e.learned = false
		}
	}
}
