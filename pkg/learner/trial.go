package learner

import (
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/drift"
)

const (
	// leadAlpha is the level of the test that lets a challenger on probation,
	// and of the one that ends a probation early.
	leadAlpha = 0.01
	// leadMargin is how much better than the other a model must be to win a bet,
	// in the unit of the differences.
	leadMargin = 0.002
	// leadDecay is the weight of a block in the newest lead with each later one: it follows some 5.
	leadDecay = 0.8
	// maxLoss bounds a loss, in units: it is the log loss of probability .001.
	maxLoss = 6.907755278982137
)

// trial is what is known since a freeze began, or a probation: how long, how
// quiet the stream was, and how the challenger does beside the champion.
type trial struct {
	since uint64 // fed records when the mode was entered
	began uint64 // fed records when the freeze began that this mode is a part of
	held  bool   // an operator froze it: only an operator unfreezes
	loud  uint64 // fed records when the stream was last not quiet

	// Of the events that count: all, or the trusted ones.
	events               uint64
	champion, challenger float64 // sums of their losses
	unit                 float64 // of losses, for their difference

	ahead, behind drift.Betting // is the challenger better than the champion, and worse?
	calm          drift.Betting // is it better while the stream is quiet?
	leading       float64       // mean lead of the newest few blocks
	keys, sources breadth       // on how many keys and sources
	broad         bool          // that were many, when the challenger was last found better

	refuted bool // an alarm, at this record, of a challenger on probation
}

// newTrial begins to compare in a unit of loss.
func (l *Learner) newTrial(began uint64, unit float64) trial {
	t := trial{since: l.fed, began: began, loud: l.fed, unit: unit}
	for _, b := range []*drift.Betting{&t.ahead, &t.behind, &t.calm} {
		var err error
		if *b, err = drift.NewBetting(l.cfg.Guard.Block, leadMargin); err != nil {
			panic("learner: " + err.Error()) // the block was validated
		}
	}
	return t
}

// unit is a large loss of this stream, in which losses are compared.
func (l *Learner) unit() float64 {
	switch {
	case l.cfg.Guard.Loss == drift.ClipLogistic:
		return 1
	case l.guard.armed():
		return l.guard.scores[l.guard.watching].LossScale()
	case l.lossAvg.mean > 0:
		return min(4*l.lossAvg.mean, greatest)
	}
	return 1
}

// loud notes that the stream is not quiet.
func (l *Learner) loud() {
	if l.mode != Learning {
		l.trial.loud = l.fed
		l.trial.calm.Reset()
	}
}

// counts reports whether the newest event counts for the comparison.
func (l *Learner) counts() bool { return l.ev.Weight > 0 && l.cfg.Guard.Trusted.trusts(&l.ev) }

// compare takes an event that both models predicted.
func (t *trial) compare(key, source []byte, champion, challenger float64) {
	champion, challenger = bounded(champion), bounded(challenger)
	t.events++
	t.champion += champion
	t.challenger += challenger
	d := min(champion/t.unit, maxLoss) - min(challenger/t.unit, maxLoss)
	if len(key) > 0 {
		t.keys.add(key, d)
	}
	if len(source) > 0 {
		t.sources.add(source, d)
	}
	t.behind.Observe(-d)
	t.calm.Observe(d)
	if !t.ahead.Observe(d) {
		return
	}
	t.leading = float64(leadDecay*t.leading) + float64((1-leadDecay)*t.ahead.Newest())
	if max(t.ahead.Wealth(), t.calm.Wealth()) >= 1/leadAlpha {
		t.broad = t.keys.broad() && t.sources.broad()
	}
}

func (t *trial) append(b []byte) []byte {
	for _, n := range [...]uint64{t.since, t.began, t.loud, t.events} {
		b = wire.AppendUvarint(b, n)
	}
	b = wire.AppendBool(b, t.held)
	for _, v := range [...]float64{t.champion, t.challenger, t.unit} {
		b = wire.AppendFloat64(b, v)
	}
	b = t.ahead.AppendBinary(b)
	b = t.behind.AppendBinary(b)
	b = t.calm.AppendBinary(b)
	b = wire.AppendFloat64(b, t.leading)
	b = wire.AppendBool(b, t.broad)
	return t.sources.append(t.keys.append(b))
}

// read restores what append wrote.
func (t *trial) read(r *wire.Reader, fed uint64) {
	t.since, t.began, t.loud, t.events = r.Uvarint(), r.Uvarint(), r.Uvarint(), r.Uvarint()
	t.held = r.Bool()
	t.champion, t.challenger, t.unit = r.Finite(), r.Finite(), r.Finite()
	if t.began > t.since || t.since > t.loud || t.loud > fed || !(t.unit > 0) {
		r.Fail("a trial since record %d of a freeze at record %d, loud at %d, in units of %v", t.since, t.began, t.loud, t.unit)
	}
	t.ahead, t.behind, t.calm = drift.ReadBetting(r), drift.ReadBetting(r), drift.ReadBetting(r)
	t.leading, t.broad = r.Finite(), r.Bool()
	t.keys.read(r)
	t.sources.read(r)
}
