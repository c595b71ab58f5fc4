package main

import (
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// alarmReport is an alarm with its evidence, as documents show it.
type alarmReport struct {
	*learner.Alarm
	Moved    []string          `json:"moved"`              // what moved clearly
	Findings []string          `json:"findings"`           // the same in words
	Names    map[string]string `json:"features,omitempty"` // known names of the features in the evidence, by hash
}

// alarmOf completes an alarm by names; nil for none.
func alarmOf(a *learner.Alarm, name func(state.Hash) (string, bool)) *alarmReport {
	if a == nil {
		return nil
	}
	r := &alarmReport{Alarm: a, Moved: append([]string{}, a.Evidence.What()...), Findings: append([]string{}, a.Evidence.Findings(name)...)}
	if a.Evidence == nil || name == nil {
		return r
	}
	r.Names = map[string]string{}
	note := func(h state.Hash) {
		if s, ok := name(h); ok {
			b, _ := h.MarshalText() // never fails
			r.Names[string(b)] = s
		}
	}
	for _, p := range a.Evidence.Pull {
		note(p.Hash)
	}
	for _, s := range a.Evidence.Inputs {
		note(s.Hash)
	}
	return r
}
