package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// keptReport is one version in snapshot list MODEL/PARTITION --json.
type keptReport struct {
	state.Version
	Labels []string `json:"labels"`
	Pinned bool     `json:"pinned"`
	Served bool     `json:"served"` // to readers
	Held   bool     `json:"held"`   // readers are held at it by an operator
	Age    float64  `json:"age_seconds"`
}

// listVersions returns the kept versions of a partition, newest first.
func listVersions(ctx context.Context, store *redis.Store, k state.Key) ([]keptReport, error) {
	kept, err := store.Versions(ctx, k)
	if err != nil {
		return nil, err
	}
	marks, err := store.Marks(ctx, k)
	if err != nil {
		return nil, err
	}
	current, err := store.Current(ctx, k)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return nil, err
	}
	list := []keptReport{}
	for _, v := range slices.Backward(kept) {
		r := keptReport{Version: v, Labels: []string{}, Age: age(&v).Seconds(), Served: v.Same(&current.Version)}
		r.Held = r.Served && current.Mode == state.ModeHeld
		if i := slices.IndexFunc(marks, func(m state.Mark) bool { return m.Of(&v) }); i >= 0 {
			r.Pinned = marks[i].Pinned
			r.Labels = append(r.Labels, marks[i].Labels...)
		}
		list = append(list, r)
	}
	return list, nil
}

// marks is what is said of the version, for people.
func (r *keptReport) marks() string {
	words := slices.Clone(r.Labels)
	if r.Held {
		words = append(words, "(held)")
	}
	if r.Pinned {
		words = append(words, "(pinned)")
	}
	return strings.Join(words, " ")
}

// versionTable gives labels so much room; 0 for any.
func versionTable(list []keptReport, room int) table.Writer {
	t := newTable("version", "age", "events", "loss", "guarded", "labels")
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(1), rightAligned(2), rightAligned(3), rightAligned(4)})
	for i := range list {
		r := &list[i]
		guarded := map[bool]string{true: "yes", false: "no"}[r.Guarded]
		t.AppendRow(table.Row{r.Number, seconds(r.Age), r.Learned, fmt.Sprintf("%.4g", r.Loss), guarded, cutName(r.marks(), room)})
	}
	return t
}
