package learner

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// hold is the version that readers are served instead of the newest proven one,
// because an operator said so. Nothing that the guard does ends it. Its
// parameters are a part of the state, so a save can always name them.
type hold struct {
	checkpoint
	released bool // promoted: the next proven version ends it
}

// served is the version that readers are to be served; nil while there is none.
func (l *Learner) served() *checkpoint {
	if l.hold != nil {
		return &l.hold.checkpoint
	}
	return l.proven
}

// servedMode is what readers are told of the learner behind it.
func (l *Learner) servedMode() string {
	if l.hold != nil && !l.hold.released {
		return state.ModeHeld
	}
	return l.mode.String()
}

// publication is what a snapshot says of versions, apart from their sums,
// which may take time to compute.
type publication struct {
	pointer        state.Pointer
	served, proven checkpoint
	added          []checkpoint
	marks          []state.Mark
	keepFor        int64
}

// publication returns nil while nothing has been proven.
func (l *Learner) publication() *publication {
	if l.proven == nil {
		return nil
	}
	return &publication{
		pointer: state.Pointer{Mode: l.servedMode(), Schema: l.cfg.Schema}.WithPolicy(l.policy),
		served:  *l.served(), proven: *l.proven, added: slices.Clone(l.added), marks: cloneMarks(l.marks),
		keepFor: l.cfg.Snapshot.KeepFor,
	}
}

// seal puts the publication into a snapshot.
func (p *publication) seal(s *state.Snapshot) {
	current := p.pointer
	current.Version = p.served.sealed()
	s.Current, s.Parts, s.KeepFor = &current, p.served.parts(), p.keepFor
	newest := p.proven.sealed()
	if !newest.Same(&current.Version) {
		s.Also = append(s.Also, state.Kept{Version: newest, Parts: p.proven.parts()})
	}
	for i := range p.added {
		c := &p.added[i]
		s.Also = append(s.Also, state.Kept{Version: c.sealed(), Parts: c.parts()})
		c.params.blobs(func(b *state.Blob) { s.Blobs = append(s.Blobs, *b) })
	}
	s.Marks = setLabel(p.marks, state.LabelChampion, current.Number, current.Sum)
	s.Marks = setLabel(s.Marks, state.LabelLastGood, newest.Number, newest.Sum)
}

// The marks of a learner are sorted by version, and none is without a pin or label.

func cloneMarks(marks []state.Mark) []state.Mark {
	out := slices.Clone(marks)
	for i := range out {
		out[i].Labels = slices.Clone(out[i].Labels)
	}
	return out
}

// editMark changes what is said of a version.
func editMark(marks []state.Mark, number uint64, sum state.Sum, edit func(*state.Mark)) []state.Mark {
	i, found := slices.BinarySearchFunc(marks, state.Mark{Number: number, Sum: sum}, func(a, b state.Mark) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.Sum[:], b.Sum[:]))
	})
	if !found {
		marks = slices.Insert(marks, i, state.Mark{Number: number, Sum: sum})
	}
	edit(&marks[i])
	return slices.DeleteFunc(marks, func(m state.Mark) bool { return !m.Pinned && len(m.Labels) == 0 })
}

// setLabel gives a label to a version and takes it from any other.
func setLabel(marks []state.Mark, label string, number uint64, sum state.Sum) []state.Mark {
	marks = dropLabel(marks, label)
	return editMark(marks, number, sum, func(m *state.Mark) {
		m.Labels = append(m.Labels, label)
		slices.Sort(m.Labels)
	})
}

func dropLabel(marks []state.Mark, label string) []state.Mark {
	for i := range marks {
		m := &marks[i]
		m.Labels = slices.DeleteFunc(m.Labels, func(l string) bool { return l == label })
	}
	return slices.DeleteFunc(marks, func(m state.Mark) bool { return !m.Pinned && len(m.Labels) == 0 })
}

func hasLabel(marks []state.Mark, label string) bool {
	return slices.ContainsFunc(marks, func(m state.Mark) bool { return slices.Contains(m.Labels, label) })
}

// appendHold encodes what readers do with a bandit, the hold and the marks.
func (l *Learner) appendHold(b []byte, w *headWriter) []byte {
	b = wire.AppendString(b, l.policy)
	b = wire.AppendBool(b, l.hold != nil)
	if l.hold != nil {
		b = l.hold.append(b, w)
		b = wire.AppendBool(b, l.hold.released)
	}
	b = wire.AppendUvarint(b, uint64(len(l.marks)))
	for i := range l.marks {
		m := &l.marks[i]
		b = wire.AppendUvarint(b, m.Number)
		b = append(b, m.Sum[:]...)
		b = wire.AppendBool(b, m.Pinned)
		b = wire.AppendUvarint(b, uint64(len(m.Labels)))
		for _, label := range m.Labels {
			b = wire.AppendString(b, label)
		}
	}
	return b
}

// readHold reads what appendHold wrote.
func (l *Learner) readHold(r *wire.Reader, parts *storedParts) {
	if l.policy = r.String(); r.Err() == nil && l.policy != "" && !slices.Contains(state.Policies(), l.policy) {
		r.Fail("policy %q of readers", l.policy)
	}
	if r.Bool() {
		l.hold = &hold{checkpoint: readCheckpoint(r, parts)}
		l.hold.released = r.Bool()
		if r.Err() == nil && l.proven == nil {
			r.Fail("version %d is held, but none is proven", l.hold.version.Number)
		}
	}
	n := r.Count(len(state.Sum{}) + 3)
	if n > state.MaxMarks {
		r.Fail("%d versions with marks, at most %d", n, state.MaxMarks)
		n = 0
	}
	for range n {
		m := state.Mark{Number: r.Uvarint(), Sum: readSum(r), Pinned: r.Bool()}
		for range r.Count(1) {
			m.Labels = append(m.Labels, r.String())
		}
		l.marks = append(l.marks, m)
	}
}

// restoreVersion puts a version back into the model and makes it the last good
// one. Checkpoints in quarantine, which grew from other parameters, are thrown away.
func (l *Learner) restoreVersion(c *checkpoint) {
	last := *c
	l.join.forget(0) // it may be the version of any time, or of another partition
	l.proven = &last
	l.pending = l.pending[:0]
	l.restoreLastGood()
	l.watch.restart()
	if l.champion != nil {
		l.renewChampion()
		held := l.trial.held
		l.trial = l.newTrial(l.trial.began, l.trial.unit)
		l.trial.held = held
	}
	if l.mode == Recovering {
		l.guard.enroll(l)
		return
	}
	l.guard.discardCandidate(l)
	l.guard.restart()
}

// foundParams returns the parameters that a command is about, if the model takes them. Those of a
// partition that has learned already must know its arms, too.
func (l *Learner) foundParams(sum state.Sum, blobs []state.Blob, begin bool) (*params, error) {
	p, err := findParams(sum, func(s state.Sum) *state.Blob {
		i := slices.IndexFunc(blobs, func(b state.Blob) bool { return b.Sum == s })
		if i < 0 {
			return nil
		}
		return &blobs[i]
	})
	if err != nil {
		return nil, err
	}
	var table []byte
	if !begin {
		table = l.tableOfArms()
	}
	if err = p.loadUnder(l.fresh(), table); err != nil {
		return nil, fmt.Errorf("this model does not take parameters %.12s: %w", sum, err)
	}
	return p, nil
}
