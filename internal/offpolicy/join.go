package offpolicy

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/join"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// Joiner makes rows of decisions and of the rewards that come later, by the rules by which the learner of a model joins
// them: the same window, reducer, reward of a decision without one, duplicates, and decisions that were never shown.
//
// Late rewards that would correct the learner count as if they had been in time: a decision becomes a row
// only when the learner would forget it.
type Joiner struct {
	cfg     *learner.JoinConfig
	head    []byte                                // how a row begins
	check   func(reward float64) *event.Rejection // nil for none
	join    *join.Join
	event   event.Event
	message event.Message
	row     []byte
	cut     int // records since the log of the join was cut
	open    int // decisions that were open when the records ended

	Refusals Refusals // records that cannot be joined
}

// Joined is a decision with its reward.
type Joined struct {
	Raw   []byte // its record with the field of the reward; valid until the next one
	Place int64  // of its record
}

// NewJoiner joins as c says. label is the field of the reward. A model, which may be nil, refuses rewards as it does when it learns.
func NewJoiner(c *learner.JoinConfig, label string, model learner.Model) (*Joiner, error) {
	how := c.Config
	if how.Correct {
		how.Window, how.Keep, how.Correct = how.Window+how.Keep, 0, false
		how.MaxOpen = min(how.MaxOpen, math.MaxInt/2) * 2 // those that the learner would remember are open here
	}
	name, err := json.Marshal(label)
	if err != nil {
		return nil, err
	}
	j := &Joiner{cfg: c, head: append(append([]byte{'{'}, name...), ':')}
	if m, ok := model.(interface {
		CheckLabel(y float64) *event.Rejection
	}); ok && how.Reducer != join.Sum { // a part of a sum may be anything
		j.check = m.CheckLabel
	}
	j.join, err = join.New(how)
	return j, err
}

// Feed takes a record and gives the decisions whose windows have passed to row. place is what Joined.Place is to be; number
// and where tell of the record if it is refused.
func (j *Joiner) Feed(raw []byte, place int64, number uint64, where func() string, row func(Joined) error) error {
	if err := j.take(raw, place); err != nil {
		why := refusal{err.Error(), ""}
		var r *event.Rejection
		if errors.As(err, &r) {
			why = refusal{r.Reason.String(), r.Detail}
		}
		j.Refusals.add(number, where, why)
		return nil
	}
	j.join.Advance(j.event.Time)
	if j.cut++; j.cut == cutEvery { // nobody stores what was done
		j.join.Cut()
		j.cut = 0
	}
	return j.close(row)
}

// cutEvery is after how many records what was done is forgotten.
const cutEvery = 1024

// take gives a record to the join, which counts those that come late or twice.
func (j *Joiner) take(raw []byte, place int64) error {
	if err := j.cfg.Records.Decode(raw, &j.event, &j.message); err != nil {
		return err
	}
	e := &j.event
	if rej := learner.CheckJoinTime(e.Time); rej != nil {
		return rej
	}
	switch j.message.Kind {
	case event.DecisionMessage:
		d := join.Decision{ID: e.ID, Time: e.Time, Offset: place, Value: raw}
		switch j.message.Shown {
		case event.Shown:
			d.Shown = join.Shown
		case event.NeverShown:
			d.Shown = join.NeverShown
		case event.Unsaid:
		}
		j.join.Decide(&d)
	case event.RewardMessage:
		if j.check != nil {
			if rej := j.check(e.Label); rej != nil {
				return rej
			}
		}
		j.join.Reward(e.ID, j.message.RewardID, e.Time, e.Label, nil)
	case event.ActivationMessage:
		j.join.Show(e.ID, e.Time)
	}
	return nil
}

// Finish gives the decisions that are open at the end of the records to row, with the rewards that they have.
func (j *Joiner) Finish(row func(Joined) error) error {
	j.open = j.join.Sizes().Open
	j.join.Finish()
	return j.close(row)
}

// close makes rows of the decisions whose windows have passed.
func (j *Joiner) close(row func(Joined) error) error {
	for e := j.join.Close(); e != nil; e = j.join.Close() {
		y, rewarded := j.join.Reduce(e)
		if !rewarded {
			if j.cfg.SkipUnrewarded {
				continue
			}
			y = j.cfg.Default
		}
		if err := row(Joined{j.with(e.Value(), y), e.Offset()}); err != nil {
			return err
		}
	}
	return nil
}

// with returns the record of a decision with its reward. That comes first, and so counts where the decision has such a field too.
func (j *Joiner) with(decision []byte, y float64) []byte {
	b := strconv.AppendFloat(append(j.row[:0], j.head...), y, 'g', -1, 64)
	i := 0
	for decision[i] != '{' { // it was decoded: there is one, and a field of the id
		i++
	}
	j.row = append(append(b, ','), decision[i+1:]...)
	return j.row
}

// Stats tells what became of the records. Open are the decisions that were open when they ended.
func (j *Joiner) Stats() learner.JoinStats {
	s := learner.JoinStats{Counts: j.join.Counts(), Sizes: j.join.Sizes()}
	s.Open = j.open
	if t, ok := j.join.Watermark(); ok {
		s.Watermark = t
	}
	return s
}

// IsJoined reports whether a record holds all of these fields: a decision with its reward, that of a decision and of a
// reward alike, is not to be joined any more.
func IsJoined(f Format, raw []byte, names ...string) bool {
	r := record{format: &f}
	if r.read(raw) != nil {
		return false
	}
	for _, name := range names {
		one, err := f.field(name)
		if err != nil {
			return false
		}
		if text, compound := r.value(&one); len(text) == 0 && compound == nil {
			return false
		}
	}
	return true
}
