package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// modelDiff says how the parameters of two models differ.
type modelDiff struct {
	Same    int `json:"same"`
	Changed int `json:"changed"`
	Added   int `json:"added"`
	Removed int `json:"removed"`

	// Of the weights without the intercepts, a weight that is missing counting as 0.
	Distance float64  `json:"l2_distance"`
	Norms    [2]norm  `json:"norms"`
	Cosine   *float64 `json:"cosine"` // of the angle between them; null when one is 0

	Weights []weightChange `json:"weight_changes"` // largest first
	Fields  []fieldChange  `json:"field_changes"`  // statistics of numeric fields, largest shift first
}

// norm is a Euclidean norm.
type norm float64

type weightChange struct {
	Feature string  `json:"feature"`
	ID      string  `json:"id,omitempty"`
	Class   *int    `json:"class,omitempty"`
	Kind    string  `json:"change"` // added, removed or changed
	From    float64 `json:"from"`   // in units of the margin; 0 where it is missing
	To      float64 `json:"to"`
	Change  float64 `json:"difference"`
}

type fieldChange struct {
	Field string     `json:"field"`
	Kind  string     `json:"change"`
	Mean  [2]float64 `json:"mean"`
	SD    [2]float64 `json:"standard_deviation"`
	// Shift is the change of the mean in standard deviations of before; 0 where there was none.
	Shift float64 `json:"shift"`
}

// The kinds of a change.
const (
	added   = "added"
	removed = "removed"
	changed = "changed"
)

// diffModels compares two models of one configuration.
func diffModels(a, b weighted, known map[uint64]string) (*modelDiff, error) {
	wa, wb := a.Weights(), b.Weights()
	if wa.Bits != wb.Bits {
		return nil, errors.New("the versions tell features apart by different bits of their hashes (learner.bits): their weights cannot be compared")
	}
	d := &modelDiff{Weights: []weightChange{}, Fields: []fieldChange{}}
	d.diffWeights(wa.List, wb.List, names.NewResolver(known, wa.Bits))
	const whole = 64
	d.diffFields(a.Fields(), b.Fields(), names.NewResolver(known, whole))
	return d, nil
}

// place tells weights apart.
type place struct {
	id        uint64
	intercept bool
	class     int
}

func placeOf(w *event.Weight) place {
	if w.Intercept {
		return place{intercept: true, class: w.Class}
	}
	return place{id: w.ID, class: w.Class}
}

func (d *modelDiff) diffWeights(a, b []event.Weight, r *names.Resolver) {
	before := make(map[place]float64, len(a))
	several := false
	var sum [3]float64 // squares of a, of b, product
	for i := range a {
		before[placeOf(&a[i])] = a[i].Value
		several = several || a[i].Class > 0
		if !a[i].Intercept {
			sum[0] += a[i].Value * a[i].Value
		}
	}
	note := func(p place, from, to float64, kind string) {
		c := weightChange{Feature: intercept, Kind: kind, From: from, To: to, Change: to - from}
		if !p.intercept {
			c.Feature, c.ID = r.Name(p.id), fmt.Sprintf("%x", p.id)
			d.Distance += c.Change * c.Change
		}
		if several {
			c.Class = &p.class
		}
		d.Weights = append(d.Weights, c)
	}
	for i := range b {
		p, to := placeOf(&b[i]), b[i].Value
		if !p.intercept {
			sum[1] += to * to
		}
		from, ok := before[p]
		delete(before, p)
		switch {
		case !ok:
			d.Added++
			note(p, 0, to, added)
			continue
		case from == to:
			d.Same++
		default:
			d.Changed++
			note(p, from, to, changed)
		}
		if !p.intercept {
			sum[2] += from * to
		}
	}
	for i := range a {
		if p := placeOf(&a[i]); hasKey(before, p) {
			d.Removed++
			note(p, a[i].Value, 0, removed)
		}
	}
	slices.SortStableFunc(d.Weights, func(x, y weightChange) int {
		return cmp.Or(cmp.Compare(math.Abs(y.Change), math.Abs(x.Change)), cmp.Compare(x.Feature, y.Feature), cmp.Compare(x.ID, y.ID))
	})
	d.Distance = math.Sqrt(d.Distance)
	d.Norms = [2]norm{norm(math.Sqrt(sum[0])), norm(math.Sqrt(sum[1]))}
	if sum[0] > 0 && sum[1] > 0 {
		cosine := sum[2] / math.Sqrt(sum[0]*sum[1])
		d.Cosine = &cosine
	}
}

func (d *modelDiff) diffFields(a, b []event.FieldStats, r *names.Resolver) {
	before := make(map[uint64]*event.FieldStats, len(a))
	for i := range a {
		before[a[i].Hash] = &a[i]
	}
	for i := range b {
		f := fieldChange{Field: r.Name(b[i].Hash), Kind: added, Mean: [2]float64{0, b[i].Mean}, SD: [2]float64{0, b[i].SD}}
		if old := before[b[i].Hash]; old != nil {
			delete(before, b[i].Hash)
			if *old == b[i] {
				continue
			}
			f.Kind, f.Mean[0], f.SD[0] = changed, old.Mean, old.SD
			if old.SD > 0 {
				f.Shift = (b[i].Mean - old.Mean) / old.SD
			}
		}
		d.Fields = append(d.Fields, f)
	}
	for i := range a {
		old := &a[i]
		if !hasKey(before, old.Hash) {
			continue
		}
		d.Fields = append(d.Fields, fieldChange{Field: r.Name(old.Hash), Kind: removed, Mean: [2]float64{old.Mean, 0}, SD: [2]float64{old.SD, 0}})
	}
	slices.SortStableFunc(d.Fields, func(x, y fieldChange) int {
		return cmp.Or(cmp.Compare(math.Abs(y.Shift), math.Abs(x.Shift)), cmp.Compare(x.Field, y.Field))
	})
}

func hasKey[K comparable, V any](m map[K]V, k K) bool {
	_, ok := m[k]
	return ok
}
