package learner

import (
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// checkpoint is a copy of the live parameters on its way to become a version.
type checkpoint struct {
	version state.Version // without Sum and, where there is an origin, State: they may not be known yet
	at      uint64        // fed records when it was taken
	params  *params
	origin  *origin // nil when it was restored from an origin, or found in the store
}

// sealed returns the version with its sums.
func (c *checkpoint) sealed() state.Version {
	v := c.version
	v.Sum = c.params.blob().Sum
	if c.origin != nil {
		v.State = c.origin.blob().Sum
	}
	return v
}

// checkpoints proves what has outlived its quarantine, and every
// snapshot.every records takes the next checkpoint. A warning holds both up.
func (l *Learner) checkpoints(o *Outcome) {
	if l.mode == Learning && l.guard.level == drift.Stable {
		l.prove(o)
	}
	if l.fed%l.cfg.Snapshot.Every != 0 {
		return
	}
	o.Save = true
	now := l.advance()
	l.join.advance(&l.cfg)
	if l.mode == Learning && l.guard.level == drift.Stable {
		l.takeCheckpoint(now)
	}
}

func (l *Learner) prove(o *Outcome) {
	n := 0
	for n < len(l.pending) && l.fed-l.pending[n].at >= l.cfg.Snapshot.Quarantine {
		n++
	}
	if n == 0 {
		return
	}
	c := l.pending[n-1]
	c.version.Guarded = c.version.Guarded && l.guard.armed()
	if l.proven != nil {
		c.version.Parent = l.proven.version.Number
	}
	l.proven = &c
	if l.hold != nil && l.hold.released {
		l.hold = nil
	}
	l.pending = append(l.pending[:0], l.pending[n:]...)
	o.Proven, o.Save = true, true
	if l.hold == nil {
		l.audit(state.AuditPublish, l.proven)
	} else {
		l.audit(state.AuditProven, l.proven)
	}
}

func (l *Learner) takeCheckpoint(now *params) {
	if len(l.pending) == maxPending {
		l.pending = append(l.pending[:0], l.pending[1:]...)
	}
	l.versions++
	l.pending = append(l.pending, checkpoint{
		version: state.Version{
			Number: l.versions, Created: l.newest, Next: l.next, Learned: l.learned,
			Config: l.cfg.hash(), Binary: l.cfg.Binary, Arch: l.cfg.Arch,
			Guarded: l.guard.armed(), MaxAgeMS: l.cfg.Snapshot.MaxAge, Loss: l.lossAvg.mean,
		},
		at:     l.fed,
		params: now,
	})
	l.pending[len(l.pending)-1].origin = l.takeOrigin()
}
