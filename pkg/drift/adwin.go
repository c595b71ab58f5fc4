package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// ADWINParams are the parameters of ADWIN, with River's names and defaults.
type ADWINParams struct {
	// Delta is the confidence of one comparison of two windows. Default 0.002.
	Delta float64 `koanf:"delta"`
	// Clock is how many values lie between two checks. Default 32.
	Clock int `koanf:"clock"`
	// MaxBuckets is how many buckets of one size are kept before two are
	// merged. Default 5. More find the point of change more finely.
	MaxBuckets int `koanf:"max_buckets"`
	// MinWindowLength is the least length of a window that is compared. Default 5.
	MinWindowLength int `koanf:"min_window_length"`
	// GracePeriod is how many values are seen before the first check. Default 10.
	GracePeriod int `koanf:"grace_period"`
	// Mode is the direction of change that alarms: both (default), up or down.
	// A change in the other direction shortens the window silently.
	Mode string `koanf:"mode"`
}

// DefaultADWINParams returns the defaults.
func DefaultADWINParams() ADWINParams {
	return ADWINParams{Delta: 0.002, Clock: 32, MaxBuckets: 5, MinWindowLength: 5, GracePeriod: 10, Mode: ModeBoth}
}

// Validate returns an error that names the key, the value and what is allowed.
func (p *ADWINParams) Validate() error {
	const most = 1_000_000
	switch {
	case !(p.Delta > 0 && p.Delta < 1):
		return fmt.Errorf("delta: %v: must be between 0 and 1, both excluded", p.Delta)
	case p.Clock < 1 || p.Clock > most:
		return fmt.Errorf("clock: %d: must be between 1 and %d", p.Clock, most)
	case p.MaxBuckets < 2 || p.MaxBuckets > 1_000:
		return fmt.Errorf("max_buckets: %d: must be between 2 and 1000", p.MaxBuckets)
	case p.MinWindowLength < 1 || p.MinWindowLength > most:
		return fmt.Errorf("min_window_length: %d: must be between 1 and %d", p.MinWindowLength, most)
	case p.GracePeriod < 0 || p.GracePeriod > most:
		return fmt.Errorf("grace_period: %d: must be between 0 and %d", p.GracePeriod, most)
	}
	return validateMode(p.Mode)
}

// adwinRows bounds the window at about MaxBuckets 2^adwinRows values.
const adwinRows = 40

// ADWIN is adaptive windowing (Bifet, Gavalda 2007,
// https://doi.org/10.1137/1.9781611972771.42): it keeps a window of recent
// values, summarised in buckets of exponentially growing size, and raises an
// alarm when two parts of it have means too different for one distribution.
//
// Definition followed: River 0.22 and later (the loop over the buckets runs to
// the last one, as in MOA): after an alarm the window starts anew.
// https://riverml.xyz/latest/api/drift/ADWIN/
type ADWIN struct {
	p                ADWINParams
	upward, downward bool

	// Row i holds count[i] buckets of 2^i values each, oldest first; bucket k
	// of it is element i*(MaxBuckets+1)+k of sums and spreads.
	sums, spreads []float64 // sum, and sum of squared deviations from the mean, of a bucket
	count         [adwinRows]int
	rows          int // rows in use

	width    float64 // values in the window
	total    float64 // their sum
	variance float64 // their sum of squared deviations from the mean
	tick     int     // values since the last check
}

// NewADWIN returns a detector in its initial state.
func NewADWIN(p ADWINParams) (*ADWIN, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("adwin: %w", err)
	}
	n := adwinRows * (p.MaxBuckets + 1)
	d := &ADWIN{
		p: p, upward: p.Mode != ModeDown, downward: p.Mode != ModeUp,
		sums: make([]float64, n), spreads: make([]float64, n),
	}
	d.Reset()
	return d, nil
}

// Domain implements Detector.
func (d *ADWIN) Domain() Domain { return AnyNumber }

// Reset implements Detector.
func (d *ADWIN) Reset() {
	d.count = [adwinRows]int{}
	d.rows = 1
	d.width, d.total, d.variance, d.tick = 0, 0, 0, 0
}

