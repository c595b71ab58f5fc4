package main

import (
	"fmt"
	"io"
	"math"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// occupancyReport says how many features a model has weights of, and how many of them
// have to share one. All is absent for a model without features.
type occupancyReport struct {
	Features       *float64 `json:"features_seen,omitempty"` // estimated with hashing
	Used           *int     `json:"slots_used,omitempty"`
	Slots          *int     `json:"slots,omitempty"` // 0 without hashing
	CollisionShare *float64 `json:"collision_share,omitempty"`
	// Bits is the number of bits with which at most 5% of the features would share a weight.
	Bits int `json:"bits_suggested,omitempty"`
}

func newOccupancyReport(o event.Occupancy) occupancyReport {
	features, share := math.Round(o.Features()), o.CollisionShare()
	r := occupancyReport{Features: &features, Used: &o.Used, Slots: &o.Slots, CollisionShare: &share}
	if share > event.MaxCollisionShare {
		r.Bits = o.Bits()
	}
	return r
}

// row adds the line of a table; nothing for a model without features.
func (r *occupancyReport) row(row func(name, format string, args ...any)) {
	switch {
	case r.Slots == nil:
	case *r.Slots == 0:
		row("features", "%d, each with a weight of its own", *r.Used)
	default:
		row("features", "about %.0f in %d of %d slots, %.2g%% of them share one", *r.Features, *r.Used, *r.Slots, 100**r.CollisionShare)
	}
}

// warn tells that many features share a weight, and the remedy.
func (r *occupancyReport) warn(w io.Writer, l catalog.Learner) {
	if r.Bits == 0 {
		return
	}
	key := "learner.bits"
	if l.Kind == "factor" {
		key = "learner.factor.bits"
	}
	fmt.Fprintf(w, "warning: %.2g%% of about %.0f features share a weight: raise %s to %d, or leave rare ones out with features.min_count\n",
		100**r.CollisionShare, *r.Features, key, r.Bits)
}
