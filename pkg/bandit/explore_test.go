package bandit

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// trainedOn returns a model that has learned n events.
func trainedOn(t testing.TB, c Config, n int) (*Model, event.Event) {
	t.Helper()
	m := newModel(t, c)
	r := rand.New(rand.NewPCG(41, 42))
	var e event.Event
	for range n {
		e.Reset()
		if c.Features == Disjoint {
			fill(r, &e)
		} else {
			fillActions(r, &e)
		}
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
	}
	return m, e
}

// However much was learned, the probabilities are numbers, and the better arm has more.
func TestHeavyCountsStayFinite(t *testing.T) {
	for _, policy := range []string{Thompson, Ladder, Normal, UCB1, KLUCB, EXP3, EXP3IX} {
		for _, weight := range []float64{1e3, 1e9, 1e100} {
			m := newModel(t, config(policy, 2))
			for i := range 4 {
				e := event.Event{Weight: weight, Labelled: true, Label: float64(i % 2), Arm: i % 2, Prob: 0.5}
				if s := m.Learn(&e); s.Reject != nil {
					t.Fatal(s.Reject)
				}
			}
			p := m.Distribution(&event.Event{}, nil, nil)
			if !(math.Abs(p[0]+p[1]-1) < 1e-12 && p[1] > 0.9) {
				t.Errorf("%s after events of weight %v: %v", policy, weight, p)
			}
		}
	}
}

// With any arms eligible, the others have nothing and the rest is a distribution above its floor.
func TestEligible(t *testing.T) {
	for name, c := range configurations() {
		if c.Continuous() { // its arms are bins, which are all eligible
			continue
		}
		m, e := trainedOn(t, c, 100)
		for set := range 16 {
			eligible, n := make([]bool, 4), 0.
			for a := range eligible {
				if eligible[a] = set>>a&1 == 1; eligible[a] {
					n++
				}
			}
			sum := 0.
			for a, p := range m.Distribution(&e, eligible, nil) {
				if eligible[a] && p < c.Floor/n-1e-15 || !eligible[a] && p != 0 {
					t.Errorf("%s: arm %d has %v of the arms %v", name, a, p, eligible)
				}
				sum += p
			}
			if n > 0 && math.Abs(sum-1) > 1e-12 || n == 0 && sum != 0 {
				t.Errorf("%s: the arms %v add up to %v", name, eligible, sum)
			}
		}
		all := []bool{true, true, true, true}
		near(t, name, m.Distribution(&e, all, nil), m.Distribution(&e, nil, nil), 0)
	}
}

