package learner

import (
	"errors"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// guard watches the score vectors of the model at up to two frozen references:
// one that is armed and watches, and one that is being calibrated to succeed it.
// The reference is not the restore point: it takes thousands of events to
// calibrate and so does not move at a checkpoint.
type guard struct {
	cfg    *GuardConfig
	scores [2]*drift.Score
	frozen [2]*params // what the references are made of
	since  [2]uint64  // learned events when they were frozen

	watching    int    // index of the armed reference; none while there is none
	calibrating int    // index of the reference in calibration; none
	rebaseAt    uint64 // learned events at which the next reference is frozen

	ended bool        // the newest event ended a block of the watching detector
	level drift.Level // of the watching detector
	fired float64     // its value at the last alarm

	blockFed, blockRejected uint64 // current block of the reject rate
	lastRejectRate          float64
}

const (
	none        = -1
	rejectBlock = 1_000 // records over which the reject rate is taken
	// loudPart is the share of the threshold from which a stream is not quiet. The
	// value wanders up to warnings on any stream, which are a tenth of that.
	loudPart = 0.1
)

func (g *guard) init(cfg *GuardConfig) error {
	g.cfg, g.watching, g.calibrating, g.rebaseAt = cfg, none, none, cfg.ReferenceAfter
	for i := range g.scores {
		s, err := drift.NewScore(cfg.ScoreConfig, event.Coordinates)
		if err != nil {
			return err
		}
		g.scores[i] = s
	}
	return nil
}

func (g *guard) armed() bool { return g.watching != none }

// reference is what the reference that watches is made of; nil while there is none.
func (g *guard) reference() *params {
	if !g.armed() {
		return nil
	}
	return g.frozen[g.watching]
}

func (g *guard) statistic() float64 {
	if !g.armed() {
		return 0
	}
	return g.scores[g.watching].Statistic()
}

// threshold is that of the reference that watches: a calibration that merges blocks lowers it.
func (g *guard) threshold() float64 {
	if !g.armed() {
		return g.scores[0].Threshold()
	}
	return g.scores[g.watching].Threshold()
}

// observe gives the event just learned to the references and reports an alarm
// of the one that watches. In a probation it notes one of the challenger's own.
func (g *guard) observe(l *Learner, s *event.Step) bool {
	if l.ref == nil || !g.cfg.Enabled {
		return false
	}
	alarm := false
	g.ended = false
	if g.armed() {
		before := g.level
		if r := s.Ref[g.watching]; r != nil {
			score := g.scores[g.watching]
			g.level = score.Observe(r.Loss, r.Excess, r.Grad, r.J, r.X)
			g.ended = score.BlockEnded()
		}
		if g.level == drift.Drift {
			g.fired = g.scores[g.watching].Fired()
			alarm = true
		}
		if before == drift.Stable && g.level != drift.Stable && l.mode == Learning {
			g.discardCandidate(l)
		}
		if l.mode != Learning && (alarm || g.statistic() >= float64(loudPart*g.threshold())) {
			l.loud()
		}
	}
	if g.calibrating != none {
		level := drift.Stable
		if r := s.Ref[g.calibrating]; r != nil {
			level = g.scores[g.calibrating].Observe(r.Loss, r.Excess, r.Grad, r.J, r.X)
		}
		switch {
		case l.mode == Recovering:
			l.trial.refuted = l.trial.refuted || level == drift.Drift
		case g.scores[g.calibrating].Armed():
			g.succeed(l)
		}
	} else if l.learned >= g.rebaseAt && g.level == drift.Stable && l.mode == Learning {
		g.rebase(l)
	}
	return alarm
}

// rebase freezes the model as the next reference and starts to calibrate it.
func (g *guard) rebase(l *Learner) {
	i := 0
	if g.watching == 0 {
		i = 1
	}
	l.ref.SetReference(i)
	g.scores[i].Reset()
	g.frozen[i], g.since[i] = l.reference(i), l.learned
	g.calibrating = i
}

// reference returns what reference i, which has just been frozen, is made of. Of
// a large model those are the live parameters: most of them are stored anyway.
func (l *Learner) reference(i int) *params {
	if l.inc != nil {
		if _, all := l.inc.Footprint(); all > l.cfg.whole() {
			now := *l.advance()
			return &now // what is frozen twice makes two references
		}
	}
	b, err := l.ref.AppendReference(i, nil)
	if err != nil {
		panic("learner: a reference cannot be encoded: " + err.Error())
	}
	return whole(func() []byte { return b })
}

// loadReference sets reference i from what it is made of.
func (l *Learner) loadReference(i int, p *params) error {
	data := p.parts[0].data()
	if len(p.parts) > 1 {
		if l.inc == nil {
			return errors.New("it has changes, which this kind of model does not know")
		}
		all := make([][]byte, len(p.parts))
		for i, part := range p.parts {
			all[i] = part.data()
		}
		var err error
		if data, err = l.inc.Merge(all...); err != nil {
			return err
		}
	}
	return l.ref.UnmarshalReference(i, data)
}

// succeed makes the calibrated reference the one that watches.
func (g *guard) succeed(l *Learner) {
	g.drop(l, g.watching)
	g.watching, g.calibrating = g.calibrating, none
	g.level = drift.Stable
	g.rebaseAt = l.learned + g.cfg.ReferenceEvery
}

// discardCandidate gives up a calibration that a warning has tainted.
func (g *guard) discardCandidate(l *Learner) {
	if g.calibrating == none {
		return
	}
	g.drop(l, g.calibrating)
	g.calibrating = none
	g.rebaseAt = l.learned + uint64(g.cfg.Window)
}

// restart forgets the evidence so far; references and calibration stay.
func (g *guard) restart() {
	if g.armed() {
		g.scores[g.watching].Restart()
	}
	g.level = drift.Stable
}

// enroll calibrates a reference for the challenger beside the one that watches.
func (g *guard) enroll(l *Learner) {
	g.discardCandidate(l)
	g.restart()
	if l.ref != nil && g.cfg.Enabled {
		g.rebase(l)
	}
}

// resume goes on with the reference that watches. Where there is none, one is
// frozen as soon as it can be.
func (g *guard) resume(l *Learner) {
	g.discardCandidate(l)
	if !g.armed() {
		g.rebaseAt = max(l.learned, g.cfg.ReferenceAfter)
	}
}

// adopt makes what the challenger was calibrated on the new normal: its
// reference watches, or will as soon as it can.
func (g *guard) adopt(l *Learner) {
	g.drop(l, g.watching)
	g.watching = none
	if g.calibrating != none && g.scores[g.calibrating].Armed() {
		g.succeed(l)
	}
}

func (g *guard) drop(l *Learner, i int) {
	if i == none {
		return
	}
	l.ref.DropReference(i)
	g.frozen[i] = nil
}

// rejectRate counts a record and reports, at the end of a block, that too many
// of its records were refused.
func (g *guard) rejectRate(refused bool) bool {
	g.blockFed++
	if refused {
		g.blockRejected++
	}
	if g.blockFed < rejectBlock {
		return false
	}
	g.lastRejectRate = float64(g.blockRejected) / rejectBlock
	g.blockFed, g.blockRejected = 0, 0
	return g.cfg.MaxRejectRate < 1 && g.lastRejectRate >= g.cfg.MaxRejectRate
}

func (g *guard) append(b []byte, refer func([]byte, *params) []byte) ([]byte, error) {
	b = wire.AppendVarint(b, int64(g.watching))
	b = wire.AppendVarint(b, int64(g.calibrating))
	b = wire.AppendUvarint(b, g.rebaseAt)
	b = append(b, byte(g.level))
	b = wire.AppendFloat64(b, g.fired)
	b = wire.AppendUvarint(b, g.blockFed)
	b = wire.AppendUvarint(b, g.blockRejected)
	b = wire.AppendFloat64(b, g.lastRejectRate)
	for i, s := range g.scores {
		b = wire.AppendBool(b, g.frozen[i] != nil)
		if g.frozen[i] == nil {
			continue
		}
		b = refer(b, g.frozen[i])
		b = wire.AppendUvarint(b, g.since[i])
		sb, err := s.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		b = wire.AppendBytes(b, sb)
	}
	return b, nil
}

// readScalars restores the first part of what append wrote.
func (g *guard) readScalars(r *wire.Reader) {
	g.watching, g.calibrating = int(r.Varint()), int(r.Varint())
	g.rebaseAt = r.Uvarint()
	g.level = drift.Level(r.Byte())
	g.fired = r.Finite()
	g.blockFed, g.blockRejected = r.Uvarint(), r.Uvarint()
	g.lastRejectRate = r.Finite()
	if g.level > drift.Drift {
		r.Fail("level %d", uint8(g.level))
		g.level = drift.Stable
	}
	for _, i := range []int{g.watching, g.calibrating} {
		if i < none || i > 1 {
			r.Fail("reference index %d", i)
		}
	}
}

// readReference reads what append wrote of a reference and its detector.
func readReference(r *wire.Reader) (params state.Sum, since uint64, score []byte) {
	return readSum(r), r.Uvarint(), r.Bytes()
}

// describe reads the references that append wrote for people, without their
// parameters. alarms is guard.false_freeze_every.
func (g *guard) describe(r *wire.Reader, d *Description, alarms float64) {
	for i := range g.scores {
		if !r.Bool() {
			continue
		}
		_, since, data := readReference(r)
		if i != g.watching || r.Err() != nil {
			continue
		}
		s, err := drift.OpenScore(data, alarms)
		if err != nil {
			r.Fail("detector: %v", err)
			continue
		}
		d.Statistic, d.WarningThreshold, d.Threshold = s.Statistic(), s.WarningThreshold(), s.Threshold()
		if direction, loss := s.Parts(); direction > 0 {
			d.DirectionShare = direction / (direction + loss)
		}
		d.ReferenceAge = d.Learned - min(since, d.Learned)
	}
}

// readReferences restores the detectors; the references themselves are blobs.
func (g *guard) readReferences(r *wire.Reader, l *Learner, find func(state.Sum) (*params, error)) {
	for i, s := range g.scores {
		if !r.Bool() {
			continue
		}
		sum, since, score := readReference(r)
		if r.Err() != nil {
			return
		}
		g.since[i] = since
		p, err := find(sum)
		switch g.frozen[i] = p; {
		case l.ref == nil:
			r.Fail("a reference is stored, but this kind of model has none")
		case err != nil:
			r.Fail("reference %d: %v", i, err)
		default:
			if err := l.loadReference(i, p); err != nil {
				r.Fail("reference %d: %v", i, err)
			}
			if err := s.UnmarshalBinary(score); err != nil {
				r.Fail("detector %d: %v", i, err)
			}
		}
	}
	for _, i := range []int{g.watching, g.calibrating} {
		if r.Err() == nil && i != none && g.frozen[i] == nil {
			r.Fail("reference %d is not stored", i)
		}
	}
}
