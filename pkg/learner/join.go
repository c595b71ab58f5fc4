package learner

import (
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/join"
)

// JoinConfig says how decisions and the rewards that come later become events.
type JoinConfig struct {
	join.Config
	// Records decodes the records. It keeps buffers, so every learner needs its own.
	Records *event.Loop
	// SkipUnrewarded leaves out decisions without reward. Else they are learned with Default.
	SkipUnrewarded bool
	Default        float64
	// Immediate learns a decision as a negative at once, and as a positive when the
	// first positive reward comes, both with fake-negative weights. For classifiers of two classes.
	Immediate bool
	// MaxAhead is how far, in milliseconds, the time in a record may lie ahead of the
	// record's own: one wrong clock would close the windows of all. 0 for any.
	MaxAhead int64
}

// Corrector is a Model of which an event that was learned can be made one with another label.
type Corrector interface {
	Model

	// CanCorrect reports whether the configuration of the model allows it.
	CanCorrect() bool
	// AppendReceipt appends what Correct needs of the event that was learned last.
	AppendReceipt(b []byte) []byte
	// Correct makes of a state that learned the event of a receipt with the label
	// old the one that would have learned it with another. A refusal changes nothing.
	Correct(receipt []byte, old, label float64) *event.Rejection
}

// labelChecker is a Model that knows by a label alone that it refuses it.
type labelChecker interface {
	CheckLabel(y float64) *event.Rejection
}

// JoinStats are the counters and gauges of a join.
type JoinStats struct {
	join.Counts
	join.Sizes
	Watermark int64 // event time, milliseconds since 1970; 0 before the first record
}

// joining is the join of a learner.
type joining struct {
	cfg *JoinConfig
	*join.Join
	message   event.Message
	corrector Corrector // the model, where late rewards correct it; nil where they do not
	receipt   []byte
	metrics   []join.Metric // of the record at hand
	back      int           // how often the model was put back
	base      *params       // the state at the last advance; what is done since is the log
	change    *params       // the log up to some point, nil for none
	noted     int           // length of that log
}

func newJoining(c *JoinConfig, m Model) (*joining, error) {
	if c == nil {
		return nil, nil
	}
	j, err := join.New(c.Config)
	if err != nil {
		return nil, fmt.Errorf("source.join.%w", err)
	}
	out := &joining{cfg: c, Join: j}
	out.base = out.wholeState()
	if m, ok := m.(Corrector); c.Correct && ok && m.CanCorrect() {
		out.corrector = m
	}
	return out, nil
}

func (j *joining) stats() *JoinStats {
	if j == nil {
		return nil
	}
	s := &JoinStats{Counts: j.Counts(), Sizes: j.Sizes()}
	if t, ok := j.Watermark(); ok {
		s.Watermark = t
	}
	return s
}

// forget notes that the model is now what it was when fed records had been fed.
func (j *joining) forget(fed uint64) {
	if j != nil {
		j.Forget(fed)
		j.back++
	}
}
