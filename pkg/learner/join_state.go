package learner

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/join"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// wholeState returns the state as one part.
func (j *joining) wholeState() *params {
	b, err := j.AppendBinary(nil)
	if err != nil {
		panic(fmt.Sprintf("learner: a join cannot be encoded: %v", err))
	}
	return whole(func() []byte { return b })
}

// later returns what was done since the last advance, as a part by itself; nil for nothing.
func (j *joining) later() *params {
	log := j.Log()
	if len(log) == 0 {
		return nil
	}
	if j.change == nil || len(log) != j.noted {
		j.change, j.noted = whole(func() []byte { return join.SealLog(log) }), len(log)
	}
	return j.change
}

// leastLog is up to how many bytes of logs a small state is kept as a base.
const leastLog = 64 << 10

// advance makes the state of now what the log to come begins with. The state is a base and the logs since, as a large
// model is a base and changes, so that neither the learner stands still for a copy of all open decisions nor all
// of them are written with every save. It is called at checkpoints only, since it decides what parts there are.
func (j *joining) advance(c *Config) {
	if j == nil || len(j.Log()) == 0 {
		return
	}
	log, old := j.Log(), j.base
	j.Cut()
	j.change = nil
	parts := append(old.parts[:len(old.parts):len(old.parts)], newPart(1, func() []byte { return join.SealLog(log) }))
	if changed := old.changed + len(log); changed <= max(j.Footprint()/2, min(leastLog, c.whole())) {
		j.base = newParams(changed, bundle(parts, c.fanout(), join.Concat)...)
		return
	}
	for _, p := range old.parts { // where nobody saves, what waits to be encoded must not pile up
		p.data()
	}
	j.base = newParams(0, merged(0, parts, func(parts ...[]byte) ([]byte, error) {
		now, err := join.Open(parts[0], parts[1:]...)
		if err != nil {
			return nil, err
		}
		return now.AppendBinary(nil)
	}))
}

// append encodes the state of the join: where it last advanced to, and what was done since.
func (j *joining) append(b []byte, refer func([]byte, *params) []byte) []byte {
	b = wire.AppendBool(b, j != nil)
	if j == nil {
		return b
	}
	b = refer(b, j.base)
	change := j.later()
	b = wire.AppendBool(b, change != nil)
	if change != nil {
		b = refer(b, change)
	}
	return b
}

// storedJoin names the state of a join.
type storedJoin struct {
	sum, changeSum state.Sum
	base, change   *params // nil when there is none
}

// readJoin reads what append wrote.
func readJoin(r *wire.Reader, parts *storedParts) (s storedJoin) {
	if !r.Bool() {
		return s
	}
	read := func(sum *state.Sum) *params {
		*sum = readSum(r)
		p, err := parts.params(*sum)
		if err != nil {
			r.Fail("open decisions: %v", err)
		}
		return p
	}
	s.base = read(&s.sum)
	if r.Bool() {
		s.change = read(&s.changeSum)
	}
	return s
}

// DescribeJoin reads the stored state of a join: a base and the logs that follow it.
func DescribeJoin(base []byte, logs ...[]byte) (*JoinStats, error) {
	j, err := join.Open(base, logs...)
	if err != nil {
		return nil, err
	}
	return (&joining{Join: j}).stats(), nil
}

// restoreJoin continues the join of a stored state.
func (l *Learner) restoreJoin(s *storedJoin) error {
	switch {
	case s.base == nil:
		return nil
	case l.join == nil:
		return errors.New("it has open decisions, and source.join is not configured")
	}
	data := make([][]byte, len(s.base.parts))
	for i, p := range s.base.parts {
		data[i] = p.data()
	}
	j, err := join.Open(data[0], data[1:]...)
	if err == nil && s.change != nil {
		err = j.Replay(s.change.parts[0].data())
	}
	if err == nil {
		err = j.Configure(l.join.cfg.Config)
	}
	if err != nil {
		return fmt.Errorf("open decisions: %w", err)
	}
	l.join.Join, l.join.base = j, s.base
	return nil
}
