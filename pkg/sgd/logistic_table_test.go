package sgd

import (
	"math"
	"testing"
)

func TestReadLogistic(t *testing.T) {
	for _, y := range []float64{0, 1} {
		worstLoss, worstGrad := 0.0, 0.0
		for z := -20.0; z <= 20; z += 1.0 / 512 {
			loss, grad := readLogistic(z, y)
			sz := (2*y - 1) * z
			worstLoss = max(worstLoss, math.Abs(loss-(math.Log1p(math.Exp(-math.Abs(sz)))+max(0, -sz))))
			worstGrad = max(worstGrad, math.Abs(grad+(2*y-1)/(1+math.Exp(sz))))
		}
		if !(worstLoss < 3e-11 && worstGrad < 3e-9) {
			t.Errorf("label %v: errors up to %g of the loss, %g of the gradient", y, worstLoss, worstGrad)
		}
	}
	for _, z := range []float64{0, tableEnd, 700, math.MaxFloat64} {
		for _, sz := range []float64{z, -z} {
			loss, grad := readLogistic(sz, 1)
			if _, l, g, _ := logistic(sz, 1); math.Abs(loss-l) > 3e-11 || math.Abs(grad-g) > 3e-9 || math.IsInf(loss, 0) {
				t.Errorf("at %g: loss %v and gradient %v instead of %v and %v", sz, loss, grad, l, g)
			}
		}
	}
	if loss, grad := readLogistic(math.NaN(), 1); loss == loss || grad == grad {
		t.Errorf("at NaN: loss %v and gradient %v", loss, grad)
	}
}

func BenchmarkReadLogistic(b *testing.B) {
	for _, f := range []struct {
		name string
		of   func(z, y float64) float64
	}{
		{"table", func(z, y float64) float64 { l, g := readLogistic(z, y); return l + g }},
		{"exact", func(z, y float64) float64 { _, l, g, _ := logistic(z, y); return l + g }},
	} {
		b.Run(f.name, func(b *testing.B) {
			sum, seed := 0.0, uint64(1)
			for b.Loop() {
				seed = seed*6364136223846793005 + 1442695040888963407
				z, y := float64(int32(seed>>32))/(1<<29), float64(seed>>63)
				sum += f.of(z, y)
			}
			if sum != sum {
				b.Fatal(sum)
			}
		})
	}
}
