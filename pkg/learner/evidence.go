package learner

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

const (
	mostListed = 5 // entries of a list of Evidence
	mostKeys   = 3

	clearErrors = 3.0  // standard errors by which something has to differ to be listed
	clearShift  = 0.3  // of a numeric field, in its standard deviations
	clearShare  = 0.05 // difference of two shares
	fewSampled  = 4.0  // events looked at below which nothing is said about them
	baseSampled = 30.0 // the same of quiet events
)

// fielded is a model whose numeric fields can be listed. Field i has the
// coordinate i+1 of the score vector, if there is room, and its sparse features
// have those of their hashes.
type fielded interface{ Fields() []event.FieldStats }

// evidence tells what moved before the alarm that the newest record raises.
func (l *Learner) evidence(a *Alarm) *state.Evidence {
	s := &l.suspect
	s.sketch()
	e := &state.Evidence{From: min(s.from, a.Offset), To: a.Offset, Events: s.events + s.inBlock, Blocks: uint64(s.window.blocks)}
	switch {
	case a.Detector == alarmRejects:
		e.From = min(s.rejectFrom, a.Offset)
		e.Rejects = l.refusedOf()
	case a.Detector != alarmScore:
		e.From = min(e.From, s.marks[1])
	case l.guard.armed():
		e.Direction, e.Loss = s.moved(&l.guard)
		e.Pull = l.pull()
	}
	e.Label = s.labelMoved(&l.out)
	e.Warnings = l.standingWarnings()
	if s.window.sampled >= fewSampled && s.base.sampled >= baseSampled {
		e.Inputs = l.shifts()
		e.Keys = s.window.presences(&s.window.keys, &s.base, &s.base.keys)
		e.Sources = s.window.presences(&s.window.sources, &s.base, &s.base.sources)
	}
	return e
}

// moved are direction and loss at the reference.
func (s *suspicion) moved(g *guard) (direction, loss *state.Moved) {
	n := s.window.blocks
	if n == 0 {
		return nil, nil
	}
	score := g.scores[g.watching]
	block := score.Newest()
	was := score.UsualLoss()
	share := rounded(block.DirectionShare)
	return &state.Moved{By: rounded(s.direction / n), Share: share},
		&state.Moved{By: rounded(s.loss / n), Share: rounded(1 - share), Mean: significant(s.meanLoss / n), Was: significant(was)}
}

// labelMoved compares the labels; nil where they are much the same. The index
// of a class has no mean.
func (s *suspicion) labelMoved(o *Outcome) *state.Moved {
	mean, _ := s.window.labels()
	was, sd := s.base.labels()
	if s.window.blocks == 0 || s.base.blocks < 2 || o.Step.Probs != nil || o.Step.Labels != nil {
		return nil
	}
	if sd <= float64(1e-9*math.Abs(was)) { // they were all the same
		sd = math.Abs(was)
	}
	by := mean - was
	if sd > 0 {
		by = standardised(by / sd)
	}
	if !(math.Abs(by) >= clearErrors*math.Sqrt(1/s.window.blocks+1/s.base.blocks)) {
		return nil
	}
	return &state.Moved{By: rounded(by), Mean: significant(mean), Was: significant(was)}
}

// pull are the coordinates that the average direction consists of.
func (l *Learner) pull() []state.Pull {
	coordinates, z := l.guard.scores[l.guard.watching].Direction()
	square := 0.0
	for _, x := range z {
		square += float64(x * x)
	}
	if square == 0 {
		return nil
	}
	order := make([]int, len(z))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(math.Abs(z[b]), math.Abs(z[a])) })
	var out []state.Pull
	for _, i := range order[:min(len(order), mostListed)] {
		share := rounded(float64(z[i]*z[i]) / square)
		if share == 0 {
			break
		}
		p := state.Pull{Coordinate: int(coordinates[i]), Share: share, TooHigh: z[i] > 0}
		hash, turned := l.featureAt(coordinates[i])
		p.Hash, p.TooHigh = state.Hash(hash), p.TooHigh != turned
		if hash == 0 && coordinates[i] >= firstSketch {
			p.TooHigh = false // the sign is that of the hash
		}
		out = append(out, p)
	}
	return out
}

// featureAt finds the feature behind a coordinate of the score vector, 0 where it
// is not known, and whether the coordinate has its opposite sign.
func (l *Learner) featureAt(c uint16) (hash uint64, turned bool) {
	m, ok := l.model.(fielded)
	switch {
	case !ok || c == 0:
		return 0, false
	case c < firstSketch:
		if fields := m.Fields(); int(c) <= len(fields) {
			return fields[c-1].Hash, false
		}
		return 0, false
	}
	features, most := &l.suspect.window.features, 0.0
	for i, h := range features.hashes {
		at, sign := coordinate(h)
		if sum := math.Abs(features.sums[i]); at == c && sum > most {
			hash, turned, most = h, sign, sum
		}
	}
	return hash, turned
}

