package learner

import (
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// checkpoint is a copy of the live parameters on its way to become a version.
type checkpoint struct {
	version state.Version
	at      uint64      // fed records when it was taken
	blob    *state.Blob // Sum is filled when first asked for: most never leave the process
}

func (c *checkpoint) sum() state.Sum {
	if c.blob.Sum.IsZero() {
		c.blob.Sum = state.SumOf(c.blob.Data)
	}
	c.version.Sum = c.blob.Sum
	return c.blob.Sum
}

// liveBlob remembers the encoded live model while it has not changed.
type liveBlob struct {
	blob  *state.Blob
	stale bool
}

// encodeLive returns the encoded model that learns.
func (l *Learner) encodeLive() *state.Blob {
	if l.live.stale || l.live.blob == nil {
		size := 0
		if l.live.blob != nil {
			size = len(l.live.blob.Data)
		}
		l.live = liveBlob{blob: &state.Blob{Data: encode(l.model, make([]byte, 0, size+size/8))}}
	}
	return l.live.blob
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
	if l.mode == Learning && l.guard.level == drift.Stable {
		l.takeCheckpoint()
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
	l.pending = append(l.pending[:0], l.pending[n:]...)
	o.Proven, o.Save = true, true
}

func (l *Learner) takeCheckpoint() {
	if len(l.pending) == maxPending {
		l.pending = append(l.pending[:0], l.pending[1:]...)
	}
	l.versions++
	l.pending = append(l.pending, checkpoint{
		version: state.Version{
			Number: l.versions, Created: l.newest, Next: l.next, Learned: l.learned,
			Config: l.cfg.hash(), Binary: l.cfg.Binary, Arch: l.cfg.Arch,
			Guarded: l.guard.armed(), MaxAgeMS: l.cfg.Snapshot.MaxAge,
		},
		at:   l.fed,
		blob: l.encodeLive(),
	})
}
