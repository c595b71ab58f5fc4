package main

import (
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// recoveryStatus tells how far the way back from a freeze has come. While
// learning it has suspect and ended alone.
type recoveryStatus struct {
	Frozen   uint64            `json:"frozen_events"` // records since the freeze began
	Held     bool              `json:"held"`          // by an operator, for whom automation waits
	Overdue  bool              `json:"overdue"`       // longer than guard.max_freeze_events
	Quiet    uint64            `json:"quiet_events"`  // records since the stream was last not quiet
	Compared uint64            `json:"compared"`      // events that challenger and last good version were compared on
	Lead     float64           `json:"lead"`          // mean loss of the last good version minus that of the challenger
	Wealth   float64           `json:"wealth"`        // evidence that the challenger is better
	Needed   float64           `json:"wealth_needed"`
	Keys     breadthStatus     `json:"keys"`
	Sources  breadthStatus     `json:"sources"`
	Patience uint64            `json:"patience"` // factor of all waits
	Suspect  *learner.Offsets  `json:"suspect"`  // records that the newest alarm casts doubt on; null for none
	Ended    map[string]uint64 `json:"ended"`    // endings of freezes and probations, by outcome
}

// breadthStatus is on how many groups of keys or sources the challenger is better.
type breadthStatus struct {
	Won    int `json:"won"`
	Groups int `json:"groups"`
}

func recoveryOf(w *learner.Way, ends *[learner.Outcomes]uint64) recoveryStatus {
	ended := map[string]uint64{}
	for e := range learner.Outcomes {
		if n := ends[e]; n > 0 {
			ended[e.String()] = n
		}
	}
	return recoveryStatus{
		Frozen: w.Frozen, Held: w.Held, Overdue: w.Overdue, Quiet: w.Quiet, Compared: w.Events, Lead: w.Lead, Wealth: w.Wealth, Needed: w.Needed,
		Keys: breadthStatus(w.Keys), Sources: breadthStatus(w.Sources), Patience: w.Patience, Suspect: w.Suspect, Ended: ended,
	}
}
