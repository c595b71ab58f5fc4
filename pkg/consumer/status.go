package consumer

import (
	"strings"
	"time"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// State says what a partition does.
type State string

// The states of an assigned partition.
const (
	Claiming State = "claiming" // being claimed and restored
	Running  State = "running"
	Blocked  State = "blocked" // waits for the dead-letter topic
	Paused   State = "paused"  // cannot go on; Reason names the remedy
)

// PartitionStatus is what an assigned partition looked like after its last batch.
type PartitionStatus struct {
	Partition     int32
	State         State
	Reason        string // what troubles it; empty when nothing does
	Stats         learner.Stats
	Next          state.Position // of the next record
	HighWatermark int64          // offset after the newest record in Kafka; -1 until the first fetch
	Lag           int64          // records not learned yet; 0 until the first fetch
	Claim         state.Claim
	Saved         time.Time                 // time of the last save; zero before the first
	SavedNext     state.Position            // its position
	Fed           time.Time                 // when records were last fed, or the partition taken over
	PublishedAt   time.Time                 // when a version was last published, or the partition taken over
	Published     *state.Pointer            // what readers are served; nil while nothing has been proven
	MirrorLag     *uint64                   // audit records that the mirror lacks; nil when there is none
	Progress      metric.Report             // progressive validation since this process took the partition over
	Occupancy     *event.Occupancy          // how full the weights of the model are; nil where that means nothing
	Evaluations   []learner.EvaluationStats // candidate policies of a bandit, the logged one first; nil for none
	Rails         []event.RailReport        // what the guard rails of a bandit say of its arms; nil for none
	// Name returns the name of a feature; false when it is not known. Nil before the partition is claimed.
	Name func(state.Hash) (string, bool)
}

// trouble is something that keeps a partition from its work, or from being safe.
type trouble int

const (
	troubleClaim   trouble = iota // not claimed, or not restored
	troubleRecords                // its next records are gone
	troubleLetters                // dead letters cannot be written
	troubleStore                  // saves fail
	troubleKafka                  // fetches fail
	troubleMirror                 // audit records cannot be mirrored
	troubles
)

// view is the part of a partition that others look at.
type view struct {
	running       bool
	troubles      [troubles]string
	stats         learner.Stats
	next          state.Position
	highWatermark int64
	claim         state.Claim
	saved         time.Time
	savedNext     state.Position
	fed           time.Time
	publishedAt   time.Time
	published     *state.Pointer
	progress      metric.Report
	mirrored      bool   // there is a mirror of the audit trail
	mirrorLag     uint64 // audit records that it lacks
	occupancy     *event.Occupancy
	evaluations   []learner.EvaluationStats
	rails         []event.RailReport
	name          func(state.Hash) (string, bool)
}

// Status returns the assigned partitions, ascending.
func (c *Consumer) Status() []PartitionStatus {
	var out []PartitionStatus
	for _, id := range c.assignment() {
		if p := c.partition(id); p != nil {
			out = append(out, p.status())
		}
	}
	return out
}

func (p *partition) status() PartitionStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := &p.view
	s := PartitionStatus{
		Partition: p.id, State: v.state(), Reason: v.reason(), Stats: v.stats, Next: v.next,
		HighWatermark: v.highWatermark, Claim: v.claim, Saved: v.saved, SavedNext: v.savedNext, Fed: v.fed, PublishedAt: v.publishedAt, Published: v.published, Progress: v.progress, Occupancy: v.occupancy, Evaluations: v.evaluations, Rails: v.rails, Name: v.name,
	}
	if v.mirrored {
		lag := v.mirrorLag
		s.MirrorLag = &lag
	}
	if v.highWatermark >= 0 {
		s.Lag = max(0, v.highWatermark-v.next.Offset)
	}
	return s
}

func (v *view) state() State {
	switch {
	case v.troubles[troubleClaim] != "" || v.troubles[troubleRecords] != "":
		return Paused
	case v.troubles[troubleLetters] != "":
		return Blocked
	case v.running:
		return Running
	}
	return Claiming
}

func (v *view) reason() string {
	var all []string
	for _, t := range v.troubles {
		if t != "" {
			all = append(all, t)
		}
	}
	return strings.Join(all, "; ")
}

// troubled notes and logs a trouble; the same one again is not logged.
func (p *partition) troubled(t trouble, err error) {
	p.mu.Lock()
	known := p.view.troubles[t] == err.Error()
	p.view.troubles[t] = err.Error()
	s := p.view.state()
	p.mu.Unlock()
	if !known {
		p.log.Error("partition in trouble", "state", s, "error", err)
	}
}

func (p *partition) recovered(t trouble) {
	p.mu.Lock()
	was := p.view.troubles[t]
	p.view.troubles[t] = ""
	p.mu.Unlock()
	if was != "" {
		p.log.Info("trouble over", "was", was)
	}
}
