package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// diffReport is the document of snapshot diff --json.
type diffReport struct {
	Key  string        `json:"partition"`
	Kind string        `json:"kind"`
	From versionReport `json:"from"`
	To   versionReport `json:"to"`
	modelDiff
}

func snapshotDiffCommand() *cobra.Command {
	var t target
	var asJSON bool
	top := 20
	cmd := &cobra.Command{
		Use:   "diff MODEL/PARTITION [A [B]]",
		Short: "Compare two published versions, feature by feature",
		Long: `Compare two published versions of a partition: which weights were added, removed
or changed, by the names of their features, and how the statistics of numeric
fields moved. A and B are numbers of versions that are kept (snapshot list, show).
Without B the version that is served is B, without A the one before it.

Weights are in units of the margin. Distance and cosine are of all weights but
the intercepts. Of a model of pairs only its linear weights are compared.`,
		Example: `  streamlearner snapshot diff fraud/3
  streamlearner snapshot diff fraud/3 117 131 --top 50
  streamlearner snapshot diff fraud/3 117 --redis redis-1:6379 --json`,
		Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if top < 0 {
				err = fmt.Errorf("--top %d: must not be negative; 0 shows all changes", top)
			}
			var numbers []uint64
			for _, a := range args[1:] {
				n, perr := strconv.ParseUint(a, 10, 64)
				if perr != nil {
					err = errors.Join(err, fmt.Errorf("version %q: must be the number of a version", a))
				}
				numbers = append(numbers, n)
			}
			if err != nil {
				return usageError(err)
			}
			return t.readPartition(cmd.Context(), args[0], func(store *redis.Store, k state.Key) error {
				r, err := diffVersions(cmd.Context(), store, k, numbers)
				if err != nil {
					return fmt.Errorf("%s: %w", k, err)
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), r)
				}
				return r.print(cmd.OutOrStdout(), top)
			})
		},
	}
	t.redisFlags(cmd)
	cmd.Flags().IntVar(&top, "top", top, "show so many changes, the largest first; 0 for all. --json has all of them")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func diffVersions(ctx context.Context, store *redis.Store, k state.Key, numbers []uint64) (*diffReport, error) {
	kept, err := store.Versions(ctx, k)
	if err != nil {
		return nil, err
	}
	current, err := store.Current(ctx, k)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return nil, err
	}
	a, b, err := chooseVersions(kept, &current.Version, numbers)
	if err != nil {
		return nil, err
	}
	known, err := storedNames(ctx, store, k)
	if err != nil {
		return nil, err
	}
	r := &diffReport{Key: k.String(), From: versionReport{*a, a.Sum.String()}, To: versionReport{*b, b.Sum.String()}}
	var models [2]weighted
	for i, v := range []*state.Version{a, b} {
		m, about, err := openModel(ctx, store, k, v.Sum)
		if err != nil {
			return nil, fmt.Errorf("version %d: %w", v.Number, err)
		}
		if r.Kind != "" && about.Kind != r.Kind {
			return nil, fmt.Errorf("version %d is of the kind %s, version %d of the kind %s: they cannot be compared", a.Number, r.Kind, b.Number, about.Kind)
		}
		r.Kind = about.Kind
		var ok bool
		if models[i], ok = m.(weighted); !ok {
			return nil, usageError(fmt.Errorf("a model of the kind %s has no weights to compare", about.Kind))
		}
	}
	d, err := diffModels(models[0], models[1], known)
	if err != nil {
		return nil, err
	}
	r.modelDiff = *d
	return r, nil
}

// chooseVersions finds the versions with those numbers among the kept ones.
// Where one number has two versions, as after a failover, the served one counts, else the last.
func chooseVersions(kept []state.Version, current *state.Version, numbers []uint64) (a, b *state.Version, err error) {
	find := func(n uint64) (*state.Version, error) {
		if n == current.Number && n > 0 {
			return current, nil
		}
		for _, v := range slices.Backward(kept) {
			if v.Number == n {
				return &v, nil
			}
		}
		return nil, fmt.Errorf("version %d is not kept; kept are %s", n, numbersOf(kept))
	}
	if len(numbers) < 2 {
		if current.Number == 0 {
			return nil, nil, errors.New("nothing is published yet")
		}
		b = current
	} else if b, err = find(numbers[1]); err != nil {
		return nil, nil, err
	}
	if len(numbers) > 0 {
		a, err = find(numbers[0])
		return a, b, err
	}
	for _, v := range slices.Backward(kept) {
		if v.Number < b.Number {
			return &v, b, nil
		}
	}
	return nil, nil, fmt.Errorf("no version before %d is kept; kept are %s", b.Number, numbersOf(kept))
}

