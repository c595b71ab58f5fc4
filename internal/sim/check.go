package sim

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// checkStored compares what is served and answered with the state beside it.
func (r *run) checkStored(snap *state.Snapshot, l *learner.Learner) error {
	if err := r.checkServed(snap.Current, snap.Next.Offset); err != nil {
		return err
	}
	again := l.Snapshot()
	if a, b := snap.Current, again.Current; r.forced() == nil && ((a == nil) != (b == nil) || a != nil && !a.Equal(*b)) {
		return fmt.Errorf("the store serves %+v, the state beside it %+v: published before it was saved", a, b)
	}
	for offset, c := range r.Command {
		if _, err := r.store.Ack(r.ctx, key, c.ID); err == nil && snap.Next.Offset < offset {
			return fmt.Errorf("command %s of offset %d was answered, the state stands at %d without it", c.ID, offset, snap.Next.Offset)
		}
	}
	return nil
}

// published checks what readers are served now, beside a state at offset.
func (r *run) published(offset int64) error {
	p, err := r.store.Current(r.ctx, key)
	found := err == nil
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	if found {
		r.counts.Published++
		if p.Mode == state.ModeHeld {
			r.counts.Held++
		}
		if p.Policy != "" {
			r.counts.Switched++
		}
	}
	if !found {
		return r.checkServed(nil, offset)
	}
	return r.checkServed(&p, offset)
}

// checkServed fails unless p, nil for nothing, is what is to be served beside a state at offset.
func (r *run) checkServed(p *state.Pointer, offset int64) (err error) {
	if c := r.forced(); c != nil {
		return r.checkForced(c, p)
	}
	for i := range r.ref.at[offset] { // it may stand before a command or after it
		if err = r.ref.at[offset][i].check(p); err == nil {
			return nil
		}
	}
	return err
}

// check fails unless p is what an undisturbed run serves at this moment.
func (m *moment) check(p *state.Pointer) error {
	if p == nil || m.pointer == nil {
		if p != m.pointer {
			return fmt.Errorf("version %+v was published; an undisturbed run serves %+v there", p, m.pointer)
		}
		return nil
	}
	if err := m.orders.checkPointer(p); err != nil {
		return err
	}
	if !p.Equal(*m.pointer) {
		return fmt.Errorf("version %+v was published; an undisturbed run serves %+v there", p, m.pointer)
	}
	return nil
}

// checkForced fails unless readers are where a command has moved them by force.
func (r *run) checkForced(c *state.Command, p *state.Pointer) error {
	if p == nil {
		return fmt.Errorf("nothing is served, readers were moved by command %s", c.ID)
	}
	if c.Kind == learner.CommandPolicy && p.ReaderPolicy() != c.Args.Policy {
		return fmt.Errorf("readers are told to follow the policy %s, they were moved to %s", p.ReaderPolicy(), c.Args.Policy)
	}
	if c.Kind == learner.CommandRollback && (p.Mode != state.ModeHeld || p.Number != c.Args.Version) {
		return fmt.Errorf("readers are served version %d, %s; an operator holds them at %d", p.Number, p.Mode, c.Args.Version)
	}
	return r.checkVersion(&p.Version)
}

// forced is the command by which readers were moved, as long as no owner has answered it; nil for none.
func (r *run) forced() *state.Command {
	inbox, err := r.store.Inbox(r.ctx, key)
	if err != nil || len(inbox) == 0 {
		return nil
	}
	return &inbox[0]
}

func (r *run) checkVersion(v *state.Version) error {
	if want, ok := r.ref.versions[v.Number]; !ok || want != *v {
		return fmt.Errorf("version %+v was published; an undisturbed run proves %+v", *v, want)
	}
	return nil
}

// check compares what is stored in the end with the undisturbed run.
func (r *run) check() error {
	got, _, err := r.store.State(r.ctx, key)
	if err != nil {
		return err
	}
	want := r.ref.final
	if got.Next != want.Next {
		return fmt.Errorf("stored next %v, undisturbed %v", got.Next, want.Next)
	}
	if a, b := state.SumOf(got.Head), state.SumOf(want.Head); a != b {
		return fmt.Errorf("stored state %s (%d bytes), undisturbed %s (%d bytes): an event was lost or learned twice", a, len(got.Head), b, len(want.Head))
	}
	if err := r.checkAudit(); err != nil {
		return err
	}
	if err := r.checkMarks(); err != nil {
		return err
	}
	versions, err := r.store.Versions(r.ctx, key)
	if err != nil {
		return err
	}
	for i := range versions {
		if err := r.checkVersion(&versions[i]); err != nil {
			return err
		}
	}
	if !r.rebuild {
		return nil
	}
	return r.checkRebuild(versions)
}

// checkAudit fails unless the stored audit chain is that of the undisturbed run, which is whole.
func (r *run) checkAudit() error {
	got, err := r.store.Audit(r.ctx, key, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	want := r.ref.final.Audit
	if len(got.Records) != len(want.Entries) {
		return fmt.Errorf("audit chain of %d records, undisturbed %d", len(got.Records), len(want.Entries))
	}
	for i, e := range want.Entries {
		if string(got.Records[i]) != string(e.Data) {
			return fmt.Errorf("audit record %d is %s, undisturbed %s", i+1, got.Records[i], e.Data)
		}
	}
	if n, sum := want.End(); got.Length != n || got.Sum != sum {
		return fmt.Errorf("audit chain ends with record %d, %s, by the store's account; undisturbed with %d, %s", got.Length, got.Sum, n, sum)
	}
	return nil
}

// checkMarks fails unless versions have the pins and labels that people gave them.
func (r *run) checkMarks() error {
	got, err := r.store.Marks(r.ctx, key)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	same := func(a, b state.Mark) bool {
		return a.Number == b.Number && a.Sum == b.Sum && a.Pinned == b.Pinned && slices.Equal(a.Labels, b.Labels)
	}
	if want := r.ref.final.Marks; !slices.EqualFunc(got, want, same) {
		return fmt.Errorf("versions have the marks %+v, undisturbed %+v", got, want)
	}
	return nil
}

// checkTrail fails unless the trail of the undisturbed run has each command once, with who gave it, and
// tells what automation did from what people did.
func (w *World) checkTrail(ref *reference) error {
	given := map[string]string{}
	for _, c := range w.Command {
		given[c.ID] = c.Who
	}
	for _, e := range ref.final.Audit.Entries {
		rec, err := state.ParseAudit(e.Data)
		if err != nil {
			return err
		}
		who, ours := given[rec.ID]
		switch {
		case rec.ID != "" && (!ours || who != rec.Who):
			return fmt.Errorf("audit record %d is of command %q by %s, which is not to be taken (again)", rec.Seq, rec.ID, rec.Who)
		case rec.ID == "" && rec.Kind == state.AuditCommand && rec.Who != state.Automation:
			return fmt.Errorf("audit record %d is of a command by %s that nobody gave", rec.Seq, rec.Who)
		case rec.Kind == state.AuditFreeze && (rec.Cause == "operator") != (rec.Who != state.Automation):
			return fmt.Errorf("audit record %d: a freeze by %s because of %s", rec.Seq, rec.Who, rec.Cause)
		}
		delete(given, rec.ID)
	}
	if len(given) > 0 {
		return fmt.Errorf("the audit trail misses the commands %v", given)
	}
	return nil
}
