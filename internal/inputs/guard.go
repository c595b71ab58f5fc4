package inputs

import (
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Deps are what a Guard works with.
type Deps struct {
	// Schema says what the fields of events mean.
	Schema event.Schema
	// Logged decodes the features of decision time; nil where there are none.
	Logged event.Decoder
	// Name returns the path of the field of a record whose features carry an id, see
	// event.Feature; empty where it has none. It is asked seldom. Without it
	// only the fields of Config.Fields are watched.
	Name func(record []byte, id uint32) string
}

// Guard guards what one learner is fed. The zero value is of no use; see New.
type Guard struct {
	cfg        Config
	deps       Deps
	rules      *rules      // nil for none
	sources    *sources    // nil where events name none
	duplicates *duplicates // nil where they are not looked for
	watch      *watch      // nil where nothing is watched
	clip       *clip       // nil where gradients are not bounded

	sourceHold, duplicateHold hold

	event uint64 // number of the newest record
	at    int64  // its offset

	warnings []Warning // that nobody has asked for yet
	begun    [Checks]uint64
	report   *Report
}

// New returns a guard that has seen nothing, and nil where the settings give it
// nothing to do. sources says whether events name their source.
func New(c Config, d Deps, sources bool) (*Guard, error) {
	if err := c.Validate(sources); err != nil {
		return nil, err
	}
	if c.Idle(sources) {
		return nil, nil
	}
	g := &Guard{cfg: c, deps: d}
	g.rules = newRules(&g.cfg, &g.deps.Schema)
	g.sources = newSources(&g.cfg, sources)
	g.duplicates = newDuplicates(&g.cfg)
	g.watch = newWatch(&g.cfg, &g.deps)
	g.clip = newClip(&g.cfg)
	g.renew()
	return g, nil
}

// Record tells which record the events are learned with that follow: its number,
// counted from 0 over all, and its offset. Warnings and their evidence refer to these.
func (g *Guard) Record(number uint64, offset int64) { g.event, g.at = number, offset }

// Admit takes an event before it is learned, and returns why it is refused; nil when
// it is not.
func (g *Guard) Admit(e *event.Event) *event.Rejection {
	if s := g.sources; s != nil {
		above := s.count(e.Source, g.at)
		if s.full() {
			g.nextSources()
		}
		if above {
			return s.refusal(e.Source)
		}
	}
	if g.rules != nil {
		if r := g.rules.check(e); r != nil {
			return r
		}
	}
	if g.watch != nil && g.cfg.Ranges == Reject {
		if r := g.watch.outside(e); r != nil {
			return r
		}
	}
	if d := g.duplicates; d != nil {
		above := d.count(e, g.at)
		if d.full() {
			d.close()
			g.judge(&g.duplicateHold, Warning{Check: Duplicates, Value: d.last, Limit: g.cfg.MaxDuplicates}, 0, d.evidence)
			d.next()
			g.renew()
		}
		if above {
			return d.refusal()
		}
	}
	return nil
}

func (g *Guard) nextSources() {
	s := g.sources
	s.next()
	w, _ := s.worst()
	warning := Warning{Check: SourceShare, Field: w.Source, Value: w.Share, Limit: g.cfg.MaxSourceShare}
	if g.cfg.MaxSourceShare == 1 {
		warning.Value = 0 // nothing is refused
	}
	g.judge(&g.sourceHold, warning, 0, s.evidence)
	g.renew()
}

// Observe takes an event that was admitted and learned, and the record that it was
// decoded from.
func (g *Guard) Observe(e *event.Event, record []byte) {
	w := g.watch
	if w == nil {
		return
	}
	armed := w.armed
	w.at = g.at
	w.observe(e, record)
	if w.full() {
		w.next(g)
		g.renew()
	} else if armed != w.armed {
		g.renew()
	}
}

// Clips reports whether gradients are bounded at a running quantile.
func (g *Guard) Clips() bool { return g.clip != nil }

// Factor returns by what the weight of an event is to be multiplied, for the norm of its
// gradient without it.
func (g *Guard) Factor(norm float64) float64 { return g.clip.factor(norm) }

// ObserveNorm takes the norm of the gradient of an event that was learned.
func (g *Guard) ObserveNorm(norm float64) {
	g.clip.observe(norm)
	if g.clip.full() {
		g.clip.next()
		g.renew()
	}
}

// Warnings returns those that have begun or ended since it was last asked, valid until
// the next event.
func (g *Guard) Warnings() []Warning {
	w := g.warnings
	g.warnings = g.warnings[:0]
	return w
}

// Report returns what is known.
func (g *Guard) Report() *Report { return g.report }

// judge takes the figure of a block. It is above the limit if chance does not explain
// it; evidence is made for a warning that begins.
func (g *Guard) judge(h *hold, w Warning, chance float64, evidence func() *state.InputEvidence) {
	begins, over := h.next(w.Value > max(w.Limit, chance))
	if begins {
		g.begun[w.Check]++
		w.Evidence = evidence()
	}
	if begins || over {
		w.Over, w.Event, w.Offset = over, g.event, g.at
		g.warnings = append(g.warnings, w)
	}
}

// renew makes the report anew.
func (g *Guard) renew() {
	r := &Report{Begun: g.begun}
	if s := g.sources; s != nil {
		r.Sources = s.last
		if w, ok := s.worst(); ok && g.sourceHold > 0 {
			r.Active = append(r.Active, Warning{Check: SourceShare, Field: w.Source, Value: w.Share, Limit: g.cfg.MaxSourceShare})
		}
	}
	if d := g.duplicates; d != nil {
		r.Duplicates = d.last
		if g.duplicateHold > 0 {
			r.Active = append(r.Active, Warning{Check: Duplicates, Value: d.last, Limit: g.cfg.MaxDuplicates})
		}
	}
	if w := g.watch; w != nil {
		w.report(r)
	}
	if c := g.clip; c != nil && c.known() {
		r.ClipBound, r.Clipped = c.quantile, c.lastShare
	}
	g.report = r
}

func (w *watch) report(r *Report) {
	r.Armed, r.Collected, r.NewFields = w.armed, w.collected, w.newFields
	r.Logged, r.Skewed, r.Unreadable = w.skew.logged, w.skew.skewed, w.skew.unreadable
	r.Fields = make([]Field, len(w.columns))
	if w.hold > 0 {
		r.Active = append(r.Active, Warning{Check: NewFields, Value: w.newFields, Limit: w.cfg.MaxMissing})
	}
	for i := range w.columns {
		c := &w.columns[i]
		r.Fields[i] = c.figures
		for check := range fieldChecks {
			if c.hold[check] > 0 {
				r.Active = append(r.Active, Warning{Check: check, Field: c.name, Value: c.figures.of(check), Limit: w.cfg.limit(check)})
			}
		}
	}
}
