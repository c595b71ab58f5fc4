package drift

import (
	"fmt"
	"math"
)

// MEWMAParams are the parameters of MEWMA.
type MEWMAParams struct {
	// Lambda is the weight of the newest value in the moving average. Default
	// 0.01. Larger finds large changes sooner, and trusts more in the values
	// having a normal distribution.
	Lambda float64 `koanf:"lambda"`
	// ARL is the average run length: at most one false alarm in so many values
	// after the reference, if they are independent and normal. Default 100,000.
	ARL float64 `koanf:"arl"`
	// Reference is how many values the later ones are compared with. Default 500.
	Reference int `koanf:"reference"`
}

const (
	// maxLambda bounds Lambda to where the limit is exact to half a percent.
	maxLambda = 0.25
	minARL    = 1_000
	// refPerCoordinate is how many values of the reference a coordinate needs,
	// so that its variances and covariances are known well enough.
	refPerCoordinate = 20
	maxReference     = 1_000_000
)

// DefaultMEWMAParams returns the defaults.
func DefaultMEWMAParams() MEWMAParams { return MEWMAParams{Lambda: 0.01, ARL: 100_000, Reference: 500} }

// Validate returns an error that names the key, the value and what is allowed.
func (p *MEWMAParams) Validate() error {
	switch {
	case !(p.Lambda >= 0.001 && p.Lambda <= maxLambda):
		return fmt.Errorf("lambda: %v: must be between 0.001 and %v", p.Lambda, maxLambda)
	case !(p.ARL >= minARL && p.ARL <= maxARL):
		return fmt.Errorf("arl: %v: must be between %d and %g", p.ARL, minARL, maxARL)
	case p.Reference < refPerCoordinate || p.Reference > maxReference:
		return fmt.Errorf("reference: %d: must be between %d and %d", p.Reference, refPerCoordinate, maxReference)
	}
	return nil
}

// MEWMA is the multivariate exponentially weighted moving average chart
// (Lowry, Woodall, Champ, Rigdon 1992, https://doi.org/10.2307/1269551) on
// vectors, in particular the score vectors of a model at frozen parameters
// (Zhang, Bui, Apley 2023, https://arxiv.org/abs/2012.06916). On a sequence of
// numbers it is the EWMA chart (Roberts 1959, https://doi.org/10.2307/1266443).
//
// From the first Reference vectors come the mean mu and the covariance S. Then
//
//	z <- (1 - lambda) z + lambda (x - mu)
//	T2 = z' V^-1 z,  V = (lambda/(2 - lambda) + 1/Reference) S
//
// is Hotelling's statistic; 1/Reference is the uncertainty of mu. It alarms
// above the limit that has the average run length ARL for independent normal
// vectors, and warns above the limit for a hundredth of it. Real score vectors
// are neither, so that false alarms are several times more frequent (Wu, Apley
// 2025, https://arxiv.org/abs/2507.16749, bootstrap a limit instead, at the
// price of many simulated runs). After an alarm it collects a new reference.
//
// A coordinate that is constant in the reference, or a linear combination of
// those before it, takes no part. A single constant number has its own size as
// standard deviation, or 1.
type MEWMA struct {
	p   MEWMAParams
	dim int

	n    int       // vectors of the reference
	mean []float64 // of the reference, one a coordinate
	// cov holds the lower triangle by rows: first the sums of products of the
	// deviations from the mean; once armed, over the active coordinates alone,
	// the Cholesky factor of S, with 1/diagonal in place of the diagonal.
	cov    []float64
	active []uint16  // coordinates that take part, ascending
	z      []float64 // of the active coordinates
	value  float64   // T2
	fired  float64   // T2 at the newest alarm; no part of the state

	warning, limit float64   // of T2; they follow from len(active)
	dense, y       []float64 // scratch
}

// NewMEWMA returns a chart on a sequence of numbers in its initial state.
func NewMEWMA(p MEWMAParams) (*MEWMA, error) { return NewMEWMAVector(p, 1) }

// NewMEWMAVector returns a chart on vectors with dim coordinates.
func NewMEWMAVector(p MEWMAParams, dim int) (*MEWMA, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("mewma: %w", err)
	}
	if dim < 1 || dim > math.MaxUint16+1 {
		return nil, fmt.Errorf("mewma: dimension %d: must be between 1 and %d", dim, math.MaxUint16+1)
	}
	d := &MEWMA{
		p: p, dim: dim, mean: make([]float64, dim), cov: make([]float64, dim*(dim+1)/2),
		active: make([]uint16, 0, dim), z: make([]float64, 0, dim), dense: make([]float64, dim), y: make([]float64, dim),
	}
	d.Reset()
	return d, nil
}

// Domain implements Detector.
func (d *MEWMA) Domain() Domain { return AnyNumber }

// Reset implements Detector.
func (d *MEWMA) Reset() {
	d.n, d.value = 0, 0
	clear(d.mean)
	d.cov = d.cov[:cap(d.cov)]
	clear(d.cov)
	d.active, d.z = d.active[:0], d.z[:0]
}

// Armed reports whether the reference is complete.
func (d *MEWMA) Armed() bool { return d.n == d.p.Reference }

// Statistic is T2 of the newest vector; 0 after an alarm and before the reference is complete.
func (d *MEWMA) Statistic() float64 { return d.value }

// Fired is T2 at the newest alarm.
func (d *MEWMA) Fired() float64 { return d.fired }

// Vector returns a chart with the same parameters on vectors with dim coordinates.
func (d *MEWMA) Vector(dim int) (*MEWMA, error) { return NewMEWMAVector(d.p, dim) }

// Threshold is the limit of the statistic; 0 before the reference is complete.
func (d *MEWMA) Threshold() float64 {
	if !d.Armed() {
		return 0
	}
	return d.limit
}

// Observe implements Detector.
func (d *MEWMA) Observe(x float64) Level {
	d.dense[0] = clamp(x)
	return d.observe()
}

// ObserveScore takes the score vector grad x of an event, with value x[i] at
// coordinate j[i] < dim and 0 elsewhere. It allocates nothing.
func (d *MEWMA) ObserveScore(grad float64, j []uint16, x []float64) Level {
	clear(d.dense)
	x = x[:len(j)]
	for i, c := range j {
		d.dense[c] += float64(grad * x[i])
	}
	for i, v := range d.dense {
		d.dense[i] = clamp(v)
	}
	return d.observe()
}

func (d *MEWMA) observe() Level {
	if !d.Armed() {
		d.collect()
		return Stable
	}
	lambda := d.p.Lambda
	for i, c := range d.active {
		d.z[i] = float64((1-lambda)*d.z[i]) + float64(lambda*(d.dense[c]-d.mean[c]))
	}
	d.value = d.hotelling()
	switch {
	case d.value > d.limit:
		d.fired = d.value
		d.Reset()
		return Drift
	case d.value > d.warning:
		return Warning
	}
	return Stable
}

// hotelling solves L y = z by forward substitution, S = L L', and returns y'y
// in units of the moving average's variance.
func (d *MEWMA) hotelling() float64 {
	t2, row := 0.0, d.cov
	for i, zi := range d.z {
		for j, yj := range d.y[:i] {
			zi -= float64(row[j] * yj)
		}
		v := min(max(float64(zi*row[i]), -maxWhitened), maxWhitened)
		d.y[i], row = v, row[i+1:]
		t2 += float64(v * v)
	}
	return t2 / (d.p.Lambda/(2-d.p.Lambda) + 1/float64(d.p.Reference))
}

// maxWhitened keeps the statistic finite after extreme values.
const maxWhitened = 1e50
