package ope

import "errors"

// The running sums, by index. x is the reward scaled to [0, 1]; W = g w.
const (
	rows     = iota // decisions
	events          // n = sum g
	sumX            // sum g x
	sumW            // sum W
	sumW2           // sum W^2
	sumWX           // sum W x
	sumW2X          // sum W^2 x
	sumW2X2         // sum W^2 x^2
	variLow         // confidence sequence: sum (W x - its prediction)^2
	variHigh        // and of W (1-x)
	matches         // replay: sum g over w with a target probability of 1
	matchedR        // replay: sum g r over these
	clippedN        // decisions with a weight above Clip
	switched        // decisions with a weight above Switch
	sumG2           // sum g^2
	sumG2D          // sum g^2 dm
	sumG2DW         // sum g^2 dm w
	sumG2DWE        // sum g^2 dm w e
	sumG2W          // sum g^2 w
	sumG2WE         // sum g^2 w e
	sumWE           // sum W e
	sumW2E          // sum W^2 e
	sumW2E2         // sum W^2 e^2
	means           // then sum and sum of squares of g v, for each of meanOf
	sumCount = means + 2*meanCount
)

const meanCount = 8

// meanOf maps the estimators that are the mean of one value v for each decision to their place.
var meanOf = [estimatorCount]int{IPS: 0, ClippedIPS: 1, DM: 2, DR: 3, SwitchDR: 4, DROS: 5, SubGaussianIPS: 6, SubGaussianDR: 7}

// Evaluation holds the sums for one target policy. It is made by New.
type Evaluation struct {
	config    Config
	sums      [sumCount]float64
	maxWeight float64 // largest W
}

// New returns an evaluation without decisions.
func New(c Config) (*Evaluation, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Evaluation{config: c}, nil
}

// Config returns the settings.
func (e *Evaluation) Config() Config { return e.config }

// Add counts a decision, or changes nothing and says why it cannot.
func (e *Evaluation) Add(d Decision) Problem {
	c, s := &e.config, &e.sums
	if problem := c.Check(d); problem != None {
		return problem
	}
	g := 1 / (1 - d.Dropped)
	w := d.Target / d.Propensity
	x := min(1, (d.Reward-c.RewardMin)/(c.RewardMax-c.RewardMin))
	residual := d.Reward - d.Logged
	W := float64(g * w)

	e.addConfidence(g, W, x)
	s[rows]++
	s[events] += g
	s[sumX] += float64(g * x)
	s[sumW] += W
	s[sumW2] += float64(W * W)
	s[sumWX] += float64(W * x)
	s[sumW2X] += float64(W * W * x)
	s[sumW2X2] += float64(W * x * W * x)
	if d.Target == 1 && !d.Density {
		s[matches] += g
		s[matchedR] += float64(g * d.Reward)
	}
	if w > c.Clip {
		s[clippedN]++
	}
	if w > c.Switch {
		s[switched]++
	}
	e.maxWeight = max(e.maxWeight, W)

	e.addModel(g, W, d.Expected, residual)
	e.addMean(IPS, g, float64(w*d.Reward))
	e.addMean(ClippedIPS, g, float64(c.clip(w)*d.Reward))
	e.addMean(DM, g, d.Expected)
	e.addMean(DR, g, d.Expected+float64(w*residual))
	e.addMean(SwitchDR, g, d.Expected+float64(c.keep(w)*residual))
	e.addMean(DROS, g, d.Expected+float64(c.shrink(w)*residual))
	e.addMean(SubGaussianIPS, g, float64(c.subGaussian(w)*d.Reward))
	e.addMean(SubGaussianDR, g, d.Expected+float64(c.subGaussian(w)*residual))
	return None
}

func (e *Evaluation) addMean(k Estimator, g, v float64) {
	at := means + 2*meanOf[k]
	v = float64(g * v)
	e.sums[at] += v
	e.sums[at+1] += float64(v * v)
}

var errOtherConfig = errors.New("ope: evaluations with different settings cannot be merged: give all partitions the same")

// Merge adds the decisions of another evaluation with the same settings.
func (e *Evaluation) Merge(o *Evaluation) error {
	if e.config != o.config {
		return errOtherConfig
	}
	for i, v := range o.sums {
		e.sums[i] += v
	}
	e.maxWeight = max(e.maxWeight, o.maxWeight)
	return nil
}

// largestSum is above every sum of a log of 2^53 decisions within the bounds of Config.Check.
const largestSum = 1e180

var errImpossible = errors.New("ope: the sums belong to no log: the state is damaged")
