package learner

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// watch is one additional detector on its signal.
type watch struct {
	cfg         *DetectorConfig
	signal      *signal
	field       uint64 // hash of its name, for a signal of a field
	atReference bool
	freezes     bool
	detector    drift.Detector
	vector      *drift.MEWMA // the detector of a vector; nil for a number

	level  drift.Level
	alarms uint64
}

// watches are the detectors that GuardConfig.Detectors adds. They have no say
// in recovery, and their warnings hold nothing up.
type watches struct {
	all       []watch
	turns     bool      // a detector watches the gradient's direction
	direction []float64 // average of the unit score vectors at the reference
	cosine    float64   // of the newest one with it
	seen      *params   // the reference that the newest event was seen at; nil for none
}

// DetectorStats is what an additional detector has done.
type DetectorStats struct {
	Detector, Signal, At, Action string
	Warning                      bool
	Alarms                       uint64 // since the state began, in all modes
}

func (ws *watches) init(cfg *Config, m Model) (err error) {
	if len(cfg.Guard.Detectors) == 0 {
		return nil
	}
	ws.all, err = cfg.Signals.watches(&cfg.Guard, m)
	for i := range ws.all {
		ws.turns = ws.turns || ws.all[i].signal.name == signalDirection
	}
	if ws.turns {
		ws.direction = make([]float64, event.Coordinates)
	}
	return err
}

// observe gives the event just learned to all detectors. The first that alarms
// is reported; it freezes the learner if it is meant to.
func (ws *watches) observe(l *Learner, o *Outcome) {
	s := &o.Step
	r := ws.reading(l, s)
	if ws.turns && r != nil {
		ws.turn(r)
	}
	for i := range ws.all {
		w := &ws.all[i]
		if w.atReference && r == nil {
			continue
		}
		if w.vector != nil {
			w.level = w.vector.ObserveScore(r.Grad, r.J, r.X)
			if w.level == drift.Drift {
				w.raise(l, o, w.vector.Fired())
			}
			continue
		}
		x, ok := ws.value(w, l, s, r)
		if !ok {
			continue
		}
		if w.level = w.detector.Observe(x); w.level == drift.Drift {
			w.raise(l, o, x)
		}
	}
}

// reading is the event at the reference that watches; nil while there is none.
// What was learned of one reference says nothing of the next.
func (ws *watches) reading(l *Learner, s *event.Step) *event.Reading {
	if current := l.guard.reference(); current != ws.seen {
		ws.seen = current
		ws.forget(func(w *watch) bool { return w.atReference })
		clear(ws.direction)
	}
	if ws.seen == nil {
		return nil
	}
	return s.Ref[l.guard.watching]
}

// raise counts an alarm and, if it is the first of the event, reports it or
// freezes the learner.
func (w *watch) raise(l *Learner, o *Outcome, x float64) {
	w.alarms++
	if l.mode != Learning || o.Alarm != nil {
		return
	}
	a := Alarm{Detector: w.cfg.Name(), Statistic: x}
	if w.freezes {
		l.alarm(o, a)
	} else {
		l.report(o, a)
		l.audit(state.AuditAlarmed, nil).Alarm = o.Alarm.audited()
	}
}

// restart forgets what was seen of a model that has been exchanged.
func (ws *watches) restart() {
	ws.forget(func(w *watch) bool { return w.signal.model && !w.atReference })
}

func (ws *watches) forget(which func(*watch) bool) {
	for i := range ws.all {
		if w := &ws.all[i]; which(w) {
			w.detector.Reset()
			w.level = drift.Stable
		}
	}
}

func (ws *watches) stats() []DetectorStats {
	var out []DetectorStats
	for i := range ws.all {
		w := &ws.all[i]
		out = append(out, DetectorStats{
			Detector: w.cfg.Detector, Signal: w.cfg.Signal, At: w.cfg.at(w.signal), Action: w.cfg.action(),
			Warning: w.level == drift.Warning, Alarms: w.alarms,
		})
	}
	return out
}

func (ws *watches) append(b []byte, l *Learner) []byte {
	b = wire.AppendUvarint(b, uint64(len(ws.all)))
	if len(ws.all) == 0 {
		return b
	}
	b = wire.AppendBool(b, ws.seen == l.guard.reference())
	b = wire.AppendFloats(b, ws.direction)
	for i := range ws.all {
		w := &ws.all[i]
		d, err := w.detector.AppendBinary(nil)
		if err != nil {
			panic(fmt.Sprintf("learner: detector %s cannot be encoded: %v", w.cfg.Name(), err))
		}
		b = wire.AppendString(b, w.cfg.identity())
		b = wire.AppendUvarint(append(b, byte(w.level)), w.alarms)
		b = wire.AppendBytes(b, d)
	}
	return b
}

// read restores what append wrote. A detector that is no longer configured, or
// has other parameters, is dropped; a new one begins.
func (ws *watches) read(r *wire.Reader, l *Learner) {
	n := r.Count(4)
	if n == 0 {
		return
	}
	if ws.seen = l.guard.reference(); !r.Bool() {
		ws.seen = new(params) // unlike any reference
	}
	direction := r.Floats(nil)
	for _, z := range direction {
		if !(math.Abs(z) <= event.Coordinates) {
			r.Fail("direction %v", z)
		}
	}
	if ws.turns && len(direction) == len(ws.direction) {
		copy(ws.direction, direction)
	}
	for range n {
		identity, level, alarms, d := r.String(), drift.Level(r.Byte()), r.Uvarint(), r.Bytes()
		if level > drift.Drift {
			r.Fail("level %d", uint8(level))
		}
		if r.Err() != nil {
			return
		}
		for i := range ws.all {
			if w := &ws.all[i]; w.cfg.identity() == identity && w.detector.UnmarshalBinary(d) == nil {
				w.level, w.alarms = level, alarms
			}
		}
	}
}