// shifts are the features that come otherwise than before, the surest first.
func (l *Learner) shifts() []state.Shift {
	s := &l.suspect
	var all []found
	if m, ok := l.model.(fielded); ok {
		for i, f := range m.Fields() {
			if i+1 == firstSketch {
				break
			}
			all = s.fieldShifts(all, i+1, f.Hash)
		}
	}
	window, base := &s.window.features, &s.base.features
	perEvent := 1.0 // sparse features; one of them was looked at
	if total := sum(window.counts); total > s.window.weight {
		perEvent = total / s.window.weight
	}
	seen := func(hash uint64) { // by its bounds on both sides
		lo, hi := window.bounds(hash, s.window.weight)
		wasLo, wasHi := base.bounds(hash, s.base.weight)
		f := found{shift: state.Shift{Hash: state.Hash(hash), Share: rounded(lo), Was: rounded(wasHi)}}
		if lo < wasHi {
			f.shift.Share, f.shift.Was = rounded(hi), rounded(wasLo)
		}
		if apart := max(lo-wasHi, wasLo-hi); apart >= clearShare {
			all = f.add(all, apart, perEvent, s)
		}
	}
	for _, h := range window.hashes {
		seen(h)
	}
	for _, h := range base.hashes {
		if !slices.Contains(window.hashes, h) {
			seen(h)
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.errors, a.errors) })
	var out []state.Shift
	for _, f := range all[:min(len(all), mostListed)] {
		out = append(out, f.shift)
	}
	return out
}

// found is a shift and by how many standard errors it differs from nothing.
type found struct {
	shift  state.Shift
	errors float64
}

// add adds a difference of two shares to all, if it is a clear one. Both are of
// samples. per is by how much the variance of the estimate exceeds that of a share.
func (f found) add(all []found, apart, per float64, s *suspicion) []found {
	least := 1 / s.window.sampled
	p := max(f.shift.Share, f.shift.Was, least)
	variance := max(float64(per*p)-float64(p*p), least)
	f.errors = apart / math.Sqrt(variance*(least+1/s.base.sampled))
	if f.errors >= clearErrors {
		all = append(all, f)
	}
	return all
}

// fieldShifts adds what is different about the numeric field at a coordinate.
func (s *suspicion) fieldShifts(all []found, c int, hash uint64) []found {
	share, mean, _ := s.window.field(c)
	was, before, sd := s.base.field(c)
	if was == 0 && share == 0 {
		return all
	}
	f := found{shift: state.Shift{Hash: state.Hash(hash), Share: rounded(share), Was: rounded(was)}}
	if apart := math.Abs(share - was); apart >= clearShare {
		if more := f.add(all, apart, 1, s); len(more) > len(all) {
			return more
		}
	}
	if share == 0 || was == 0 {
		return all
	}
	if sd <= float64(1e-9*math.Abs(before)) {
		sd = max(math.Abs(before), 1e-9)
	}
	by := standardised((mean - before) / sd)
	f.errors = math.Abs(by) / math.Sqrt(1/float64(share*s.window.sampled)+1/float64(was*s.base.sampled))
	if f.shift.By = rounded(by); math.Abs(by) >= clearShift && f.errors >= clearErrors {
		all = append(all, f)
	}
	return all
}

// presences are the values of a sketch that come more often than before.
func (p *profile) presences(h *heavy, before *profile, base *heavy) []state.Presence {
	var out []state.Presence
	for i, hash := range h.hashes {
		share, was := h.least(i)/p.weight, min(1, base.most(hash)/before.weight)
		limit := max(clearShare, float64(clearErrors*math.Sqrt(max(was, 1/p.sampled)*(1/p.sampled+1/before.sampled))))
		if share-was >= limit {
			out = append(out, state.Presence{
				Hash: state.Hash(hash), Name: strings.ToValidUTF8(string(h.texts[i]), "\uFFFD"), Share: rounded(share), Was: rounded(was),
			})
		}
	}
	slices.SortStableFunc(out, func(a, b state.Presence) int { return cmp.Compare(b.Share-b.Was, a.Share-a.Was) })
	return out[:min(len(out), mostKeys)]
}

// bounds are those of a value's share of what weighs so much.
func (h *heavy) bounds(hash uint64, weight float64) (lo, hi float64) {
	if i := slices.Index(h.hashes, hash); i >= 0 {
		lo = h.least(i) / weight
	}
	return min(1, lo), min(1, h.most(hash)/weight)
}

func sum(v []float64) float64 {
	total := 0.0
	for _, x := range v {
		total += x
	}
	return total
}

// rounded keeps three digits after the point: more is noise, and takes room.
func rounded(x float64) float64 { return math.Round(x*1000) / 1000 }

// significant keeps four digits of a number of any size.
func significant(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || x != x {
		return 0
	}
	scale := 1.0
	for ; math.Abs(x)*scale < 1000; scale *= 10 {
		if scale > 1e290 {
			return 0
		}
	}
	if math.Abs(x)*scale >= 1e15 {
		return x
	}
	return math.Round(x*scale) / scale
}