// What a reader opens gives the probabilities of the learner, bit for bit.
func TestPolicyIsTheModel(t *testing.T) {
	for name, c := range configurations() {
		c.Salt = name
		m, e := trainedOn(t, c, 150)
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := OpenPolicy(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, eligible := range [][]bool{nil, {true, false, true, true}} {
			near(t, name, p.Distribution(&e, eligible, nil), m.Distribution(&e, eligible, nil), 0)
		}
		if p.Arms()[2] != m.ArmNames()[2] || p.Config().Policy != c.Policy || p.Uniform([]byte("id")) != NewKey(name).Uniform([]byte("id")) {
			t.Errorf("%s: %v, %v", name, p.Arms(), p.Config())
		}
	}
}

// The same decision draws the same, another one anew; the shares of draws are those of the integrals.
func TestDrawsAgreeWithIntegrals(t *testing.T) {
	for _, policy := range []string{LinTS, Logistic} {
		c := config(policy, 4)
		c.Floor, c.Spread = 0, 1
		m, e := trainedOn(t, c, 60)
		first := m.Distribution(&e, nil, nil)
		near(t, "the same decision", m.Distribution(&e, nil, nil), first, 0)
		mean, differs := make([]float64, 4), false
		const decisions = 200
		for i := range decisions {
			e.ID = append(e.ID[:0], byte(i), byte(i>>4))
			for a, p := range m.Distribution(&e, nil, nil) {
				mean[a] += p / decisions
				differs = differs || p != first[a]
			}
		}
		c.Draws = 0
		exact, _ := trainedOn(t, c, 60)
		near(t, policy, mean, exact.Distribution(&e, nil, nil), 4*.5/math.Sqrt(128*decisions))
		if !differs {
			t.Errorf("%s: every decision draws the same", policy)
		}
	}
}

// Shared weights are drawn for all arms at once: the share of wins of two arms is the normal
// probability with the variance of the difference, (x-y)'A^-1 (x-y).
func TestCorrelatedDraws(t *testing.T) {
	for _, matrix := range []string{"full", "diagonal"} {
		c := config(LinTS, 4)
		c.Features, c.Matrix, c.Floor, c.Spread, c.Interactions = Shared, matrix, 0, 1, false
		m, e := trainedOn(t, c, 40)
		s := m.live.(*linear)
		var xs [2][]float64
		for a := range xs {
			pairs, _, _ := s.features.place(s.features.scored(&e, nil), &e, a, false, nil)
			xs[a] = make([]float64, s.features.len())
			scatter(xs[a], pairs)
		}
		diff, margin, variance := make([]float64, len(xs[0])), 0., 0.
		for i := range diff {
			diff[i] = xs[0][i] - xs[1][i]
			if matrix == "diagonal" {
				margin += diff[i] * s.diagonal[0].theta[i]
				variance += diff[i] * diff[i] / s.diagonal[0].q[i]
			}
		}
		if matrix == "full" {
			margin = s.full[0].predict(diff)
			variance = s.full[0].variance(diff, c.Lambda)
		}
		want, got := distuv.UnitNormal.CDF(margin/math.Sqrt(variance)), 0.
		const decisions = 200
		for i := range decisions {
			e.ID = append(e.ID[:0], byte(i), 7)
			got += m.Distribution(&e, []bool{true, true, false, false}, nil)[0] / decisions
		}
		if math.Abs(got-want) > 4*.5/math.Sqrt(128*decisions) {
			t.Errorf("%s: arm 0 wins %v of the draws, want %v", matrix, got, want)
		}
	}
}

// Two normals against the closed form, whatever their widths.
func TestNormalIntegrals(t *testing.T) {
	for _, c := range [][4]float64{{0, 1, 0, 1}, {1, .5, .8, .44}, {3, .001, 3.001, 2}, {-5, 1e-6, -5.000001, 1e-6}, {0, 1e3, 1, 1e-3}, {7, 0, 8, 0}} {
		p := integrateNormals(newRule(), []float64{c[0], c[2]}, []float64{c[1], c[3]}, nil)
		want := 0.
		if c[1] > 0 {
			want = distuv.UnitNormal.CDF((c[0] - c[2]) / math.Hypot(c[1], c[3]))
		}
		near(t, "normals", p, []float64{want, 1 - want}, 1e-9)
	}
}

// Draws come from the distributions they are named after.
func TestDraws(t *testing.T) {
	const n = 20000
	var below [2][5]float64
	points := []float64{-2.5, -1, 0, .7, 2}
	for i := range n / 2 {
		u, v := normals(12345, i)
		for k, x := range points {
			for _, z := range []float64{u, v} {
				if z < x {
					below[0][k] += 1. / n
				}
			}
			for _, m := range []int{2 * i, 2*i + 1} {
				if studentDraw(777, m, 3) < x {
					below[1][k] += 1. / n
				}
			}
		}
	}
	student3 := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: 3}
	for k, x := range points {
		if d := below[0][k] - distuv.UnitNormal.CDF(x); math.Abs(d) > .016 {
			t.Errorf("normal: below %v are %v", x, below[0][k])
		}
		if d := below[1][k] - student3.CDF(x); math.Abs(d) > .016 {
			t.Errorf("student: below %v are %v", x, below[1][k])
		}
	}
	for _, p := range []float64{1.2e-10, 1e-6, .01, .074, .076, .3, .5, .9, .93, .999, 1 - 1e-10} {
		if got, want := quantile(p), distuv.UnitNormal.Quantile(p); math.Abs(got-want) > 2e-7*(1+math.Abs(want)) {
			t.Errorf("quantile of %v is %v, want %v", p, got, want)
		}
	}
}

