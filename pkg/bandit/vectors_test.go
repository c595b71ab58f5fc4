package bandit

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// vectors reads a file of reference values, whose origin it names itself.
func vectors(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "bandit_vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Errorf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

// The true probabilities for the posteriors of stitchfix/mab's tests and for
// others (computed with scipy). The test's own literals are off by up to 5.5e-4, those of six normals by more.
func TestThompsonVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Dist    string
			Params  [][2]float64
			Expect  []float64
			Precise []float64 `json:"expect_hi_precision"`
			Tol     float64
		}
	}
	vectors(t, "thompson_probs.json", &file)
	for i, c := range file.Cases {
		name := fmt.Sprintf("case %d", i)
		if c.Dist == "beta" {
			want := c.Precise
			if want == nil {
				want = c.Expect
			}
			var posterior []beta
			for _, p := range c.Params {
				posterior = append(posterior, beta{p[0], p[1]})
			}
			near(t, name, bestProbabilities(newRule(), posterior, nil), want, 1e-9)
			continue
		}
		var mean, sd []float64
		for _, p := range c.Params {
			mean, sd = append(mean, p[0]), append(sd, p[1])
		}
		near(t, name, integrateNormals(newRule(), mean, sd, nil), c.Expect, c.Tol)
	}
	if len(file.Cases) != 7 {
		t.Errorf("%d cases checked", len(file.Cases))
	}
}

// A, its inverse, b, theta and the bounds of MABWiser's LinUCB (Apache-2.0) on
// contexts without intercept and standardisation.
func TestLinUCBVectors(t *testing.T) {
	var file struct {
		LinUCB []struct {
			Alpha     float64
			Lambda    float64 `json:"l2_lambda"`
			Arms      []int
			Decisions []int
			Rewards   []float64
			Contexts  [][]float64
			Query     [][]float64
			Expect    [][]float64 `json:"expect_ucb"`
			State     map[string]struct {
				A     [][]float64
				AInv  [][]float64 `json:"A_inv"`
				B     []float64   `json:"b"`
				Theta []float64
			}
		}
	}
	vectors(t, "mabwiser_linear.json", &file)
	if len(file.LinUCB) != 3 {
		t.Fatalf("%d cases", len(file.LinUCB))
	}
	for i, c := range file.LinUCB {
		cfg := Default()
		cfg.Arms = []string{"1", "2", "3"}
		cfg.Alpha, cfg.Lambda, cfg.Intercept, cfg.Standardize, cfg.Extreme = c.Alpha, c.Lambda, false, "off", 0
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for k, d := range c.Decisions {
			e := contextEvent(c.Contexts[k])
			e.Arm, e.Prob, e.Label, e.Labelled = d-1, 1, c.Rewards[k], true
			if s := m.Learn(e); s.Reject != nil {
				t.Fatal(s.Reject)
			}
		}
		lin := m.live.(*linear)
		for a := range cfg.Arms {
			want, got := c.State[cfg.Arms[a]], &lin.full[a]
			name := fmt.Sprintf("case %d arm %s ", i, cfg.Arms[a])
			near(t, name+"b", vectorB(got), want.B, 1e-9)
			near(t, name+"theta", got.theta, want.Theta, 1e-9)
			for r := range want.A {
				near(t, name+"A", product(got)[r], want.A[r], 1e-9)
				near(t, name+"A^-1", inverse(got)[r], want.AInv[r], 1e-9)
			}
		}
		for k, q := range c.Query {
			near(t, fmt.Sprintf("case %d query %d", i, k), bounds(lin, contextEvent(q)), c.Expect[k], 1e-9)
		}
	}
}

// bounds returns the upper confidence bounds of all arms.
func bounds(s *linear, e *event.Event) []float64 {
	z, sd := make([]float64, s.arms.len()), make([]float64, s.arms.len())
	s.margins(e, nil, 0, z, sd)
	for i := range z {
		z[i] += s.cfg.Alpha * sd[i]
	}
	return z
}

func vectorB(f *ldl) []float64 {
	var s sums
	f.expand(&s, 0)
	return s.b
}

// contextEvent returns an event with numeric fields x0, x1, ...
func contextEvent(x []float64) *event.Event {
	e := &event.Event{}
	e.Reset()
	for i, v := range x {
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String(fmt.Sprintf("x%d", i)), Value: v})
	}
	return e
}

// product returns A = L D L'.
func product(f *ldl) [][]float64 {
	var s sums
	f.expand(&s, 0)
	out := make([][]float64, f.n)
	for i := range out {
		out[i] = make([]float64, f.n)
		for j := range out[i] {
			out[i][j] = s.a[triangle(max(i, j))+min(i, j)]
		}
	}
	return out
}

// inverse returns A^-1, column by column, which is also row by row.
func inverse(f *ldl) [][]float64 {
	out := make([][]float64, f.n)
	for i := range out {
		x := make([]float64, f.n)
		x[i] = 1
		f.forward(x)
		for k, d := range f.d {
			x[k] /= d
		}
		f.backward(x)
		out[i] = x
	}
	return out
}

