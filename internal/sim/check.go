package sim

import (
	"errors"
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// published checks what readers are served now, beside a state at offset.
func (r *run) published(offset int64) error {
	p, err := r.store.Current(r.ctx, key)
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.counts.Published++
	if err := r.checkHold(&p, offset); err != nil {
		return err
	}
	return r.checkVersion(&p.Version)
}

// checkHold fails when readers are moved from a version that an operator chose.
func (r *run) checkHold(p *state.Pointer, offset int64) error {
	want := r.ref.held[offset]
	if v := r.forced(); v != nil {
		want = v.Number
	} else if _, ok := r.Command[offset]; ok {
		return nil // it may stand before the command or after it
	}
	if want > 0 {
		r.counts.Held++
	}
	if held := p.Mode == state.ModeHeld; held != (want > 0) || held && p.Number != want {
		return fmt.Errorf("readers are served version %d, %s; an operator holds them at %d", p.Number, p.Mode, want)
	}
	return nil
}

// forced is the version that readers were moved to by force, as long as no
// owner has answered the command; nil for none.
func (r *run) forced() *state.Version {
	inbox, err := r.store.Inbox(r.ctx, key)
	if err != nil || len(inbox) == 0 {
		return nil
	}
	return &r.ref.found[inbox[0].Args.Version].Version
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
