package learner

import (
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
	blobs  [2]*state.Blob // the encoded references

	watching    int    // index of the armed reference; none while there is none
	calibrating int    // index of the reference in calibration; none
	rebaseAt    uint64 // learned events at which the next reference is frozen

	level  drift.Level // of the watching detector
	fired  float64     // its value at the last alarm
	warned bool        // it has warned or alarmed since its last restart

	blockFed, blockRejected uint64 // current block of the reject rate
	lastRejectRate          float64
}

const (
	none        = -1
	rejectBlock = 1_000 // records over which the reject rate is taken
	quietBlocks = 20    // blocks without warning, from a restart on, after which a stream counts as quiet
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

// reference is the encoded reference that watches; nil while there is none.
func (g *guard) reference() *state.Blob {
	if !g.armed() {
		return nil
	}
	return g.blobs[g.watching]
}

func (g *guard) statistic() float64 {
	if !g.armed() {
		return 0
	}
	return g.scores[g.watching].Statistic()
}

func (g *guard) threshold() float64 { return g.scores[0].Threshold() }

// observe gives the event just learned to the references and reports an alarm.
func (g *guard) observe(l *Learner, s *event.Step) bool {
	if l.ref == nil || !g.cfg.Enabled {
		return false
	}
	alarm := false
	if g.armed() {
		before := g.level
		r := s.Ref[g.watching]
		g.level = g.scores[g.watching].Observe(r.Loss, r.Grad, r.J, r.X)
		g.warned = g.warned || g.level != drift.Stable
		if g.level == drift.Drift {
			g.fired = g.scores[g.watching].Fired()
			alarm = true
		}
		if before == drift.Stable && g.level != drift.Stable {
			g.discardCandidate(l)
		}
	}
	if g.calibrating != none {
		r := s.Ref[g.calibrating]
		g.scores[g.calibrating].Observe(r.Loss, r.Grad, r.J, r.X)
		if g.scores[g.calibrating].Armed() {
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
	b, err := l.ref.AppendReference(i, nil)
	if err != nil {
		panic("learner: a reference cannot be encoded: " + err.Error())
	}
	g.blobs[i] = &state.Blob{Sum: state.SumOf(b), Data: b}
	g.calibrating = i
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
	g.level, g.warned = drift.Stable, false
}

// replace drops both references and freezes the model as a new one: what it
// does now is the new normal.
func (g *guard) replace(l *Learner) {
	g.level = drift.Stable
	if l.ref == nil || !g.cfg.Enabled {
		return
	}
	g.drop(l, g.watching)
	g.drop(l, g.calibrating)
	g.watching, g.calibrating = none, none
	g.rebase(l)
}

func (g *guard) drop(l *Learner, i int) {
	if i == none {
		return
	}
	l.ref.DropReference(i)
	g.blobs[i] = nil
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

func (g *guard) append(b []byte) ([]byte, error) {
	b = wire.AppendVarint(b, int64(g.watching))
	b = wire.AppendVarint(b, int64(g.calibrating))
	b = wire.AppendUvarint(b, g.rebaseAt)
	b = append(b, byte(g.level))
	b = wire.AppendFloat64(b, g.fired)
	b = wire.AppendBool(b, g.warned)
	b = wire.AppendUvarint(b, g.blockFed)
	b = wire.AppendUvarint(b, g.blockRejected)
	b = wire.AppendFloat64(b, g.lastRejectRate)
	for i, s := range g.scores {
		b = wire.AppendBool(b, g.blobs[i] != nil)
		if g.blobs[i] == nil {
			continue
		}
		b = append(b, g.blobs[i].Sum[:]...)
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
	g.warned = r.Bool()
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

// readReferences restores the detectors; the references themselves are blobs.
func (g *guard) readReferences(r *wire.Reader, l *Learner, blob func(state.Sum) *state.Blob) {
	for i, s := range g.scores {
		if !r.Bool() {
			continue
		}
		sum := readSum(r)
		score := r.Bytes()
		if r.Err() != nil {
			return
		}
		g.blobs[i] = blob(sum)
		switch {
		case l.ref == nil:
			r.Fail("a reference is stored, but this kind of model has none")
		case g.blobs[i] == nil:
			r.Fail("reference %s is missing", sum)
		default:
			if err := l.ref.UnmarshalReference(i, g.blobs[i].Data); err != nil {
				r.Fail("reference %d: %v", i, err)
			}
			if err := s.UnmarshalBinary(score); err != nil {
				r.Fail("detector %d: %v", i, err)
			}
		}
	}
	for _, i := range []int{g.watching, g.calibrating} {
		if r.Err() == nil && i != none && g.blobs[i] == nil {
			r.Fail("reference %d is not stored", i)
		}
	}
}
