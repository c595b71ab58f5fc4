package main

import (
	"time"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// joinReport tells what became of decisions and their rewards.
type joinReport struct {
	Open       int        `json:"open"`
	Waiting    int        `json:"waiting"`    // rewards came, the decision did not yet
	Remembered int        `json:"remembered"` // closed, but known still
	Rewarded   uint64     `json:"rewarded"`
	Unrewarded uint64     `json:"unrewarded"`
	NeverShown uint64     `json:"never_shown"`
	Late       uint64     `json:"late"`
	Duplicates uint64     `json:"duplicates"`
	Unmatched  uint64     `json:"unmatched"` // rewards whose decision did not come
	Overflows  uint64     `json:"overflows"` // dropped, or learned early, for lack of room
	Corrected  uint64     `json:"corrected"`
	Watermark  *time.Time `json:"watermark"` // event time up to which windows have ended; null before the first record
}

// joinOf returns the report of a join; nil without one.
func joinOf(s *learner.JoinStats) *joinReport {
	if s == nil {
		return nil
	}
	r := &joinReport{
		Open: s.Open, Waiting: s.Waiting, Remembered: s.Remembered, Rewarded: s.Rewarded, Unrewarded: s.Unrewarded, NeverShown: s.NeverShown,
		Late: s.Late, Duplicates: s.Duplicates, Unmatched: s.Unmatched, Overflows: s.Overflows, Corrected: s.Corrected,
	}
	if s.Watermark > 0 {
		t := time.UnixMilli(s.Watermark).UTC()
		r.Watermark = &t
	}
	return r
}

// rows shows the report to people.
func (r *joinReport) rows(row func(name, format string, args ...any)) {
	if r == nil {
		return
	}
	row("decisions", "%d with rewards, %d without, %d never shown; %d open", r.Rewarded, r.Unrewarded, r.NeverShown, r.Open)
	row("dropped", "%d late, %d twice, %d rewards without decision, %d for lack of room", r.Late, r.Duplicates, r.Unmatched, r.Overflows)
	if r.Corrected > 0 {
		row("corrected", "%d by late rewards", r.Corrected)
	}
}
