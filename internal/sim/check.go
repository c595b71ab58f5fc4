package sim

import (
	"errors"
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// published checks what readers are served now.
func (r *run) published() error {
	p, err := r.store.Current(r.ctx, key)
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.counts.Published++
	return r.checkVersion(&p.Version)
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
	return nil
}

// checkAudit fails unless the stored audit chain is whole, and that of the undisturbed run.
func (r *run) checkAudit() error {
	got, err := r.store.Audit(r.ctx, key, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	if fault := got.Verify(); fault != nil {
		return fmt.Errorf("audit chain: %w", fault)
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
	return nil
}
