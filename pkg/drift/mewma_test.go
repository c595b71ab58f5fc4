package drift

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// The limits are those of published tables, to half a percent: EWMA charts by
// Lucas, Saccucci 1990 (https://doi.org/10.1080/00401706.1990.10484583, table
// 3, L for an average run length of 500), MEWMA charts by Prabhu, Runger 1997
// (https://doi.org/10.1080/00224065.1997.11979720, H for 200).
func TestMEWMALimitsOfTables(t *testing.T) {
	for _, c := range []struct {
		lambda, arl float64
		p           int
		limit       float64 // of T2
	}{
		{.03, 500, 1, 2.437 * 2.437},
		{.05, 500, 1, 2.615 * 2.615},
		{.1, 500, 1, 2.814 * 2.814},
		{.25, 500, 1, 2.998 * 2.998},
		{.05, 200, 2, 7.35},
		{.1, 200, 2, 8.64},
		{.2, 200, 2, 9.65},
		{.1, 200, 4, 12.73},
		{.1, 200, 10, 22.67},
		{.1, 200, 20, 37.01},
	} {
		got := math.Sqrt(mewmaLimit(c.lambda, c.arl, c.p))
		if want := math.Sqrt(c.limit); math.Abs(got/want-1) > .005 {
			t.Errorf("lambda %v, run length %v, %d coordinates: sqrt(T2) %.4f, tables have %.4f", c.lambda, c.arl, c.p, got, want)
		}
	}
}

// On correlated normal vectors the average run length is what was asked for,
// the reference's uncertainty included: not much less.
func TestMEWMARunLength(t *testing.T) {
	for _, c := range []struct {
		dim int
		p   MEWMAParams
	}{
		{1, MEWMAParams{Lambda: .05, ARL: 1_000, Reference: 2_000}},
		{3, MEWMAParams{Lambda: .1, ARL: 1_000, Reference: 4_000}},
	} {
		t.Run(fmt.Sprint(c.dim), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, uint64(c.dim)))
			const runs = 150
			events := 0
			j, x := make([]uint16, c.dim), make([]float64, c.dim)
			for i := range j {
				j[i] = uint16(i)
			}
			for range runs {
				d := made(t, func(p MEWMAParams) (Detector, error) { return NewMEWMAVector(p, c.dim) }, c.p).(*MEWMA)
				for i := 0; ; i++ {
					shared := rng.NormFloat64()
					for k := range x {
						x[k] = float64(k+1) * (3 + shared + rng.NormFloat64())
					}
					if d.ObserveScore(1, j, x) == Drift {
						events += i + 1 - c.p.Reference
						break
					}
				}
			}
			t.Logf("average run length %.0f", float64(events)/runs)
			if mean := float64(events) / runs; mean < 800 || mean > 1_800 {
				t.Errorf("average run length %.0f, asked for 1000", mean)
			}
		})
	}
}

// A change of direction within the reference's spread of every coordinate is
// found by the vector, and by no coordinate alone.
func TestMEWMASeesDirections(t *testing.T) {
	p := MEWMAParams{Lambda: .05, ARL: 10_000, Reference: 2_000}
	both, err := NewMEWMAVector(p, 4)
	if err != nil {
		t.Fatal(err)
	}
	alone := made(t, NewMEWMA, p)
	rng := rand.New(rand.NewPCG(9, 9))
	j := []uint16{0, 2, 3} // 3 is twice 2, and takes no part
	for i := range 2_300 {
		shared := 3 * rng.NormFloat64()
		a, b := shared+rng.NormFloat64(), shared+rng.NormFloat64()
		if i >= 2_000 {
			a, b = a+.7, b-.7
		}
		found := both.ObserveScore(1, j, []float64{a, b, 2 * b}) == Drift
		if alone.Observe(a) == Drift {
			t.Fatalf("one coordinate alarms at %d", i)
		}
		if found {
			if i < 2_000 {
				t.Fatalf("alarm at %d", i)
			}
			return
		}
		if i == 2_000 && len(both.active) != 2 {
			t.Fatalf("active coordinates %v, want 0 and 2", both.active)
		}
	}
	t.Error("the change was not found")
}

// The factor is that of the covariance: T2 of one vector is the Mahalanobis
// distance, computed by hand.
func TestMEWMAStatistic(t *testing.T) {
	d, err := NewMEWMAVector(MEWMAParams{Lambda: .25, ARL: 1e9, Reference: 20}, 2)
	if err != nil {
		t.Fatal(err)
	}
	j := []uint16{0, 1}
	ca, cb, cab := 0.0, 0.0, 0.0 // the covariance; the means are 0
	for i := range 20 {
		a := float64(1 - 2*(i%2))
		b := 2 * a
		if i%4 > 1 && i >= 12 {
			b = -b
		}
		ca, cb, cab = ca+a*a/19, cb+b*b/19, cab+a*b/19
		d.ObserveScore(1, j, []float64{a, b})
	}
	d.ObserveScore(1, j, []float64{4, -2})
	z0, z1 := .25*4, .25*-2
	det := ca*cb - cab*cab
	want := (z0*z0*cb - 2*z0*z1*cab + z1*z1*ca) / det / (.25/1.75 + 1./20)
	if math.Abs(d.Statistic()-want) > 1e-9*want {
		t.Errorf("T2 %v, want %v", d.Statistic(), want)
	}
}
