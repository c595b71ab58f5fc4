package drift

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// shortScore is a configuration that arms after 1,000 events.
func shortScore(loss LossClip) ScoreConfig {
	return ScoreConfig{FalseFreezeEvery: 100_000, Window: 1_000, Block: 20, Loss: loss}
}

func newScore(t testing.TB, c ScoreConfig, dim int) *Score {
	t.Helper()
	d, err := NewScore(c, dim)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func encoded(t testing.TB, d interface {
	AppendBinary([]byte) ([]byte, error)
}) []byte {
	t.Helper()
	b, err := d.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type scoreEvent struct {
	loss, excess, grad float64
	j                  []uint16
	x                  []float64
}

// scoreEvents is a stream that is stationary, then flips its labels for good.
func scoreEvents(n, flipAt int) []scoreEvent {
	s := newLogistic(5, 6, nil)
	var out []scoreEvent
	for i := range n {
		if i == flipAt {
			s.flip = 1
		}
		l, e, g, j, x := s.next()
		out = append(out, scoreEvent{l, e, g, j, append([]float64(nil), x...)})
	}
	return out
}

func (s *Score) observe(e scoreEvent) Level { return s.Observe(e.loss, e.excess, e.grad, e.j, e.x) }

// A detector that is encoded and decoded at any event goes on with the same
// levels and ends in the same bytes.
func TestScoreResumes(t *testing.T) {
	for _, loss := range []LossClip{ClipLogistic, ClipQuantile} {
		events := scoreEvents(4_000, 2_500)
		whole := newScore(t, shortScore(loss), 6)
		resumed := newScore(t, shortScore(loss), 6)
		drifts, warnings := 0, 0
		for i, e := range events {
			want := whole.observe(e)
			if i%7 == 0 || i > 2_490 && i < 2_600 {
				b := encoded(t, resumed)
				resumed = newScore(t, shortScore(loss), 6)
				if i%2 == 0 { // a used detector keeps nothing of what it held
					for _, e := range events[2_000:3_300] {
						resumed.observe(e)
					}
				}
				if err := resumed.UnmarshalBinary(b); err != nil {
					t.Fatalf("event %d: %v", i, err)
				}
				if !bytes.Equal(b, encoded(t, resumed)) {
					t.Fatalf("event %d: decoding and encoding changes the bytes", i)
				}
			}
			if got := resumed.observe(e); got != want {
				t.Fatalf("event %d: level %v, %v without the interruption", i, got, want)
			}
			switch want {
			case Drift:
				drifts++
			case Warning:
				warnings++
			}
		}
		if !bytes.Equal(encoded(t, whole), encoded(t, resumed)) {
			t.Error("another state at the end")
		}
		if drifts == 0 || warnings == 0 {
			t.Errorf("%d alarms and %d events at warning: the stream tests too little", drifts, warnings)
		}
	}
}

// A warning holds between the ends of blocks; an alarm is given once, and the
// evidence starts anew while the calibration stays.
func TestScoreLevels(t *testing.T) {
	c := shortScore(ClipLogistic)
	d := newScore(t, c, 6)
	var level Level
	alarms := 0
	for i, e := range scoreEvents(4_000, 2_000) {
		got := d.observe(e)
		atEnd := (i+1)%c.Block == 0
		switch {
		case got == Drift:
			alarms++
			if !atEnd || d.Fired() < d.Threshold() || d.Statistic() != 0 || !d.Armed() {
				t.Errorf("alarm at %d: fired %v, threshold %v, statistic %v, armed %v", i, d.Fired(), d.Threshold(), d.Statistic(), d.Armed())
			}
			got = Stable
		case !atEnd && got != level:
			t.Errorf("level changed from %v to %v within a block, at %d", level, got, i)
		case (got == Warning) != (d.Statistic() >= d.Threshold()/100):
			t.Errorf("level %v with statistic %v of %v", got, d.Statistic(), d.Threshold())
		}
		level = got
	}
	if alarms < 2 {
		t.Errorf("%d alarms: a lasting drift must alarm again", alarms)
	}

	d.Restart()
	if d.Statistic() != 0 || !d.Armed() {
		t.Errorf("after Restart: statistic %v, armed %v", d.Statistic(), d.Armed())
	}
	d.Reset()
	if !bytes.Equal(encoded(t, d), encoded(t, newScore(t, c, 6))) {
		t.Error("Reset does not return to the initial state")
	}
}

// A restart drops the current block: the blocks after it are counted from there.
func TestScoreRestartDropsBlock(t *testing.T) {
	events := scoreEvents(2_200, 1_000)
	a, b := newScore(t, shortScore(ClipLogistic), 6), newScore(t, shortScore(ClipLogistic), 6)
	for _, e := range events[:1_000] {
		a.observe(e)
		b.observe(e)
	}
	for _, e := range events[1_000:1_007] {
		a.observe(e)
	}
	a.Restart()
	if !bytes.Equal(encoded(t, a), encoded(t, b)) {
		t.Error("seven events of a block survive a restart")
	}
}

// Coordinates without a scale take no part: constant ones, ones that were
// seldom active in the reference, and ones that only appear later.
func TestScoreCoordinatesWithoutScale(t *testing.T) {
	const dim = 8
	rng := rand.New(rand.NewPCG(9, 9))
	d := newScore(t, shortScore(ClipLogistic), dim)
	observe := func(i int, after bool) Level {
		g := .5
		if rng.IntN(2) == 0 {
			g = -.5
		}
		j, x := []uint16{0, 1}, []float64{rng.NormFloat64(), 2 / g} // coordinate 1: always a score of 2
		if i%400 == 0 {
			j, x = append(j, 2), append(x, 3/g) // in 3 of 50 blocks
		}
		if after {
			j, x = append(j, 3), append(x, 5/g) // never in the reference
		}
		return d.Observe(.7, .1, g, j, x) // a loss that never varies
	}
	for i := range 1_000 {
		observe(i, false)
	}
	if len(d.white.active) != 1 || d.white.active[0] != 0 {
		t.Fatalf("active coordinates %v, only 0 has a scale", d.white.active)
	}
	for i := range 20_000 {
		if l := observe(i, true); l != Stable {
			t.Fatalf("level %v at %d", l, i)
		}
	}
}

// A loss that was constant in the reference still alarms when it rises.
func TestScoreConstantLoss(t *testing.T) {
	for _, reference := range []float64{0, .2} {
		d := newScore(t, shortScore(ClipQuantile), 4)
		for range 1_000 {
			d.Observe(reference, reference, 0, nil, nil)
		}
		alarm := false
		for range 2_000 {
			alarm = alarm || d.Observe(reference+2, reference+2, 0, nil, nil) == Drift
		}
		if !alarm {
			t.Errorf("a loss that rose from a constant %v did not alarm", reference)
		}
	}
}

// One event is bounded at four times the 99th percentile, so that it cannot
// carry a block.
func TestScoreClips(t *testing.T) {
	d := newScore(t, shortScore(ClipQuantile), 4)
	for i := range 100 {
		d.Observe(float64(i+1), float64(i+1), -2*float64(i+1), nil, nil)
	}
	if d.clipLoss != 4*99 || d.clipGrad != 8*99 {
		t.Errorf("clips %v and %v, want 4 times the 99th of 100 magnitudes, 396 and 792", d.clipLoss, d.clipGrad)
	}
	d.Observe(1e6, 1e6, -1e6, []uint16{2}, []float64{1})
	if d.loss[plainLoss] != 396 || d.u[2] != -792 {
		t.Errorf("sums %v and %v after one extreme event", d.loss[plainLoss], d.u[2])
	}
}

func TestScoreAllocatesNothing(t *testing.T) {
	for _, loss := range []LossClip{ClipLogistic, ClipQuantile} {
		d := newScore(t, shortScore(loss), 6)
		events := scoreEvents(3_000, 2_000)
		i := 0
		if n := testing.AllocsPerRun(2_998, func() { d.observe(events[i]); i++ }); n != 0 {
			t.Errorf("%v allocations per event", n)
		}
		if !d.Armed() {
			t.Error("never armed")
		}
	}
}

func TestScoreRefuses(t *testing.T) {
	d := newScore(t, shortScore(ClipLogistic), 6)
	for _, e := range scoreEvents(1_500, 1_400) {
		d.observe(e)
	}
	before := encoded(t, d)

	longer := shortScore(ClipLogistic)
	longer.Window *= 2
	wider := shortScore(ClipLogistic)
	wider.Block *= 2
	wider.Window *= 2
	for _, other := range []*Score{
		newScore(t, shortScore(ClipQuantile), 6), newScore(t, shortScore(ClipLogistic), 7), newScore(t, longer, 6), newScore(t, wider, 6),
	} {
		if err := d.UnmarshalBinary(encoded(t, other)); !errors.Is(err, wire.ErrCorrupt) {
			t.Errorf("a detector of another shape: error %v", err)
		}
	}
	for i := range before {
		if err := d.UnmarshalBinary(before[:i]); !errors.Is(err, wire.ErrCorrupt) {
			t.Fatalf("%d of %d bytes: error %v", i, len(before), err)
		}
	}
	if !bytes.Equal(before, encoded(t, d)) {
		t.Error("refused bytes changed the detector")
	}

	rarer := shortScore(ClipLogistic)
	rarer.FalseFreezeEvery *= 10
	if err := newScore(t, rarer, 6).UnmarshalBinary(before); err != nil {
		t.Errorf("a state must be continued with another average run length: %v", err)
	}
}

// A state in calibration holds the coordinates that were ever active, not all.
func TestScoreEncodesSparsely(t *testing.T) {
	c := DefaultScoreConfig()
	c.Loss = ClipLogistic
	d := newScore(t, c, 128)
	rng := rand.New(rand.NewPCG(1, 1))
	j := []uint16{0, 70, 100}
	for range c.Window - 1 {
		d.Observe(rng.Float64(), rng.Float64()-.3, rng.Float64()-.5, j, []float64{1, rng.Float64(), 1})
	}
	if n := len(encoded(t, d)); n > 400*(3+2)*8+200 {
		t.Errorf("%d bytes for 399 blocks of 3 coordinates", n)
	}
	d.Observe(0, 0, 0, j, []float64{1, 1, 1})
	if n := len(encoded(t, d)); !d.Armed() || n > 700 {
		t.Errorf("armed %v, %d bytes", d.Armed(), n)
	}
}
