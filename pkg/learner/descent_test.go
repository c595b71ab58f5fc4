package learner

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// swept is a model of n weights of 1.
type swept struct {
	Model
	n uint64
}

func (s swept) SweepNorm(at uint64, budget int) (sum float64, next uint64) {
	end := min(s.n, at+uint64(budget))
	if end == s.n {
		return float64(end - at), 0
	}
	return float64(end - at), end
}

// observed takes n events.
func observed(d *descent, n int, event func(i int) event.Step) Descent {
	for i := range n {
		s := event(i)
		d.observe(swept{n: 1000}, &s)
	}
	return d.report()
}

func flat(loss, grad, update float64) func(int) event.Step {
	return func(int) event.Step { return event.Step{Loss: loss, GradNorm: grad, UpdateNorm: update} }
}

func TestExplosionAndVanishing(t *testing.T) {
	var d descent
	r := observed(&d, 20_000, flat(0.5, 2, 0.01))
	if math.Abs(r.GradRatio-1) > 1e-12 || r.Vanishing != 0 || math.Abs(r.WeightNorm-math.Sqrt(1000)) > 1e-12 || math.Abs(r.UpdateRatio-0.01/math.Sqrt(1000)) > 1e-15 {
		t.Errorf("a steady stream: %+v", r)
	}
	exploded := d
	if r := observed(&exploded, 256, flat(0.5, 2000, 0.01)); r.GradRatio < 20 {
		t.Errorf("gradients grew a thousandfold, ratio %v", r.GradRatio)
	}
	vanished := d
	if r := observed(&vanished, 4096, flat(0.5, 1e-4, 0)); r.Vanishing < 0.9 || r.UpdateRatio > 0.07*0.01/math.Sqrt(1000) {
		t.Errorf("gradients have gone: %v vanish, update ratio %v", r.Vanishing, r.UpdateRatio)
	}
	dead := descent{}
	if r := observed(&dead, 640, flat(0, 0, 0)); r.Vanishing != 1 || r.GradRatio != 0 || r.UpdateRatio != 0 {
		t.Errorf("no gradient ever: %+v", r)
	}
}

func TestTrendOfTheLoss(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	noisy := func(level func(i int) float64) func(int) event.Step {
		return func(i int) event.Step { return event.Step{Loss: level(i) * noise.ExpFloat64(), GradNorm: 1} }
	}
	var d descent
	if r := observed(&d, 1024, noisy(func(int) float64 { return 1 })); r.Trend != Unknown {
		t.Errorf("after 16 blocks: %v", r.Trend)
	}
	if r := observed(&d, 100_000, noisy(func(i int) float64 { return 1 - 0.7*float64(i)/100_000 })); r.Trend != Improving || !(r.ImprovementLo > 0) {
		t.Errorf("a loss that falls: %v [%v, %v]", r.Trend, r.ImprovementLo, r.ImprovementHi)
	}
	r := observed(&d, 1_000_000, noisy(func(int) float64 { return 0.3 }))
	if r.Trend != Plateau || r.ImprovementHi > 0.02 || math.Abs(r.LossBest-0.3) > 0.02 || math.Abs(r.LossLong-0.3) > 0.02 || math.Abs(r.LossShort-0.3) > 0.05 {
		t.Errorf("a loss that stays: %+v", r)
	}
	if r := observed(&d, 300_000, noisy(func(i int) float64 { return 0.3 + float64(i)/200_000 })); r.Trend != Worsening || !(r.ImprovementHi < 0) || r.LossBest > 0.32 {
		t.Errorf("a loss that rises: %+v", r)
	}
}

// The interval of a stationary stream excludes 0 in fewer than 1 of 20 windows.
func TestTrendIsNoFalseAlarm(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	wrong := 0
	const streams = 300
	for range streams {
		d := descent{blocks: 1 << 20, lossLong: fading{1, 1 / (1 - retain256)}}
		for range windowBlocks / 8 {
			d.watch(r.NormFloat64() / 8)
			if d.trend == Improving || d.trend == Worsening {
				wrong++
				break
			}
		}
	}
	if wrong > streams/20 {
		t.Errorf("%d of %d stationary streams seemed to move", wrong, streams)
	}
}

// Wherever it is cut, a stream goes on bit for bit; and whatever it is, all is finite.
func TestDescentGoesOnBitForBit(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	wild := func(int) event.Step {
		v := func() float64 { return math.Abs(math.Ldexp(r.Float64(), r.IntN(2048)-1024)) }
		return event.Step{Loss: min(v(), math.MaxFloat64), GradNorm: v(), UpdateNorm: v()}
	}
	var whole, cut descent
	for i := range 300 * descentBlock {
		s := wild(0)
		whole.observe(swept{n: 1000}, &s)
		cut.observe(swept{n: 1000}, &s)
		if i%997 == 0 {
			read := wire.NewReader(cut.append(nil))
			var again descent
			if again.read(read); read.Close() != nil || again != cut {
				t.Fatalf("event %d: read %+v, %v; want %+v", i, again, read.Err(), cut)
			}
			cut = again
		}
	}
	if whole != cut {
		t.Errorf("cut %+v, whole %+v", cut, whole)
	}
}

// A model without a norm has no ratio of updates.
func TestDescentWithoutNorm(t *testing.T) {
	var d descent
	for range 1000 {
		d.observe(nil, &event.Step{Loss: 1, GradNorm: 1, UpdateNorm: 1})
	}
	if r := d.report(); r.WeightNorm != 0 || r.UpdateRatio != 0 || r.GradRatio != 1 {
		t.Errorf("%+v", r)
	}
}

func BenchmarkDescent(b *testing.B) {
	var d descent
	s := event.Step{Loss: 0.3, GradNorm: 1.5, UpdateNorm: 0.01}
	for b.Loop() {
		d.observe(swept{n: 1 << 18}, &s)
	}
}