// Observe implements Detector. There are no warnings.
func (d *ADWIN) Observe(x float64) Level {
	d.insert(clamp(x))
	d.tick++
	if d.tick < d.p.Clock {
		return Stable
	}
	d.tick = 0
	if d.width <= float64(d.p.GracePeriod) {
		return Stable
	}
	alarm := false
	for {
		cut, rose := d.findCut()
		if !cut {
			break
		}
		alarm = alarm || rose && d.upward || !rose && d.downward
		d.dropOldest()
	}
	if alarm {
		d.Reset()
		return Drift
	}
	return Stable
}

func (d *ADWIN) insert(x float64) {
	d.push(0, x, 0)
	d.width++
	if d.width > 1 {
		dev := x - d.total/(d.width-1)
		d.variance += float64((d.width-1)*dev*dev) / d.width
	}
	d.total += x
	d.compress()
}

func (d *ADWIN) push(row int, sum, spread float64) {
	i := row*(d.p.MaxBuckets+1) + d.count[row]
	d.sums[i], d.spreads[i] = sum, spread
	d.count[row]++
}

// drop removes the n oldest buckets of a row.
func (d *ADWIN) drop(row, n int) {
	from := row * (d.p.MaxBuckets + 1)
	to := from + d.count[row]
	copy(d.sums[from:to], d.sums[from+n:to])
	copy(d.spreads[from:to], d.spreads[from+n:to])
	d.count[row] -= n
}

// compress merges the two oldest buckets of every row that is over-full into
// one of the next row.
func (d *ADWIN) compress() {
	for row := 0; row < d.rows && d.count[row] > d.p.MaxBuckets; row++ {
		if row == adwinRows-1 {
			d.dropOldest()
			return
		}
		d.rows = max(d.rows, row+2)
		i := row * (d.p.MaxBuckets + 1)
		n := size(row)
		diff := d.sums[i]/n - d.sums[i+1]/n
		d.push(row+1, d.sums[i]+d.sums[i+1], d.spreads[i]+d.spreads[i+1]+float64(n*n*diff*diff)/(n+n))
		d.drop(row, 2)
	}
}

// dropOldest removes the oldest bucket from the window.
func (d *ADWIN) dropOldest() {
	row := d.rows - 1
	i := row * (d.p.MaxBuckets + 1)
	n := size(row)
	d.width -= n
	d.total -= d.sums[i]
	diff := d.sums[i]/n - d.total/d.width
	d.variance -= d.spreads[i] + float64(n*d.width*diff*diff)/(n+d.width)
	d.drop(row, 1)
	if d.count[row] == 0 {
		d.rows--
	}
}

// findCut looks, from the oldest value on, for a place where the means of the
// values before and after differ too much; rose tells that the later is larger.
func (d *ADWIN) findCut() (cut, rose bool) {
	n0, sum0, n1, sum1 := 0.0, 0.0, d.width, d.total
	least := float64(d.p.MinWindowLength)
	confidence := portable.Log(2 * portable.Log(d.width) / d.p.Delta)
	for row := d.rows - 1; row >= 0; row-- {
		n := size(row)
		from := row * (d.p.MaxBuckets + 1)
		for _, sum := range d.sums[from : from+d.count[row]] {
			n0, n1 = n0+n, n1-n
			sum0, sum1 = sum0+sum, sum1-sum
			if n0 < least || n1 < least {
				continue
			}
			diff := sum0/n0 - sum1/n1
			if math.Abs(diff) > d.epsilon(n0, n1, confidence) {
				return true, diff < 0
			}
		}
	}
	return false, false
}

// epsilon is the difference of means that chance explains.
func (d *ADWIN) epsilon(n0, n1, confidence float64) float64 {
	least := float64(d.p.MinWindowLength)
	m := 1/(n0-least+1) + 1/(n1-least+1)
	v := d.variance / d.width // below 0 by rounding: not a number, which no difference exceeds
	return math.Sqrt(float64(2*m*v*confidence)) + float64(2.0/3.0*confidence*m)
}

// size is the number of values in a bucket of the row.
func size(row int) float64 { return float64(uint64(1) << row) }
