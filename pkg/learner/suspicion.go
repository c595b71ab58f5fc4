package learner

import (
	"math/bits"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// suspicion compares the events since the last quiet block with the quiet ones
// before, so that an alarm can tell what has moved. It watches while the
// learner is Learning, and costs an event a few nanoseconds: it looks at four
// events of every 32 while there is no suspicion, and at sixteen while there is.
//
// A block is quiet when neither the direction nor the loss stands out: when both
// of Page's cumulative sums are 0, S <- max(0, S + v - k) of the block's
// statistics v in standard deviations. Where a sum left 0 last is the
// estimate of when the change began that belongs to the chart (Page 1954,
// https://doi.org/10.1093/biomet/41.1-2.100).
type suspicion struct {
	from            int64      // offset of the first suspect record
	events          uint64     // learned since then, but for the block that is not over
	inBlock         uint64     // events of that block
	label           float64    // sum of their labels
	looks           uint64     // how many events of a window are looked at
	pages           [2]float64 // of direction and loss
	direction, loss float64    // sums of the standardised statistics of the suspect blocks
	meanLoss        float64    // sum of their mean losses

	// marks are offsets of the newest multiples of markEvery learned events, newest
	// first. Other detectors than the guard's own do not tell when a change began;
	// of their alarms the records from the second mark on are suspect.
	marks [2]int64

	window profile  // since the last quiet block
	recent []sample // of the window, that are not in its sketches yet; at most mostSamples
	base   profile  // before; fades with a half-life of about 16,384 events
	quiet  uint64   // events since it has faded
	seen   *params  // the reference that the numeric fields were seen at; nil for none

	rejectFrom int64                 // offset at which the block of the reject rate began
	rejected   [event.Reasons]uint64 // the learner's counts then
}

const (
	pageSlack    = 0.7  // of Page's sums, in standard deviations of a block: half of a shift that matters
	pageMost     = 12.0 // what a single block adds at most
	pageAlert    = 2.0  // of a sum at which more events are looked at
	mostStandard = 1e6  // bounds a block's statistic where it is summed up

	lookBits              = 5
	lookWindow            = 1 << lookBits // events
	calmLooks, alertLooks = 4, 16         // of a window
	goldenRatio           = 0x9E3779B97F4A7C15
	baseHalfLife          = 16_384.0 // events
	fadeEvery             = 1_024    // events
	mostSamples           = 32
	markEvery             = 1_024
	baseThinning          = 4 // of the samples of quiet events, one in so many is enough
)

func (s *suspicion) init(at int64) {
	s.window, s.base = newProfile(windowValues), newProfile(baseValues)
	s.recent = make([]sample, 0, mostSamples)
	s.enter(at)
	s.rejectFrom = at
}

// enter begins a mode at an offset: what was before it is not suspect.
func (s *suspicion) enter(at int64) {
	s.begin(at)
	s.marks = [2]int64{at, at}
}

// begin makes the record at an offset the first suspect one.
func (s *suspicion) begin(at int64) {
	s.from, s.events, s.label, s.inBlock = at, 0, 0, 0
	s.pages = [2]float64{}
	s.direction, s.loss, s.meanLoss = 0, 0, 0
	s.looks = calmLooks
	s.window.clear()
	s.recent = s.recent[:0]
}

// renew also forgets what was normal: from here on it is something else.
func (s *suspicion) renew(at int64) {
	s.enter(at)
	s.base.clear()
	s.quiet = 0
}

// observe takes the event that was just learned, before the guard does.
func (s *suspicion) observe(l *Learner, step *event.Step, key []byte) {
	if l.mode != Learning || !l.cfg.Guard.Enabled {
		return
	}
	s.inBlock++
	if l.learned%markEvery == 0 {
		s.marks = [2]int64{l.next.Offset - 1, s.marks[0]}
	}
	s.label += input(l.ev.Label)
	// Events that follow each other are looked at together, since every change between looking and not looking stops the
	// processor; where in a window, the multiples of the golden ratio say, which leave no period of a stream out.
	if from := l.learned / lookWindow * goldenRatio >> (64 - lookBits); (l.learned-from)%lookWindow < s.looks {
		s.look(l, step, key, l.learned*goldenRatio)
	}
}

// look takes a sample.
func (s *suspicion) look(l *Learner, step *event.Step, key []byte, random uint64) {
	if len(s.recent) == mostSamples {
		s.sketch()
	}
	n := float64(lookWindow / s.looks)
	s.recent = s.recent[:len(s.recent)+1] // the memory of its source is used again
	s.recent[len(s.recent)-1].look(&l.ev, key, step.Grad, n, random)
	if r := l.reading(step); r != nil {
		s.turn(l)
		s.window.measure(r, n)
	}
}

// turn forgets the numeric fields when another reference watches, whose scale is another.
func (s *suspicion) turn(l *Learner) {
	if now := l.guard.reference(); now != s.seen {
		s.seen = now
		s.window.forgetFields()
		s.base.forgetFields()
	}
}

// sketch puts the newest samples into the sketches of the window. That takes
// longer than to keep them, and most windows are quiet before they have so many.
func (s *suspicion) sketch() {
	for i := range s.recent {
		s.window.take(&s.recent[i], 1)
	}
	s.recent = s.recent[:0]
}

// reading is the event at the reference that watches; nil while there is none.
func (l *Learner) reading(step *event.Step) *event.Reading {
	if !l.guard.armed() {
		return nil
	}
	return step.Ref[l.guard.watching]
}

// judge ends the block if the newest event, which the guard has seen, was its
// last one: guard.ended, where it is armed. What led to an alarm is kept until the mode changes.
func (s *suspicion) judge(l *Learner, alarm bool) {
	if l.mode != Learning || !l.cfg.Guard.Enabled {
		return
	}
	g := &l.guard
	if !g.armed() {
		if s.inBlock >= uint64(l.cfg.Guard.Block) {
			s.endBlock(drift.ScoreBlock{})
			s.settle(l)
		}
		return
	}
	s.turn(l)
	s.endBlock(g.scores[g.watching].Newest())
	if s.pages == [2]float64{} && !alarm {
		s.settle(l)
	}
}

// endBlock takes what the guard has found in a block.
func (s *suspicion) endBlock(b drift.ScoreBlock) {
	v := [2]float64{standardised(b.Direction), standardised(b.Loss)}
	for i := range s.pages {
		s.pages[i] = max(0, s.pages[i]+min(v[i], pageMost)-pageSlack)
	}
	s.aim()
	s.direction += v[0]
	s.loss += v[1]
	s.meanLoss += min(b.MeanLoss, greatest)
	mean := 0.0
	if s.inBlock > 0 {
		mean = s.label / float64(s.inBlock)
	}
	s.window.blocks++
	s.window.label += mean
	s.window.label2 += float64(mean * mean)
	s.events += s.inBlock
	s.label, s.inBlock = 0, 0
}

// aim sets how many events are looked at.
func (s *suspicion) aim() {
	s.looks = calmLooks
	if s.pages[0] > pageAlert || s.pages[1] > pageAlert {
		s.looks = alertLooks
	}
}

func standardised(x float64) float64 { return max(-mostStandard, min(mostStandard, x)) }

// settle makes the suspect events quiet ones.
func (s *suspicion) settle(l *Learner) {
	if s.quiet += s.events; s.quiet >= fadeEvery {
		// 2^-x is near 1 - x log 2 for so few events, and the half-life need not be exact.
		s.base.fade(max(0.5, 1-float64(0.6931471805599453*(float64(s.quiet)/baseHalfLife))))
		s.quiet = 0
	}
	s.base.merge(&s.window)
	for i := range s.recent {
		if (uint64(i)+l.learned)%baseThinning == 0 {
			s.base.take(&s.recent[i], baseThinning)
		}
	}
	s.begin(l.next.Offset)
}

// countRejects notes where a block of the reject rate begins.
func (s *suspicion) countRejects(l *Learner) {
	s.rejectFrom, s.rejected = l.next.Offset, l.rejected
}

func (s *suspicion) floats() [6]*float64 {
	return [6]*float64{&s.label, &s.pages[0], &s.pages[1], &s.direction, &s.loss, &s.meanLoss}
}

func (s *suspicion) append(b []byte, l *Learner) []byte {
	b = wire.AppendVarint(b, s.from)
	b = wire.AppendVarint(wire.AppendVarint(b, s.marks[0]), s.marks[1])
	b = wire.AppendUvarint(b, s.events)
	b = wire.AppendUvarint(b, s.inBlock)
	for _, v := range s.floats() {
		b = wire.AppendFloat64(b, *v)
	}
	b = wire.AppendUvarint(b, uint64(len(s.recent)))
	for i := range s.recent {
		b = s.recent[i].append(b)
	}
	b = wire.AppendUvarint(s.base.append(s.window.append(b)), s.quiet)
	b = wire.AppendBool(b, s.seen == l.guard.reference())
	b = wire.AppendVarint(b, s.rejectFrom)
	for _, n := range s.rejected {
		b = wire.AppendUvarint(b, n)
	}
	return b
}

// read reads what append wrote. It reports whether the reference that was seen
// last is the one that watches. Errors are left in r.
func (s *suspicion) read(r *wire.Reader) (same bool) {
	s.from, s.marks = r.Varint(), [2]int64{r.Varint(), r.Varint()}
	s.events, s.inBlock = r.Uvarint(), r.Uvarint()
	for _, v := range s.floats() {
		if *v = r.Finite(); !(*v >= -greatest && *v <= greatest) {
			r.Fail("statistic of suspect events %v", *v)
		}
	}
	n := r.Count(5*8 + 1)
	if n > mostSamples {
		r.Fail("%d samples, at most %d are kept", n, mostSamples)
		return false
	}
	for range n {
		s.recent = s.recent[:len(s.recent)+1]
		s.recent[len(s.recent)-1].read(r)
	}
	s.window.read(r)
	s.base.read(r)
	s.quiet = r.Uvarint()
	s.aim()
	same = r.Bool()
	s.rejectFrom = r.Varint()
	for i := range s.rejected {
		s.rejected[i] = r.Uvarint()
	}
	return same
}

// coordinate is where a sparse feature stands in the score vector, and whether
// its sign is turned there; see event.Coordinates.
func coordinate(hash uint64) (c uint16, turned bool) {
	return uint16(hash>>57 | firstSketch), bits.LeadingZeros64(hash) == 0
}