// Literal values of VW's explore_test.cc.
func TestExploreVectors(t *testing.T) {
	var file struct {
		Tol   float64
		Cases []struct {
			Fn         string
			Eps        float64
			Epsilon    float64
			Lambda     float64 `json:"lambda_"`
			Scores     []float64
			Counts     []float64 `json:"top_counts"`
			Top, N     int
			Size       int  `json:"n_pmf"`
			UpdateZero bool `json:"update_zero"`
			Seed       any
			PMF        []float64
			Expect     []float64
			ExpectPMF  []float64 `json:"expect_pmf"`
			Index      int       `json:"expect_index"`
			Tolerance  float64   `json:"tol"`
		}
	}
	vectors(t, "explore_pmf.json", &file)
	checked := 0
	for i, c := range file.Cases {
		got, want, tol := c.PMF, c.Expect, file.Tol
		switch c.Fn {
		case "epsilon_greedy":
			got, tol = make([]float64, c.N), c.Tolerance
			got[min(c.Top, c.N-1)] = 1 // VW clamps the index
			epsilonGreedy(got, c.Epsilon)
		case "softmax":
			got = c.Scores
			softmax(got, c.Lambda)
			want = want[:len(got)] // VW fills up with 0
		case "bag":
			got = make([]float64, len(want))
			copy(got, c.Counts)
			votes(got)
		case "enforce_minimum_probability":
			enforceFloor(got, c.Eps, !c.UpdateZero)
		case "mix_with_uniform":
			mixUniform(got, c.Eps)
		case "sample_after_normalizing":
			want = c.ExpectPMF
			Normalize(got)
			state := uint64(7791)
			if text, ok := c.Seed.(string); ok {
				state = uint64(murmur3([]byte(text), 0))
			}
			if arm := Choose(got, merand48(&state)); arm != c.Index {
				t.Errorf("case %d: arm %d, want %d", i, arm, c.Index)
			}
		case "swap_chosen": // VW puts the chosen action first; here it is named
			state := uint64(7791)
			arm := Choose(got, merand48(&state))
			got[0], got[arm] = got[arm], got[0]
		case "sampling_frequency":
			got, tol = make([]float64, len(c.PMF)), c.Tolerance
			for k := range 10000 {
				state := uint64(murmur3(fmt.Appendf(nil, "abcde%d", k), 0))
				got[Choose(c.PMF, merand48(&state))] += 1. / 10000
			}
			want = c.PMF
		default:
			t.Errorf("case %d: unknown function %q", i, c.Fn)
			continue
		}
		near(t, fmt.Sprintf("case %d, %s", i, c.Fn), got, want, tol)
		checked++
	}
	if checked != len(file.Cases) || checked < 25 {
		t.Errorf("%d cases of %d checked", checked, len(file.Cases))
	}
}

func TestHashVectors(t *testing.T) {
	var file struct {
		Text []struct {
			Text   string
			Seed   uint32
			Expect uint32
		} `json:"murmur3_x86_32"`
		Bytes []struct {
			Hex    string
			Seed   uint32
			Expect uint32
		} `json:"murmur3_bytes"`
		Merand struct {
			Start    uint64
			Sequence [][2]any `json:"sequence_u_and_state"`
		} `json:"merand48"`
		Decision struct {
			Cases []struct {
				App   string `json:"app_id"`
				Event string `json:"event_id"`
				U     float64
				PMF   []float64
				Index int
			}
		} `json:"decision_seed"`
	}
	vectors(t, "hash_prng.json", &file)
	for _, c := range file.Text {
		if got := murmur3([]byte(c.Text), c.Seed); got != c.Expect {
			t.Errorf("murmur3(%q, %d) = %d, want %d", c.Text, c.Seed, got, c.Expect)
		}
	}
	for _, c := range file.Bytes {
		b, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if got := murmur3(b, c.Seed); got != c.Expect {
			t.Errorf("murmur3(%s, %d) = %d, want %d", c.Hex, c.Seed, got, c.Expect)
		}
	}
	state := file.Merand.Start
	for i, want := range file.Merand.Sequence {
		u := merand48(&state)
		if u != want[0].(float64) || strconv.FormatUint(state, 10) != want[1].(string) {
			t.Errorf("merand48 number %d: %v, state %d; want %v", i, u, state, want)
		}
	}
	for _, c := range file.Decision.Cases {
		u := UniformVW([]byte(c.App), []byte(c.Event))
		if u != c.U || Choose(c.PMF, u) != c.Index {
			t.Errorf("%s %s: u %v, arm %d; want %v, %d", c.App, c.Event, u, Choose(c.PMF, u), c.U, c.Index)
		}
	}
	if len(file.Text) < 14 || len(file.Bytes) < 5 || len(file.Merand.Sequence) < 5 || len(file.Decision.Cases) < 4 {
		t.Error("the file has fewer cases than it had")
	}
}

// The first vectors of the reference implementation (https://github.com/veorq/SipHash, vectors.h), and that
// of the paper's appendix A: key 00 01 .. 0f, input 00 01 ...
func TestSipHash(t *testing.T) {
	var input [16]byte
	for i := range input {
		input[i] = byte(i)
	}
	k0, k1 := binary.LittleEndian.Uint64(input[:]), binary.LittleEndian.Uint64(input[8:])
	for n, want := range map[int]uint64{0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 2: 0x0d6c8009d9a94f5a, 3: 0x85676696d7fb7e2d, 15: 0xa129ca6149be45e5} {
		if got := sipHash(k0, k1, input[:n]); got != want {
			t.Errorf("%d bytes: %016x, want %016x", n, got, want)
		}
	}
}

func TestSquareCBVectors(t *testing.T) {
	var file struct {
		Cases []struct {
			Costs  []float64
			Gamma  float64
			Expect []float64
		}
	}
	vectors(t, "squarecb.json", &file)
	for i, c := range file.Cases {
		for k := range c.Costs {
			c.Costs[k] = -c.Costs[k]
		}
		squareCB(c.Costs, c.Gamma)
		near(t, fmt.Sprintf("case %d", i), c.Costs, c.Expect, 1e-12)
	}
	if len(file.Cases) < 20 {
		t.Errorf("%d cases", len(file.Cases))
	}
}
