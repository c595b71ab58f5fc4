package drift

import (
	"fmt"
	"slices"
	"sort"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// KSWINParams are the parameters of KSWIN, with River's names and defaults.
type KSWINParams struct {
	// Alpha is the error probability of one test; there is one at every value. Default 0.005.
	Alpha float64 `koanf:"alpha"`
	// WindowSize is how many values are kept. Default 100.
	WindowSize int `koanf:"window_size"`
	// StatSize is how many of the newest ones are compared with as many of the
	// older ones, drawn at random. Default 30.
	StatSize int `koanf:"stat_size"`
	// Seed of the drawing. Default 42; River's default is another one at every run.
	Seed int `koanf:"seed"`
}

// DefaultKSWINParams returns the defaults.
func DefaultKSWINParams() KSWINParams {
	return KSWINParams{Alpha: 0.005, WindowSize: 100, StatSize: 30, Seed: 42}
}

const (
	maxKSWindow    = 100_000
	maxKSSample    = 10_000 // above it the exact probability is no longer what River takes
	leastKSDistant = 0.1    // distance that is never called a drift
)

// Validate returns an error that names the key, the value and what is allowed.
func (p *KSWINParams) Validate() error {
	switch {
	case !(p.Alpha > 0 && p.Alpha < 1):
		return fmt.Errorf("alpha: %v: must be between 0 and 1, both excluded", p.Alpha)
	case p.StatSize < 2 || p.StatSize > maxKSSample:
		return fmt.Errorf("stat_size: %d: must be between 2 and %d", p.StatSize, maxKSSample)
	case p.WindowSize < 2*p.StatSize || p.WindowSize > maxKSWindow:
		return fmt.Errorf("window_size: %d: must be between %d (twice stat_size) and %d", p.WindowSize, 2*p.StatSize, maxKSWindow)
	case p.Seed < 0:
		return fmt.Errorf("seed: %d: must not be negative", p.Seed)
	}
	return nil
}

// KSWIN is Kolmogorov-Smirnov windowing (Raab, Heusinger, Schleif 2020,
// https://doi.org/10.1016/j.neucom.2019.11.111): at every value the newest
// StatSize values of a sliding window are compared with as many older ones,
// drawn without replacement, by the two-sample Kolmogorov-Smirnov test with
// its exact probability. It reports any change of the distribution, not only
// of the mean. After an alarm the window is emptied and the drawing starts anew.
// Definition followed: https://riverml.xyz/latest/api/drift/KSWIN/, including
// the random numbers of its seed.
type KSWIN struct {
	p      KSWINParams
	limit  int       // least difference of counts that alarms; above StatSize when none does
	window []float64 // a ring; oldest at head once it is full
	head   int
	rng    mersenne

	drawn, pool []int     // scratch of the drawing
	old, recent []float64 // scratch of the test
}

// NewKSWIN returns a detector in its initial state.
func NewKSWIN(p KSWINParams) (*KSWIN, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("kswin: %w", err)
	}
	n := p.StatSize
	d := &KSWIN{
		p: p, limit: ksLimit(n, p.Alpha), window: make([]float64, 0, p.WindowSize),
		drawn: make([]int, n), pool: make([]int, p.WindowSize-n), old: make([]float64, n), recent: make([]float64, n),
	}
	d.Reset()
	return d, nil
}

// Domain implements Detector.
func (d *KSWIN) Domain() Domain { return AnyNumber }

// Reset implements Detector.
func (d *KSWIN) Reset() {
	d.window, d.head = d.window[:0], 0
	d.rng.seed(uint64(d.p.Seed))
}

// Observe implements Detector. There are no warnings.
func (d *KSWIN) Observe(x float64) Level {
	x = clamp(x)
	if len(d.window) < d.p.WindowSize {
		d.window = append(d.window, x)
	} else {
		d.window[d.head] = x
		d.head = d.index(1)
	}
	if len(d.window) < d.p.WindowSize {
		return Stable
	}
	older := d.p.WindowSize - d.p.StatSize
	d.rng.sample(older, d.drawn, d.pool)
	for i, k := range d.drawn {
		d.old[i], d.recent[i] = d.window[d.index(k)], d.window[d.index(older+i)]
	}
	slices.Sort(d.old)
	slices.Sort(d.recent)
	if ksDistance(d.old, d.recent) >= d.limit {
		d.Reset()
		return Drift
	}
	return Stable
}

// index is where the k-th oldest value of a full window is.
func (d *KSWIN) index(k int) int { return (d.head + k) % d.p.WindowSize }

// ksDistance is the largest difference, over all x, of the numbers of values at
// most x in two sorted samples.
func ksDistance(a, b []float64) int {
	most := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		most = max(most, i-j, j-i)
	}
	return most
}

// ksLimit is the least distance of two samples of n that has at most the
// probability alpha by chance, and is above a tenth of n.
func ksLimit(n int, alpha float64) int {
	return 1 + sort.Search(n, func(i int) bool {
		h := i + 1
		return float64(h)/float64(n) > leastKSDistant && ksProbability(n, h) <= alpha
	})
}

// ksProbability is the probability that the distance of two samples of n from
// one continuous distribution is at least h: an alternating sum of ratios of
// binomial coefficients by Horner's scheme (Hodges 1958, eq. 5.1,
// https://doi.org/10.1007/BF02589501).
func ksProbability(n, h int) float64 {
	p := 0.0
	for k := n / h; k >= 0; k-- {
		a := 1.0
		for j := range h {
			a = float64(float64(n-k*h-j)*a) / float64(n+k*h+j+1)
		}
		p = a * (1 - p)
	}
	return 2 * p
}

func (d *KSWIN) header() [4]float64 {
	return [...]float64{d.p.Alpha, float64(d.p.WindowSize), float64(d.p.StatSize), float64(d.p.Seed)}
}

// AppendBinary implements Detector. The values are in the order in which they came.
func (d *KSWIN) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = appendHeader(b, h[:]...)
	b = wire.AppendUvarint(b, uint64(len(d.window)))
	for k := range d.window {
		b = wire.AppendFloat64(b, d.window[(d.head+k)%len(d.window)])
	}
	return d.rng.append(b), nil
}

// UnmarshalBinary implements Detector.
func (d *KSWIN) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	if r.Err() != nil {
		return r.Err()
	}
	n, err := NewKSWIN(d.p)
	if err != nil {
		return err
	}
	n.window = readInto(r, n.window)
	n.rng.read(r)
	if err := r.Close(); err != nil {
		return err
	}
	*d = *n
	return nil
}
