package sim

import (
	"fmt"
	"maps"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// reference is the run without faults: its final state and all that it proved.
type reference struct {
	final    *state.Snapshot
	counts   Counts // what it went through
	versions map[uint64]state.Version
	found    map[uint64]*state.Found // the same with their parameters
	at       [][]moment              // by the offset of the next record: with it, after a changed configuration, after a command

	l       *learner.Learner
	orders  orders
	pointer *state.Pointer // what readers are served; nil for nothing
}

// moment is what holds between two inputs.
type moment struct {
	orders  orders
	pointer *state.Pointer
}

// undisturbed runs the world without faults, once.
func (w *World) undisturbed() (*reference, error) {
	if w.ref != nil {
		return w.ref, nil
	}
	ref, err := w.begin()
	if err != nil {
		return nil, err
	}
	for i := range w.Records {
		if err := ref.next(w, int64(i)); err != nil {
			return nil, fmt.Errorf("the undisturbed run, at offset %d: %w", i, err)
		}
	}
	ref.final = ref.l.Snapshot()
	ref.countStats()
	if fault := chainOf(ref.final.Audit).Verify(); fault != nil {
		return nil, fmt.Errorf("audit chain of the undisturbed run: %w", fault)
	}
	if err := w.checkTrail(ref); err != nil {
		return nil, err
	}
	w.ref = ref
	return ref, nil
}

// begin returns a reference that stands before the first record.
func (w *World) begin() (*reference, error) {
	l, err := learner.New(w.Config, state.Position{})
	if err != nil {
		return nil, err
	}
	ref := &reference{versions: map[uint64]state.Version{}, found: map[uint64]*state.Found{}, at: make([][]moment, len(w.Records)+1), l: l}
	ref.note(0)
	w.Command = maps.Clone(w.Command)
	return ref, nil
}

// next gives the learner what stands at offset i: a changed configuration, a command and a record.
func (f *reference) next(w *World, i int64) (err error) {
	if w.ChangeAt > 0 && i == w.ChangeAt {
		if f.l, err = learner.Restore(w.Changed, f.l.Snapshot()); err != nil {
			return err
		}
		f.orders.caps = nil // the settings may have said others
		if err := f.see(w, i); err != nil {
			return err
		}
	}
	if c, ok := w.Command[i]; ok {
		c = f.resolve(c)
		w.Command[i] = c
		about := f.found[c.Args.Version]
		f.l.ApplyTo(aboutFound(c, about), about)
		done := f.l.Snapshot().Done
		if ack := done[len(done)-1]; ack.Error != "" {
			f.counts.Declined++
		} else {
			f.take(&c, about)
		}
		if err := f.see(w, i); err != nil {
			return err
		}
	}
	o := f.l.Feed(w.Records[i])
	if o.Harm != "" {
		f.counts.Harms++
		f.orders.out = f.closed()
	}
	if o.Overdue {
		f.counts.Overdue++
	}
	if err := f.orders.checkMode(f.l.Mode()); err != nil {
		return err
	}
	if o.Proven || o.Change != nil || o.Harm != "" {
		return f.see(w, i+1)
	}
	f.note(i + 1)
	return nil
}

// resolve finds the version that a command is about.
func (f *reference) resolve(c state.Command) state.Command {
	switch c.Kind {
	case learner.CommandRollback, learner.CommandPin, learner.CommandLabel:
		back := int(c.Args.Version)
		c.Args.Version = 0 // none, which is refused
		if numbers := slices.Sorted(maps.Keys(f.versions)); len(numbers) > 0 {
			c.Args.Version = numbers[max(0, len(numbers)-1-back)]
		}
	}
	return c
}

func (f *reference) take(c *state.Command, about *state.Found) {
	var v *state.Version
	if about != nil {
		v = &about.Version
	}
	f.orders = f.orders.take(c, v)
}

// closed lists the arms that may not be chosen.
func (f *reference) closed() (names []string) {
	for _, a := range f.l.Stats().Arms.Arms {
		if a.Status != "active" && a.Status != "new" {
			names = append(names, a.Name)
		}
	}
	return names
}

// see looks at what is served before the record at an offset.
func (f *reference) see(w *World, offset int64) error {
	s := f.l.Snapshot()
	f.pointer = s.Current
	if s.Current != nil {
		for _, v := range append([]state.Kept{{Version: s.Current.Version}}, s.Also...) {
			if _, ok := f.versions[v.Number]; !ok {
				f.versions[v.Number] = v.Version
				f.found[v.Number] = &state.Found{Version: v.Version, Blobs: s.Blobs}
			}
		}
		if err := f.orders.checkPointer(s.Current); err != nil {
			return err
		}
		if w.serves != nil {
			i := slices.IndexFunc(s.Blobs, func(b state.Blob) bool { return b.Sum == s.Current.Sum })
			if err := w.serves(&f.orders, s.Blobs[i].Data); err != nil {
				return fmt.Errorf("version %d: %w", s.Current.Number, err)
			}
		}
	}
	f.note(offset)
	return nil
}

func (f *reference) note(offset int64) {
	f.at[offset] = append(f.at[offset], moment{f.orders, f.pointer})
}

// countStats takes over what the learner has counted.
func (f *reference) countStats() {
	s, c := f.l.Stats(), &f.counts
	c.Freezes = int(s.Freezes)
	c.Recovered = int(s.Recoveries[learner.Quiet] + s.Recoveries[learner.Promoted])
	c.Failed = int(s.Recoveries[learner.Failed] + s.Recoveries[learner.Aborted])
	c.Surplus = int(s.Rejected[event.SourceShare] + s.Rejected[event.NearDuplicate])
	if j := s.Join; j != nil {
		c.Joined, c.Corrected, c.TooLate, c.Repeated = int(j.Rewarded+j.Unrewarded), int(j.Corrected), int(j.Late), int(j.Duplicates)
	}
	if s.Inputs != nil && s.Inputs.ClipBound > 0 {
		c.Clipped++
	}
	if e := f.l.Evaluations(); e != nil {
		c.Evaluated = int(e[0].Decisions)
	}
}
