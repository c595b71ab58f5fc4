package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// verifyReport is what snapshot verify finds of one partition.
type verifyReport struct {
	Key      string    `json:"partition"`
	Versions int       `json:"versions"`
	Blobs    int       `json:"blobs"`
	Bytes    int64     `json:"bytes"`
	Problems []problem `json:"problems"`
}

// problem is something that must not be.
type problem struct {
	Where string `json:"where"`
	What  string `json:"what"`
}

func snapshotVerifyCommand() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [MODEL[/PARTITION]...]",
		Short: "Check that states and versions are whole",
		Long: `Read everything that is stored of the named partitions, or of all that are
configured, and check it: the sum of every blob, that states and the parameters of
every kept version decode, that nothing they refer to is missing, and that
numbers, parents, labels and the served version fit together. Of the state that a
version was taken from it checks the head and the model. Exits with 1 and a
table when something is wrong. It may run beside a learner.`,
		Example: `  streamlearner snapshot verify -c configs/fraud.yaml
  streamlearner snapshot verify fraud/3 --redis localhost:6379 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, cfg, err := t.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // only read
			names, err := modelNames(cfg, args)
			if err != nil {
				return err
			}
			list := []verifyReport{}
			for _, name := range names {
				ks, err := keys(cmd.Context(), store, name)
				if err != nil {
					return err
				}
				for _, k := range ks {
					r, err := verify(cmd.Context(), store, k)
					if err != nil {
						return fmt.Errorf("%s: %w", k, err)
					}
					list = append(list, *r)
				}
			}
			return showVerified(cmd.OutOrStdout(), list, asJSON)
		},
	}
	t.redisFlags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func showVerified(w io.Writer, list []verifyReport, asJSON bool) error {
	wrong := newTable("partition", "where", "problem")
	bad := 0
	for _, r := range list {
		for _, p := range r.Problems {
			bad++
			wrong.AppendRow(table.Row{r.Key, p.Where, p.What})
		}
	}
	if asJSON {
		if err := printJSON(w, list); err != nil {
			return err
		}
	} else {
		for _, r := range list {
			if _, err := fmt.Fprintf(w, "%s: state, %d versions, %d blobs, %.1f MiB read: %d problems\n",
				r.Key, r.Versions, r.Blobs, float64(r.Bytes)/(1<<20), len(r.Problems)); err != nil {
				return err
			}
		}
		if bad > 0 {
			if _, err := fmt.Fprintln(w, wrong.Render()); err != nil {
				return err
			}
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d problems in %d partitions", bad, len(list))
	}
	return nil
}

// verify checks a partition. Its owner may save meanwhile, and drop what was
// referred to: a finding counts when no save came in between.
func verify(ctx context.Context, store *redis.Store, k state.Key) (r *verifyReport, err error) {
	const attempts = 10
	seen := newVerifier(store, k)
	for range attempts {
		var seq uint64
		if r, seq, err = seen.pass(ctx); err != nil || len(r.Problems) == 0 {
			return r, err
		}
		s, _, err := store.State(ctx, k)
		if err == nil && s.Seq == seq {
			break
		}
	}
	return r, nil
}

// verifier remembers which blobs are in order, so that another pass is quick.
type verifier struct {
	store *redis.Store
	k     state.Key
	good  map[state.Sum]int  // size of blobs whose sum is right
	opens map[state.Sum]bool // parameters that decode
	heads map[state.Sum]bool // states of versions that decode, with their models

	r *verifyReport
}

func newVerifier(store *redis.Store, k state.Key) *verifier {
	return &verifier{store: store, k: k, good: map[state.Sum]int{}, opens: map[state.Sum]bool{}, heads: map[state.Sum]bool{}}
}

func (v *verifier) fail(where, format string, args ...any) {
	v.r.Problems = append(v.r.Problems, problem{where, fmt.Sprintf(format, args...)})
}

// pass checks everything once and returns the number of the save that it looked at.
func (v *verifier) pass(ctx context.Context) (*verifyReport, uint64, error) {
	v.r = &verifyReport{Key: v.k.String(), Problems: []problem{}}
	s, _, err := v.store.State(ctx, v.k)
	if err != nil {
		return nil, 0, err
	}
	kept, err := v.store.Versions(ctx, v.k)
	if err != nil {
		return nil, 0, err
	}
	marks, err := v.store.Marks(ctx, v.k)
	if err != nil {
		return nil, 0, err
	}
	for _, ref := range s.Refs {
		v.blob(ctx, "state", ref)
	}
	d, err := learner.Describe(s.Head)
	if err != nil {
		v.fail("state", "%v", err)
		d = nil
	}
	v.versions(ctx, kept, d)
	v.pointers(s, kept, marks)
	v.r.Versions, v.r.Blobs = len(kept), len(v.good)
	for _, size := range v.good {
		v.r.Bytes += int64(size)
	}
	return v.r, s.Seq, nil
}

// blob checks a blob unless it was found good before.
func (v *verifier) blob(ctx context.Context, where string, sum state.Sum) {
	if _, ok := v.good[sum]; !ok {
		v.read(ctx, where, sum)
	}
}

// read returns a blob; nil when it is not in order.
func (v *verifier) read(ctx context.Context, where string, sum state.Sum) []byte {
	data, err := v.store.Blob(ctx, v.k, sum)
	switch {
	case errors.Is(err, state.ErrNotFound):
		v.fail(where, "blob %s is missing", sum)
	case err != nil:
		v.fail(where, "%v", err)
	default:
		v.good[sum] = len(data)
		return data
	}
	return nil
}

func (v *verifier) versions(ctx context.Context, kept []state.Version, d *learner.Description) {
	for i := range kept {
		version := &kept[i]
		where := fmt.Sprintf("version %d", version.Number)
		v.parameters(ctx, where, version.Sum)
		v.origin(ctx, where, version.State)
		switch {
		case version.Parent >= version.Number:
			v.fail(where, "its parent is version %d", version.Parent)
		case d != nil && version.Number > d.Checkpoints:
			v.fail(where, "the learner has made %d so far", d.Checkpoints)
		case i > 0 && version.Number == kept[i-1].Number:
			v.fail(where, "two versions have this number, with parameters %.12s and %.12s: one is of writes that a failover lost", kept[i-1].Sum, version.Sum)
		}
	}
}

// origin checks the state that a version was taken from, which replay --from begins with.
func (v *verifier) origin(ctx context.Context, where string, sum state.Sum) {
	if v.heads[sum] || sum.IsZero() {
		return
	}
	head := v.read(ctx, where, sum)
	if head == nil {
		return
	}
	d, err := learner.Describe(head)
	if err != nil {
		v.fail(where, "the state %.12s that it was taken from: %v", sum, err)
		return
	}
	v.heads[sum] = v.parameters(ctx, where+", its state", d.Live)
}

// parameters checks the blobs of a version, and reports whether they make a model.
func (v *verifier) parameters(ctx context.Context, where string, sum state.Sum) bool {
	if v.opens[sum] {
		return true
	}
	parts, _, _, err := state.Parameters(ctx, v.store, v.k, sum, nil)
	if err != nil {
		v.fail(where, "%v", err)
		return false
	}
	for _, part := range parts {
		v.good[state.SumOf(part)] = len(part)
	}
	if _, _, err := catalog.Open(parts[0], parts[1:]...); err != nil {
		v.fail(where, "parameters %.12s do not decode: %v", sum, err)
		return false
	}
	v.opens[sum] = true
	return true
}

// pointers checks what is served and what is said of versions.
func (v *verifier) pointers(s *state.Snapshot, kept []state.Version, marks []state.Mark) {
	has := func(number uint64, sum state.Sum) bool {
		return slices.ContainsFunc(kept, func(k state.Version) bool { return k.Number == number && k.Sum == sum })
	}
	p := s.Current
	if p == nil {
		if len(kept) > 0 {
			v.fail("current", "%d versions are kept, but none is served", len(kept))
		}
		return
	}
	if !has(p.Number, p.Sum) {
		v.fail("current", "version %d with parameters %.12s is served, but not kept", p.Number, p.Sum)
	}
	for i := range marks {
		m := &marks[i]
		if !has(m.Number, m.Sum) {
			v.fail("marks", "version %d with parameters %.12s has labels %v, pinned %v, but is gone", m.Number, m.Sum, m.Labels, m.Pinned)
		}
	}
}
