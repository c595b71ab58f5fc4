package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// story remembers the newest notable things that happened to the partitions of
// a process, for its status page and for the demo.
type story struct {
	mu      sync.Mutex
	happens []happening
	freezes []freeze
	follow  func(happening) // called for each, one at a time; may be nil
}

// happening is one notable thing.
type happening struct {
	Time      time.Time `json:"time"`
	Model     string    `json:"model"`
	Partition int32     `json:"partition"`
	Text      string    `json:"text"`
	Moved     []string  `json:"moved,omitempty"` // before the alarm, in words
}

// freeze is one freeze and how it ended.
type freeze struct {
	Model     string  `json:"model"`
	Partition int32   `json:"partition"`
	Event     uint64  `json:"event"`  // number of the record at which it began, from 0
	Offset    int64   `json:"offset"` // its offset
	Cause     string  `json:"cause"`
	Detector  string  `json:"detector,omitempty"`
	Statistic float64 `json:"statistic,omitempty"`
	Threshold float64 `json:"threshold,omitempty"`
	Restored  uint64  `json:"restored"`  // version put back; 0 when none had been proven
	Recovery  string  `json:"recovery"`  // how it ended: quiet, cooldown_quiet, probation_passed, operator; empty while it lasts
	Resumed   *uint64 `json:"resumed"`   // number of the record at which learning went on; null while it lasts
	Probation *uint64 `json:"probation"` // number of the record at which a challenger went on probation; null if none did
}

// Bounds on the memory of a story.
const maxHappenings, maxFreezes = 50, 1000

// see takes a notable outcome of a partition, with what moved before an alarm.
// It keeps nothing of o.
func (s *story) see(model string, partition int32, o *learner.Outcome, moved []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Change == nil {
		return // an alarm without a change of mode, or a proven version
	}
	c := *o.Change
	s.track(model, partition, c, o.Alarm)
	h := happening{Time: time.Now(), Model: model, Partition: partition, Text: tell(c, o.Alarm), Moved: moved}
	s.happens = append(s.happens, h)
	if len(s.happens) > maxHappenings {
		s.happens = slices.Delete(s.happens, 0, 1)
	}
	if s.follow != nil {
		s.follow(h)
	}
}

func (s *story) track(model string, partition int32, c learner.Transition, a *learner.Alarm) {
	if c.From == learner.Learning {
		f := freeze{Model: model, Partition: partition, Event: c.Event, Offset: c.Offset, Cause: c.Cause, Restored: c.Restored}
		if a != nil {
			f.Detector, f.Statistic, f.Threshold = a.Detector, a.Statistic, a.Threshold
		}
		s.freezes = append(s.freezes, f)
		if len(s.freezes) > maxFreezes {
			s.freezes = slices.Delete(s.freezes, 0, 1)
		}
		return
	}
	for i := len(s.freezes) - 1; i >= 0; i-- {
		f := &s.freezes[i]
		if f.Model != model || f.Partition != partition || f.Resumed != nil {
			continue
		}
		switch c.To {
		case learner.Recovering:
			f.Probation = &c.Event
		case learner.Learning:
			f.Resumed, f.Recovery = &c.Event, c.Cause
		case learner.Frozen: // the challenger failed; the freeze goes on
			f.Probation = nil
		}
		return
	}
}

// tell says in words what a change of mode means.
func tell(c learner.Transition, a *learner.Alarm) string {
	restored := "no version was proven yet: starts anew"
	if c.Restored != 0 {
		restored = fmt.Sprintf("version %d restored", c.Restored)
	}
	switch {
	case c.To == learner.Frozen && a != nil && a.Detector == "reject_rate":
		return fmt.Sprintf("FROZEN at event %d: %.0f%% of the last records were refused; %s", c.Event, 100*a.Statistic, restored)
	case c.To == learner.Frozen && a != nil:
		return fmt.Sprintf("FROZEN at event %d: gradient alarm (evidence %s, limit %s); %s", c.Event, number(a.Statistic), number(a.Threshold), restored)
	case c.To == learner.Frozen && c.From == learner.Recovering && c.Cause != "operator":
		return fmt.Sprintf("FROZEN again at event %d: the challenger failed (%s); %s", c.Event, c.Detail, restored)
	case c.To == learner.Frozen:
		return fmt.Sprintf("FROZEN at event %d by %s; %s", c.Event, c.Detail, restored)
	case c.To == learner.Recovering && c.Cause == "operator":
		return fmt.Sprintf("RECOVERING at event %d: the challenger was put on probation by %s", c.Event, c.Detail)
	case c.To == learner.Recovering:
		return fmt.Sprintf("RECOVERING at event %d: the stream stays different, the challenger is on probation", c.Event)
	case c.Cause == "quiet" || c.Cause == "cooldown_quiet":
		return fmt.Sprintf("LEARNING again at event %d from version %d: the disturbance is over, nothing of it is kept", c.Event, c.Restored)
	case c.Cause == "probation_passed":
		return fmt.Sprintf("LEARNING again at event %d: the challenger passed (%s)", c.Event, c.Detail)
	}
	return fmt.Sprintf("LEARNING again at event %d by %s; %s", c.Event, c.Detail, restored)
}

// recent returns what happened, newest first.
func (s *story) recent() []happening {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.happens)
	slices.Reverse(out)
	return out
}

// allFreezes returns every freeze so far.
func (s *story) allFreezes() []freeze {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.freezes)
}
