package tune

import (
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Harm is an arm of a bandit that was taken out by the guard rail.
type Harm struct {
	Event int64  `json:"event"`
	Why   string `json:"why"`
}

// Alarm is an alarm of the guard, as documents show it. Events are counted from 0.
type Alarm struct {
	Event     uint64          `json:"event"`
	Detector  string          `json:"detector"`
	Statistic float64         `json:"statistic"`
	Threshold float64         `json:"threshold"`
	Evidence  *state.Evidence `json:"evidence,omitempty"` // what moved
}

// Freeze is a freeze of the guard with its way back.
type Freeze struct {
	Event      uint64           `json:"event"`
	Cause      string           `json:"cause"`
	Restored   uint64           `json:"restored"`   // number of the version; 0 when none was proven yet
	Suspect    *learner.Offsets `json:"suspect"`    // records, by offset, that the alarm casts doubt on; null for an operator's freeze
	Recovering *uint64          `json:"recovering"` // event at which the challenger was last put on probation; null for never
	Resumed    *uint64          `json:"resumed"`    // null while it has not
	By         string           `json:"resumed_by,omitempty"`

	Offset int64          `json:"-"` // of the record
	Number uint64         `json:"-"` // of the event, in the run
	Events uint64         `json:"-"` // fed until it was over, or to the end
	Alarm  *learner.Alarm `json:"-"` // that caused it; nil for an operator's
}

// Example is the first record that was refused for a reason.
type Example struct {
	Reason string `json:"reason"`
	Event  int64  `json:"event"`
	Detail string `json:"detail"`
}

// maxWarnings bounds Account.Warnings.
const maxWarnings = 1000

// Account is what is noted of one learner on its way through the events.
type Account struct {
	Metrics  *metric.Progressive
	Curve    Curve // of the criterion
	Alarms   []Alarm
	Harm     []Harm // arms of a bandit that were taken out
	Freezes  []Freeze
	Examples []Example
	Warnings []state.InputWarning // of the inputs, the first of those that begin or are over
	Served   float64              // sum of weight times loss of the served model
	Armed    *int64               // event at which the guard was first armed
	Guarded  uint64               // events that were fed while it was armed
	Frozen   uint64               // events that were fed while the learner was not Learning
	Fed      uint64               // events that were fed

	criterion Criterion
	score     float64 // sum of weight times criterion
}

// NewAccount returns an empty account. c may be nil for the loss.
func NewAccount(task metric.Task, c Criterion) *Account {
	if c == nil {
		c = criteria[0].of
	}
	return &Account{
		Metrics: metric.New(task, true), criterion: c,
		Alarms: []Alarm{}, Freezes: []Freeze{}, Examples: []Example{}, Warnings: []state.InputWarning{},
	}
}

// Observe notes what came of a record that was fed to l. It returns the
// value of the criterion, and false when no event was learned.
func (a *Account) Observe(l *learner.Learner, o *learner.Outcome, number int64) (value float64, learned bool) {
	if o.Reject != nil {
		a.example(o.Reject, number)
		a.Curve.Add(0, 0)
	}
	for i := range o.Refused {
		a.example(o.Refused[i].Reject, o.Refused[i].Offset)
	}
	o.Each(func(s *event.Step, weight, served float64) {
		a.Metrics.Observe(s, weight)
		a.Served += weight * served
		value = a.criterion(s)
		a.score += weight * value
		a.Curve.Add(value, weight)
	})
	if l.Armed() {
		a.Guarded++
		if a.Armed == nil {
			at := number // the parameter itself would be allocated for every event
			a.Armed = &at
		}
	}
	if w := o.Alarm; w != nil {
		a.Alarms = append(a.Alarms, Alarm{w.Event, w.Detector, w.Statistic, w.Threshold, w.Evidence})
	}
	if o.Harm != "" {
		a.Harm = append(a.Harm, Harm{number, o.Harm})
	}
	if c := o.Change; c != nil {
		a.change(c, o.Alarm)
	}
	a.Fed++
	if l.Mode() != learner.Learning {
		a.Frozen++
		if n := len(a.Freezes); n > 0 {
			a.Freezes[n-1].Events++
		}
	}
	for i := range o.Inputs {
		if w := &o.Inputs[i]; len(a.Warnings) < maxWarnings {
			a.Warnings = append(a.Warnings, w.Document())
		}
	}
	return value, o.Events > 0
}

// Score returns the mean of the criterion, nil before the first event of
// positive weight.
func (a *Account) Score() *float64 {
	w := a.Metrics.Weight()
	if w == 0 {
		return nil
	}
	s := a.score / w
	return &s
}

// example keeps the first refusal of each reason.
func (a *Account) example(reject *event.Rejection, number int64) {
	for i := range a.Examples {
		if a.Examples[i].Reason == reject.Reason.String() {
			return
		}
	}
	a.Examples = append(a.Examples, Example{reject.Reason.String(), number, reject.Error()})
}

func (a *Account) change(c *learner.Transition, alarm *learner.Alarm) {
	switch {
	case c.To == learner.Frozen && c.From == learner.Learning:
		a.Freezes = append(a.Freezes, Freeze{
			Event: c.Event, Restored: c.Restored, Cause: c.Cause, Suspect: c.Suspect, Offset: c.Offset, Number: a.Fed, Alarm: alarm,
		})
	case len(a.Freezes) == 0:
	case c.To == learner.Recovering:
		at := c.Event
		a.Freezes[len(a.Freezes)-1].Recovering = &at
	case c.To == learner.Learning:
		at := c.Event
		last := &a.Freezes[len(a.Freezes)-1]
		last.Resumed, last.By = &at, c.Cause
	}
}
