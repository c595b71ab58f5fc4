package learner

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// versionCommand takes a command about published versions. Each either takes
// effect as a whole or is refused and changes nothing.
func (l *Learner) versionCommand(c state.Command, f *state.Found) error {
	a := c.Args
	if c.Kind == CommandUnlabel {
		if !hasLabel(l.marks, a.Label) {
			return fmt.Errorf("no version has the label %q", a.Label)
		}
		l.marks = dropLabel(l.marks, a.Label)
		return nil
	}
	if c.Kind == CommandUnpin {
		i := slices.IndexFunc(l.marks, func(m state.Mark) bool { return m.Number == a.Version && m.Sum == a.Sum && m.Pinned })
		if i < 0 {
			return fmt.Errorf("version %d is not pinned", a.Version)
		}
		l.marks = editMark(l.marks, a.Version, a.Sum, func(m *state.Mark) { m.Pinned = false })
		return nil
	}
	if c.Kind == CommandPromote && a.Version == 0 {
		if l.hold == nil {
			return errors.New("no version is held: readers follow the newest proven one")
		}
		l.hold = nil
		return nil
	}
	if f == nil {
		return errors.New("the version was not looked for")
	}
	if f.Problem != "" {
		return errors.New(f.Problem)
	}
	switch c.Kind {
	case CommandPin:
		return l.mark(a, func(marks []state.Mark) []state.Mark {
			return editMark(marks, a.Version, a.Sum, func(m *state.Mark) { m.Pinned = true })
		})
	case CommandLabel:
		if err := state.ValidateLabel(a.Label); err != nil {
			return err
		}
		return l.mark(a, func(marks []state.Mark) []state.Mark { return setLabel(marks, a.Label, a.Version, a.Sum) })
	case CommandRollback:
		return l.rollback(a, f)
	case CommandPromote:
		return l.promote(a, f)
	default:
		return l.takeImport(a, f)
	}
}

func (l *Learner) mark(a state.Args, edit func([]state.Mark) []state.Mark) error {
	marks := edit(cloneMarks(l.marks))
	if len(marks) > state.MaxMarks {
		return fmt.Errorf("version %d: %d versions have a pin or a label already; take one back first", a.Version, state.MaxMarks)
	}
	l.marks = marks
	return nil
}

// rollback holds readers at a version. With Restore the model goes on from it, too.
func (l *Learner) rollback(a state.Args, f *state.Found) error {
	if l.proven == nil {
		return errors.New("nothing has been published yet")
	}
	p, err := l.foundParams(a.Sum, f.Blobs, false)
	if err != nil {
		return err
	}
	l.hold = &hold{checkpoint: l.underTerms(checkpoint{version: f.Version, at: l.fed, params: p})}
	if a.Restore {
		l.restoreVersion(&l.hold.checkpoint)
	}
	return nil
}

// promote serves a newer version than the held one, until the next is proven.
func (l *Learner) promote(a state.Args, f *state.Found) error {
	if l.hold == nil {
		return errors.New("no version is held: readers follow the newest proven one; hold them at an older one with rollback")
	}
	if a.Version < l.hold.version.Number {
		return fmt.Errorf("version %d is older than version %d, which is served: go back with rollback", a.Version, l.hold.version.Number)
	}
	newest := l.proven.sealed()
	if a.Version == newest.Number && a.Sum == newest.Sum {
		l.hold = nil
		return nil
	}
	p, err := l.foundParams(a.Sum, f.Blobs, false)
	if err != nil {
		return err
	}
	l.hold = &hold{checkpoint: l.underTerms(checkpoint{version: f.Version, at: l.fed, params: p}), released: true}
	return nil
}

// takeImport makes an exported version one of this partition's. With Restore
// it is where a partition begins that has learned nothing.
func (l *Learner) takeImport(a state.Args, f *state.Found) error {
	if a.Restore && l.fed > 0 {
		return fmt.Errorf("the partition has a state already, of %d records: import the version without making it the beginning, and roll back to it", l.fed)
	}
	if !a.Restore && l.proven == nil {
		return errors.New("nothing has been published yet, so readers could not come back from it: make the version the beginning of a new partition")
	}
	if len(f.Blobs) != 1 {
		return fmt.Errorf("%d blobs where one exported version was expected", len(f.Blobs))
	}
	x, err := state.ParseExport(f.Blobs[0].Data)
	if err != nil {
		return err
	}
	p, err := l.foundParams(x.Version.Sum, x.Blobs, a.Restore)
	if err != nil {
		return err
	}
	v := x.Version
	v.Number, v.Parent, v.Guarded, v.Next, v.State = l.versions+1, 0, false, l.next, state.Sum{}
	if a.Label != "" {
		if err := state.ValidateLabel(a.Label); err != nil {
			return err
		}
	}
	c := checkpoint{version: v, at: l.fed, params: p}
	if a.Restore {
		return l.begin(a, c)
	}
	if a.Label != "" {
		if err := l.mark(a, func(marks []state.Mark) []state.Mark { return setLabel(marks, a.Label, v.Number, v.Sum) }); err != nil {
			return err
		}
	}
	l.versions = v.Number
	l.added = append(l.added, c)
	return nil
}

// begin makes a version that came from elsewhere what a partition begins with, with its
// arms, as the configuration changes them.
func (l *Learner) begin(a state.Args, c checkpoint) error {
	m := l.fresh()
	if err := c.params.load(m); err != nil {
		return err
	}
	if m, ok := m.(Armed); ok {
		if err := l.renewDecoder(m); err != nil {
			return err
		}
	}
	if err := c.params.load(l.model); err != nil {
		return err
	}
	l.versions = c.version.Number
	c = l.underTerms(c)
	l.restoreVersion(&c)
	if a.Label == "" {
		return nil
	}
	v := c.sealed()
	return l.mark(a, func(marks []state.Mark) []state.Mark { return setLabel(marks, a.Label, v.Number, v.Sum) })
}