// numbersOf lists the numbers of versions.
func numbersOf(kept []state.Version) string {
	s := "none"
	for i, v := range kept {
		if i == 0 {
			s = strconv.FormatUint(v.Number, 10)
			continue
		}
		s += ", " + strconv.FormatUint(v.Number, 10)
	}
	return s
}

func (r *diffReport) print(w io.Writer, top int) error {
	t := newTable("partition "+r.Key, fmt.Sprintf("version %d", r.From.Number), fmt.Sprintf("version %d", r.To.Number), "difference")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3)})
	a, b := &r.From.Version, &r.To.Version
	t.AppendRow(table.Row{"events learned", a.Learned, b.Learned, fmt.Sprintf("%+d", int64(b.Learned-a.Learned))})
	t.AppendRow(table.Row{"next offset", a.Next.Offset, b.Next.Offset, fmt.Sprintf("%+d", b.Next.Offset-a.Next.Offset)})
	t.AppendRow(table.Row{"age", seconds(age(a).Seconds()), seconds(age(b).Seconds()), seconds(math.Abs(age(a).Seconds()-age(b).Seconds())) + " apart"})
	for _, m := range []struct{ name, a, b string }{
		{"configuration", a.Config, b.Config}, {"program", a.Binary, b.Binary}, {"architecture", a.Arch, b.Arch},
		{"guarded", fmt.Sprint(a.Guarded), fmt.Sprint(b.Guarded)},
	} {
		t.AppendRow(table.Row{m.name, m.a, m.b, map[bool]string{true: "same", false: "differs"}[m.a == m.b]})
	}
	t.AppendRow(table.Row{"norm of the weights", number(float64(r.Norms[0])), number(float64(r.Norms[1])), "L2 distance " + number(r.Distance)})
	if r.Cosine != nil {
		t.AppendRow(table.Row{"", "", "", fmt.Sprintf("cosine %.6f", *r.Cosine)})
	}
	_, err := fmt.Fprintf(w, "%s\n\nweights: %d changed, %d added, %d removed, %d the same\n", t.Render(), r.Changed, r.Added, r.Removed, r.Same)
	if err == nil {
		err = r.printWeights(w, top)
	}
	if err == nil {
		err = r.printFields(w, top)
	}
	return err
}

const diffColumns = 58 // what the columns beside the names take, at least

func (r *diffReport) printWeights(w io.Writer, top int) error {
	list, left := firstOf(r.Weights, top)
	if len(list) == 0 {
		return nil
	}
	several := list[0].Class != nil
	t := newTable("feature", "from", "to", "difference", "")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3), rightAligned(4)})
	room := nameRoom(w, diffColumns)
	for _, c := range list {
		name := cutName(c.Feature, room)
		if several {
			name = fmt.Sprintf("%s, class %d", name, *c.Class)
		}
		from, to := number(c.From), number(c.To)
		switch c.Kind {
		case added:
			from = "-"
		case removed:
			to = "-"
		}
		t.AppendRow(table.Row{name, from, to, number(c.Change), bar(c.Change, math.Abs(list[0].Change))})
	}
	return printList(w, t, left)
}

func (r *diffReport) printFields(w io.Writer, top int) error {
	list, left := firstOf(r.Fields, top)
	if len(list) == 0 {
		return nil
	}
	t := newTable("numeric field", "mean", "then", "sd", "then", "shift")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3), rightAligned(4), rightAligned(5), rightAligned(6)})
	room := nameRoom(w, diffColumns)
	for _, c := range list {
		row := table.Row{cutName(c.Field, room), number(c.Mean[0]), number(c.Mean[1]), number(c.SD[0]), number(c.SD[1]), fmt.Sprintf("%+.3g sd", c.Shift)}
		switch c.Kind {
		case added:
			row[1], row[3], row[5] = "-", "-", added
		case removed:
			row[2], row[4], row[5] = "-", "-", removed
		}
		t.AppendRow(row)
	}
	return printList(w, t, left)
}

// firstOf returns the first n of a list, all for 0, and how many are left.
func firstOf[T any](list []T, n int) (first []T, left int) {
	if n == 0 || n > len(list) {
		n = len(list)
	}
	return list[:n], len(list) - n
}

func printList(w io.Writer, t table.Writer, left int) error {
	rest := ""
	if left > 0 {
		rest = fmt.Sprintf("and %d others; --top 0 shows all\n", left)
	}
	_, err := fmt.Fprintf(w, "\n%s\n%s", t.Render(), rest)
	return err
}