// Hybrid LinUCB against algorithm 2 of Li et al. 2010, in its own form.
func TestHybridIsAlgorithm2(t *testing.T) {
	const k, d, arms, n = 2, 3, 3, 60 // shared and own features
	c := config(LinUCB, arms)
	c.Features, c.Interactions, c.Standardize, c.Extreme, c.Intercept = Hybrid, false, "off", 0, false
	m := newModel(t, c)
	r := rand.New(rand.NewPCG(51, 52))
	event1 := func() (event.Event, []float64, [][]float64) {
		e := *contextEvent([]float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()})
		var x []float64
		for _, f := range e.X.Dense {
			x = append(x, f.Value)
		}
		var zs [][]float64
		for range arms {
			z := []float64{r.NormFloat64(), r.NormFloat64()}
			e.Actions = append(e.Actions, event.Vector{Dense: []event.Feature{{Hash: 501, Value: z[0]}, {Hash: 502, Value: z[1]}}})
			zs = append(zs, z)
		}
		return e, x, zs
	}
	a0, b0 := eye(k), make([]float64, k)
	var as, bs [arms][][]float64 // A_a, B_a
	var ba [arms][]float64
	for a := range as {
		as[a], ba[a] = eye(d), make([]float64, d)
		for range d {
			bs[a] = append(bs[a], make([]float64, k))
		}
	}
	// fold adds sign B'A^-1 B to A_0 and sign B'A^-1 b to b_0.
	fold := func(a int, sign float64) {
		solved := solveDense(as[a], ba[a])
		for j := range k {
			column := make([]float64, d)
			for i := range d {
				column[i] = bs[a][i][j]
			}
			s := solveDense(as[a], column)
			for i := range d {
				b0[j] += sign * bs[a][i][j] * solved[i]
				for l := range k {
					a0[l][j] += sign * bs[a][i][l] * s[i]
				}
			}
		}
	}
	for i := range n {
		e, x, zs := event1()
		if i > 0 { // before the first event our index knows no features
			got := bounds(m.live.(*linear), &e)
			beta := solveDense(a0, b0)
			for a := range arms {
				if as[a][0][0] == 1 {
					continue // an arm that was never played: its own features are unknown to us, with the same variance
				}
				rest := append([]float64(nil), ba[a]...)
				bx := make([]float64, k) // B'A^-1 x
				ax := solveDense(as[a], x)
				for p := range d {
					for q := range k {
						rest[p] -= bs[a][p][q] * beta[q]
						bx[q] += bs[a][p][q] * ax[p]
					}
				}
				theta := solveDense(as[a], rest)
				z0, z1 := solveDense(a0, zs[a]), solveDense(a0, bx)
				mean, s := 0., 0.
				for q := range k {
					mean += zs[a][q] * beta[q]
					s += zs[a][q]*z0[q] - 2*zs[a][q]*z1[q] + bx[q]*z1[q]
				}
				for p := range d {
					mean += x[p] * theta[p]
					s += x[p] * ax[p]
				}
				near(t, "bound", got[a:a+1], []float64{mean + c.Alpha*math.Sqrt(s)}, 1e-8)
			}
		}
		e.Arm, e.Prob, e.Label, e.Labelled = r.IntN(arms), .3, r.Float64(), true
		if s := m.Learn(&e); s.Reject != nil {
			t.Fatal(s.Reject)
		}
		a := e.Arm
		fold(a, 1)
		for p := range d {
			ba[a][p] += e.Label * x[p]
			for q := range d {
				as[a][p][q] += x[p] * x[q]
			}
			for q := range k {
				bs[a][p][q] += x[p] * zs[a][q]
			}
		}
		for p := range k {
			b0[p] += e.Label * zs[a][p]
			for q := range k {
				a0[p][q] += zs[a][p] * zs[a][q]
			}
		}
		fold(a, -1)
	}
}

func eye(n int) [][]float64 {
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, n)
		out[i][i] = 1
	}
	return out
}

// Scoring takes nothing from the heap, but for the integrals, correlated draws, and those of a ladder, which a Policy keeps.
func TestDistributionDoesNotAllocate(t *testing.T) {
	for name, c := range configurations() {
		if c.Policy == Thompson || c.Policy == Ladder || c.Draws == 0 || c.Policy == LinTS && c.Features != Disjoint {
			continue
		}
		m, e := trainedOn(t, c, 100)
		p := make([]float64, 0, 4)
		if n := testing.AllocsPerRun(50, func() { p = m.Distribution(&e, nil, p[:0]) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A wrong or foreign state is no policy.
func TestOpenPolicyRefuses(t *testing.T) {
	m, _ := trainedOn(t, config(LinUCB, 4), 10)
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPolicy(bytes.Repeat(b, 2)); err == nil {
		t.Error("twice the bytes are accepted")
	}
}

func BenchmarkDistribution(b *testing.B) {
	for _, policy := range []string{SquareCB, Greedy, LinUCB, LinTS, Logistic, Bag, Cover, Reinforce} {
		b.Run(policy, func(b *testing.B) {
			c := config(policy, 10)
			m, s := newModel(b, c), sim.Clicks(1, 10, 63)
			var e event.Event
			for i := range 2000 {
				s.Context(&e)
				e.Arm, e.Prob, e.Label, e.Labelled = i%10, .1, s.Reward(i%10), true
				m.Learn(&e)
			}
			e.ID = append(e.ID, "decision-4711"...)
			p := make([]float64, 0, 10)
			b.ReportAllocs()
			for b.Loop() {
				p = m.Distribution(&e, nil, p[:0])
			}
		})
	}
}
