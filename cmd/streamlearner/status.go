package main

import (
	"time"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// status is the document of the admin server's /status.
type status struct {
	Binary        string        `json:"binary"`
	UptimeSeconds float64       `json:"uptime_seconds"`
	Models        []modelStatus `json:"models"`
	Events        []happening   `json:"events"` // newest first
}

type modelStatus struct {
	Model      string            `json:"model"`
	Topic      string            `json:"topic"`
	Partitions []partitionStatus `json:"partitions"` // those assigned to this process

	Evaluations []learner.EvaluationStats `json:"evaluations,omitempty"` // candidate policies of a bandit, on the decisions of all these partitions
}

type partitionStatus struct {
	Partition int32             `json:"partition"`
	State     consumer.State    `json:"state"`
	Reason    string            `json:"reason"`
	Mode      string            `json:"mode"`
	Armed     bool              `json:"armed"`
	Warning   bool              `json:"warning"`
	Statistic float64           `json:"statistic"`
	Threshold float64           `json:"threshold"`
	Loss      float64           `json:"loss"`
	GradNorm  float64           `json:"grad_norm"`
	Fed       uint64            `json:"fed"`
	Learned   uint64            `json:"learned"`
	Rejected  map[string]uint64 `json:"rejected"`
	Freezes   uint64            `json:"freezes"`
	Recovery  recoveryStatus    `json:"recovery"`
	Alarm     *alarmReport      `json:"alarm"`     // the newest one; null for none
	Live      uint64            `json:"live"`      // newest checkpoint
	Published uint64            `json:"published"` // version that readers are served; 0 for none
	Next      int64             `json:"next"`
	Lag       int64             `json:"lag"`
	SavedNext int64             `json:"saved_next"`
	Descent   descentReport     `json:"descent"`
	Join      *joinReport       `json:"join,omitempty"` // of decisions with later rewards
	Inputs    *inputsReport     `json:"inputs"`         // null when nothing is looked at
	Metrics   metric.Report     `json:"metrics"`        // progressive validation since this process took the partition over

	Evaluations []learner.EvaluationStats `json:"evaluations,omitempty"` // candidate policies of a bandit
	Arms        []armState                `json:"arms,omitempty"`        // of a bandit
}

func (d *daemon) status() status {
	s := status{Binary: "streamlearner " + programVersion(), UptimeSeconds: time.Since(d.started).Seconds(), Events: d.story.recent()}
	for _, c := range d.consumers {
		m := modelStatus{Model: c.name, Topic: c.topic, Partitions: []partitionStatus{}}
		var evaluations [][]learner.EvaluationStats
		for _, p := range c.Status() {
			m.Partitions = append(m.Partitions, partitionOf(&p))
			evaluations = append(evaluations, p.Evaluations)
		}
		m.Evaluations = learner.MergeEvaluations(c.alpha, evaluations...)
		s.Models = append(s.Models, m)
	}
	return s
}

func partitionOf(p *consumer.PartitionStatus) partitionStatus {
	st := &p.Stats
	return partitionStatus{
		Alarm:     alarmOf(st.Newest, p.Name),
		Partition: p.Partition, State: p.State, Reason: p.Reason,
		Mode: st.Mode.String(), Armed: st.Armed, Warning: st.Warning, Statistic: st.Statistic, Threshold: st.Threshold,
		Loss: st.Loss, GradNorm: st.GradNorm, Fed: st.Fed, Learned: st.Learned, Rejected: byReason(st.Rejected),
		Freezes: st.Freezes, Recovery: recoveryOf(&st.Way, &st.Recoveries), Live: st.Live, Published: st.Published,
		Next: p.Next.Offset, Lag: p.Lag, SavedNext: p.SavedNext.Offset, Descent: descentOf(&st.Descent), Join: joinOf(st.Join),
		Inputs: inputsOf(st.Inputs, st.Warned), Metrics: p.Progress,
		Evaluations: p.Evaluations, Arms: armsOf(st.Arms, p.Rails),
	}
}

// byReason names the reasons that occurred.
func byReason(n [event.Reasons]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for r, count := range n {
		if count > 0 {
			out[event.Reason(r).String()] = count
		}
	}
	return out
}
