package state

import (
	"fmt"
	"strconv"
)

// Evidence tells what moved before an alarm: how the suspect records, those
// since the last quiet block, differ from the quiet ones before. It is a
// function of the records alone. What is not known, or did not move, is left out.
// The lists are short and begin with what moved most. Features, keys and sources
// are estimates from a sample of the events.
type Evidence struct {
	From   int64  `json:"from"`   // offset of the first suspect record
	To     int64  `json:"to"`     // offset of the last one, which raised the alarm
	Events uint64 `json:"events"` // learned since the last quiet block, which the rest is about
	Blocks uint64 `json:"blocks,omitempty"`

	Direction *Moved `json:"direction,omitempty"` // of the gradient: does it keep pointing one way?
	Loss      *Moved `json:"loss,omitempty"`      // at the guard's reference
	Label     *Moved `json:"label,omitempty"`

	// Pull are the features that the gradient points along.
	Pull    []Pull     `json:"pull,omitempty"`
	Inputs  []Shift    `json:"inputs,omitempty"`  // features that come with other values, or more or less often
	Keys    []Presence `json:"keys,omitempty"`    // keys that come more often
	Sources []Presence `json:"sources,omitempty"` // sources that come more often
	Rejects []Refused  `json:"rejects,omitempty"` // why records were refused, of the alarm's block of records
	// Warnings are those of the guard of the inputs that stood, without their evidence.
	Warnings []InputWarning `json:"warnings,omitempty"`
}

// Hash is that of a feature or of a key, 16 hexadecimal digits in JSON. The
// intercept has none: its hash is 0.
type Hash uint64

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(h)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil || len(b) != 16 {
		return fmt.Errorf("hash %q: must be 16 hexadecimal digits", b)
	}
	*h = Hash(v)
	return nil
}

// Moved is a statistic of the blocks of events.
type Moved struct {
	// By is how far the mean of the suspect blocks is from what it was, in standard
	// deviations of a quiet block.
	By    float64 `json:"by"`
	Mean  float64 `json:"mean,omitempty"`  // over the suspect blocks; not of the direction, which has no unit
	Was   float64 `json:"was,omitempty"`   // over the quiet ones
	Share float64 `json:"share,omitempty"` // of the detector's value; of the label there is none
}

// Pull is a coordinate of the score vector that the gradient points along.
type Pull struct {
	// Coordinate is its place, see event.Coordinates: 0 is the intercept, which is in all events.
	Coordinate int `json:"coordinate"`
	// Hash is that of the feature; 0 where the feature is not known. Of the features that share
	// a coordinate it is the one that most of the gradient came from.
	Hash  Hash    `json:"hash,omitzero"`
	Share float64 `json:"share"` // of the squared length of the direction
	// TooHigh tells that predictions are above the labels where the feature is
	// high, or there; else they are below. It means nothing where the feature is not known.
	TooHigh bool `json:"too_high"`
}

// Shift is a feature that comes otherwise than before.
type Shift struct {
	Hash Hash `json:"hash"`
	// By is how far the mean of a numeric field has moved, in its own standard
	// deviations; 0 for one that comes more or less often, and for a category.
	By    float64 `json:"by,omitempty"`
	Share float64 `json:"share"` // of the suspect events that have it
	Was   float64 `json:"was"`   // of the quiet events
}

// Presence is a key or a source that supplies more of the events than before.
type Presence struct {
	Hash  Hash    `json:"hash"`
	Name  string  `json:"name,omitempty"` // of a source; keys have none, since they may be personal data
	Share float64 `json:"share"`          // of the suspect events
	Was   float64 `json:"was"`            // of the quiet events, at most
}

// Refused is a reason for which records were refused.
type Refused struct {
	Reason string  `json:"reason"`
	Field  string  `json:"field,omitempty"` // that they were refused for; absent where there is none, or one of too many
	Share  float64 `json:"share"`           // of the records
}

// The answers of Evidence.What.
const (
	MovedDirection = "direction"
	MovedLoss      = "loss"
	MovedLabel     = "label"
	MovedInputs    = "inputs"
	MovedKeys      = "keys"
	MovedSources   = "sources"
	MovedRejects   = "rejects"
)

// AllMoved lists what can have moved, in the order of Evidence.What.
func AllMoved() []string {
	return []string{MovedDirection, MovedLoss, MovedLabel, MovedInputs, MovedKeys, MovedSources, MovedRejects}
}

// clearShare is the share of the detector's value from which on direction or loss count as a cause.
const clearShare = 0.2

// What lists what moved clearly.
func (e *Evidence) What() []string {
	if e == nil {
		return nil
	}
	var out []string
	for _, m := range []struct {
		name string
		did  bool
	}{
		{MovedDirection, e.Direction != nil && e.Direction.Share >= clearShare},
		{MovedLoss, e.Loss != nil && e.Loss.Share >= clearShare},
		{MovedLabel, e.Label != nil},
		{MovedInputs, len(e.Inputs) > 0},
		{MovedKeys, len(e.Keys) > 0},
		{MovedSources, len(e.Sources) > 0},
		{MovedRejects, len(e.Rejects) > 0},
	} {
		if m.did {
			out = append(out, m.name)
		}
	}
	return out
}
