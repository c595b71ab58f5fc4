package learner

import "github.com/streamlearner/streamlearner/internal/wire"

// Ending is how a freeze or a probation ended.
type Ending uint8

// The endings.
const (
	Quiet    Ending = iota // the disturbance had passed: the last good version learns on
	Promoted               // the challenger passed its probation
	Operator               // an operator unfroze it
	Failed                 // the challenger was not better at the end of its probation: the freeze began anew
	Aborted                // the same before the end, by an alarm or since it was clearly worse
	Outcomes
)

func (e Ending) String() string {
	return [...]string{"quiet", "promoted", "operator", "failed", "aborted"}[e]
}

// Way tells how far the way back from a freeze has come. While Learning all but
// Suspect is zero.
type Way struct {
	Frozen   uint64   // records since the freeze began
	Held     bool     // by an operator, for whom automation waits
	Overdue  bool     // for longer than guard.max_freeze_events
	Quiet    uint64   // records since the stream was last not quiet
	Events   uint64   // events on which challenger and last good version were compared
	Lead     float64  // mean loss of the last good version minus that of the challenger
	Wealth   float64  // evidence that the challenger is better
	Needed   float64  // at which it is proven
	Keys     Breadth  // on how many groups of keys the challenger is better
	Sources  Breadth  // the same of sources
	Patience uint64   // factor of all waits, above 1 after freezes that came soon after a recovery
	Suspect  *Offsets // records that the newest alarm casts doubt on; nil for none
}

// Breadth is on how many groups of keys or sources, out of how many, the
// challenger is better.
type Breadth struct{ Won, Groups int }

func (l *Learner) way() Way {
	w := Way{}
	for _, a := range l.recent {
		if a.Froze && a.Evidence != nil {
			w.Suspect = a.suspect()
		}
	}
	if l.mode == Learning {
		return w
	}
	t, limit := &l.trial, l.cfg.Guard.MaxFreezeEvents
	w.Frozen, w.Held, w.Quiet, w.Events = l.fed-t.began, t.held, l.fed-t.loud, t.events
	w.Overdue = limit > 0 && w.Frozen >= limit
	w.Lead = t.mean(t.champion) - t.mean(t.challenger)
	w.Wealth, w.Needed = t.ahead.Wealth(), 1/leadAlpha
	w.Keys.Won, w.Keys.Groups = t.keys.wins()
	w.Sources.Won, w.Sources.Groups = t.sources.wins()
	w.Patience = l.flaps.patience()
	return w
}

// suspect are the records that an alarm casts doubt on: from behind the last
// quiet block before the evidence began to rise.
func (a *Alarm) suspect() *Offsets { return &Offsets{First: a.Evidence.From, Last: a.Evidence.To} }

// appendWay encodes what is known of earlier freezes.
func (l *Learner) appendWay(b []byte) []byte {
	b = l.flaps.append(b)
	b = wire.AppendUvarint(b, uint64(len(l.ends)))
	for _, n := range l.ends {
		b = wire.AppendUvarint(b, n)
	}
	return b
}

// readWay restores what appendWay wrote.
func (l *Learner) readWay(r *wire.Reader) {
	l.flaps.read(r, l.fed)
	if n := r.Count(1); n != len(l.ends) {
		r.Fail("%d endings of a freeze, this program knows %d", n, len(l.ends))
		return
	}
	for i := range l.ends {
		l.ends[i] = r.Uvarint()
	}
}
