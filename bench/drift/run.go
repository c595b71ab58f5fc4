package main

import (
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// guardName is the name of the default detector in tables.
const guardName = "guard"

// beside are the detectors that users of other libraries run, on the signals that they
// run them on.
var beside = []learner.DetectorConfig{
	{Detector: "adwin", Signal: "error", At: learner.AtLive},
	{Detector: "adwin", Signal: "loss", At: learner.AtReference, Set: map[string]string{"mode": "up"}},
	{Detector: "page_hinkley", Signal: "loss", At: learner.AtLive, Set: map[string]string{"mode": "up"}},
	{Detector: "page_hinkley", Signal: "loss", At: learner.AtReference, Set: map[string]string{"mode": "up"}},
	{Detector: "ddm", Signal: "error", At: learner.AtLive},
	{Detector: "mewma", Signal: "score", At: learner.AtReference, Set: map[string]string{"reference": "2000"}},
}

func besideNames() []string {
	var out []string
	for _, d := range beside {
		out = append(out, fmt.Sprintf("%s, %s, %s", d.Detector, d.Signal, d.At))
	}
	return out
}

// outcome is what one detector did in one run.
type outcome struct {
	armed  int // events while the guard was armed, before the change
	alarms int // false ones, before the change
	delay  int // events from the change to the first alarm after it; 0 for none
}

// lengths of a run, in events.
type lengths struct {
	calm    int // armed events of a stationary run
	horizon int // events after a change
}

// settle is how many armed events come before a change, at least.
const settle = 6_000

// maxUnarmed is how long a guard may take to arm.
const maxUnarmed = 60_000

// once runs one stream through a learner as an application has it. The guard's
// first alarm ends a run of the guard: what comes then is the way back.
func (c *study) once(seed uint64, l lengths, sets []string, others bool) ([]outcome, error) {
	src := c.stream(seed)
	machine, err := newMachine(src, c.set, sets, others)
	if err != nil {
		return nil, err
	}
	out := make([]outcome, 1)
	if others {
		out = make([]outcome, len(beside))
	}
	for n := 0; !machine.Armed(); n++ {
		if n == maxUnarmed {
			return nil, fmt.Errorf("%s: not armed after %d events", c.name, n)
		}
		machine.step()
	}
	before := l.calm
	if c.change != nil {
		before = settle + int(seed*37%1_000) // at any phase of a block
	}
	for range before {
		alarms := machine.step()
		for i := range out {
			out[i].armed++
			out[i].alarms += alarms[i]
		}
		if !others && out[0].alarms > 0 {
			return out, nil
		}
	}
	if c.change == nil {
		return out, nil
	}
	c.change(src)
	for n := 1; n <= l.horizon; n++ {
		waiting := false
		for i, alarms := range machine.step() {
			if alarms > 0 && out[i].delay == 0 {
				out[i].delay = n
			}
			waiting = waiting || out[i].delay == 0
		}
		if !waiting {
			break
		}
	}
	return out, nil
}

// machine is a learner on a stream.
type machine struct {
	*learner.Learner
	offset int64
	others bool
	counts []uint64 // alarms so far
	alarms []int    // at the newest event
}

func newMachine(src stream, caseSets, sets []string, others bool) (*machine, error) {
	m, err := configs.LoadModel(slices.Concat([]string{"source.label=y"}, caseSets, sets))
	if err != nil {
		return nil, err
	}
	if others { // the guard watches and never freezes
		m.Guard.FalseFreezeEvery = 1e15
		m.Guard.Detectors = beside
	}
	cfg, err := m.LearnerConfig("study")
	if err != nil {
		return nil, err
	}
	cfg.Decoder = decoder{src}
	l, err := learner.New(cfg, state.Position{LeaderEpoch: -1})
	if err != nil {
		return nil, err
	}
	out := &machine{Learner: l, others: others, alarms: make([]int, 1)}
	if others {
		out.alarms, out.counts = make([]int, len(beside)), make([]uint64, len(beside))
	}
	return out, nil
}

// step feeds the next event and returns who alarms at it.
func (m *machine) step() []int {
	o := m.Feed(learner.Record{Offset: m.offset, LeaderEpoch: -1})
	m.offset++
	clear(m.alarms)
	if o.Alarm == nil {
		return m.alarms
	}
	if !m.others {
		m.alarms[0] = 1
		return m.alarms
	}
	for i, d := range m.Stats().Detectors {
		m.alarms[i] = int(d.Alarms - m.counts[i])
		m.counts[i] = d.Alarms
	}
	return m.alarms
}

// decoder hands the events of a stream to a learner.
type decoder struct{ stream }

func (d decoder) Decode(_ []byte, e *event.Event) error {
	e.Reset()
	d.next(e)
	return nil
}
