package metric

import (
	"math"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Task says what the predictions are, and so which figures apply.
type Task uint8

// The tasks.
const (
	Classification Task = iota // Step.Prediction is the probability of the positive class, Step.Label > 0 means positive
	Regression                 // Step.Prediction and Step.Label are values in the unit of the label
	Bandit                     // Step.Prediction is the expected reward of the chosen arm, Step.Label the reward
	MultiClass                 // Step.Class is the predicted class, Step.Label the index of the right one, Step.Probs the probabilities of all
	MultiLabel                 // Step.Probs are the probabilities of the labels, Step.Labels the right ones
	CostSensitive              // Step.Class is the predicted class, Step.Cost what it costs, Step.Regret how much that is above the lowest cost
)

func (t Task) String() string {
	return [...]string{"classification", "regression", "bandit", "multiclass", "multilabel", "cost-sensitive"}[t]
}

// Report is the figures so far. A figure that does not apply to the task, or
// is not defined for the events seen (no event at all, one class only), is nil
// and missing from the JSON form.
type Report struct {
	Loss *float64 `json:"loss,omitempty"` // mean of Step.Loss

	// Classification. The decision is positive at p >= Points.Threshold. Of MultiClass only
	// accuracy and log loss, which is that of the right class.
	Accuracy  *float64 `json:"accuracy,omitempty"`
	ROCAUC    *float64 `json:"roc_auc,omitempty"`       // area under the ROC curve, ties averaged
	AUCError  *float64 `json:"roc_auc_error,omitempty"` // binned mode: the exact area is within ROCAUC +- this
	LogLoss   *float64 `json:"log_loss,omitempty"`      // natural logarithm, p clipped to [1e-15, 1-1e-15]
	F1        *float64 `json:"f1,omitempty"`
	Precision *float64 `json:"precision,omitempty"`
	Recall    *float64 `json:"recall,omitempty"`

	// At the other points, see Points. With one class only there is no recall
	// at a false-positive rate. Binned mode has errors: the exact precision is
	// within the figure +- its error, the exact recall is the figure or up to its error above.
	PrecisionAtK      *float64 `json:"precision_at_k,omitempty"`
	PrecisionAtKError *float64 `json:"precision_at_k_error,omitempty"`
	RecallAtFPR       *float64 `json:"recall_at_fpr,omitempty"`
	RecallAtFPRError  *float64 `json:"recall_at_fpr_error,omitempty"`

	// CalibrationError is the mean over 15 bins of equal weight, made in the
	// order of the prediction, of |mean prediction - mean label|. Binned mode takes
	// predictions that differ by less than 1.6% in odds for equal where bins meet.
	CalibrationError *float64 `json:"calibration_error,omitempty"`

	// MultiLabel. A label is decided at p >= 0.5.
	HammingLoss    *float64 `json:"hamming_loss,omitempty"`    // share of wrong decisions, of all events and labels
	SubsetAccuracy *float64 `json:"subset_accuracy,omitempty"` // share of the events of which all labels are decided right
	MicroF1        *float64 `json:"micro_f1,omitempty"`        // F1 of all decisions together

	// CostSensitive, and Classification with costs.
	Cost   *float64 `json:"cost,omitempty"`   // mean cost of the predicted class
	Regret *float64 `json:"regret,omitempty"` // mean of its cost above the lowest; CostSensitive only

	// Regression and Bandit, in the unit of the label.
	MAE  *float64 `json:"mae,omitempty"`  // mean absolute error
	RMSE *float64 `json:"rmse,omitempty"` // root of the mean squared error
	R2   *float64 `json:"r2,omitempty"`   // 1 - squared error / squared error of the mean of all labels; Regression only

	MeanReward *float64 `json:"mean_reward,omitempty"` // of the logged decisions; Bandit only
}

// The cells of a confusion matrix: bit 0 is the label, bit 1 the decision.
const (
	trueNeg = iota
	falseNeg
	falsePos
	truePos
)

// Progressive accumulates the figures of one model over one stream.
type Progressive struct {
	task   Task
	points Points
	weight float64 // sum of the weights
	loss   float64 // weighted sums, as are the following
	logs   logSum
	abs    float64
	square float64

	counts [4]float64 // of decisions, by trueNeg to truePos

	decisions, subset, cost, regret float64

	mean, m2 float64 // running mean of the labels and sum of their squared deviations

	scores *scores // exact mode, Classification
	bins   *bins   // binned mode, Classification
}

// New returns an empty accumulator. exact chooses between keeping every
// prediction and binning them; see the package comment.
func New(task Task, exact bool) *Progressive {
	p := &Progressive{task: task, points: DefaultPoints()}
	switch {
	case task != Classification:
	case exact:
		p.scores = new(scores)
	default:
		p.bins = new(bins)
	}
	return p
}

// At sets the points at which a classifier is measured. Call it before the first event.
func (p *Progressive) At(points Points) *Progressive {
	p.points = points
	return p
}

// Points returns the points at which a classifier is measured.
func (p *Progressive) Points() Points { return p.points }

// Observe adds the step of one event with its importance weight. A rejected
// step and a weight of 0 are skipped. The step is not kept.
func (p *Progressive) Observe(s *event.Step, weight float64) {
	if s.Reject != nil || !(weight > 0) {
		return
	}
	p.weight += weight
	p.loss += float64(weight * s.Loss)
	switch p.task {
	case Classification:
		p.cost += float64(weight * s.Cost)
		p.classify(s.Prediction, s.Label > 0, weight)
		return
	case MultiClass:
		p.choose(s, weight)
		return
	case MultiLabel:
		p.decide(s, weight)
		return
	case CostSensitive:
		p.pay(s, weight)
		return
	case Regression, Bandit:
	}
	d := s.Prediction - s.Label
	p.abs += float64(weight * math.Abs(d))
	p.square += float64(weight * d * d)
	fromMean := s.Label - p.mean
	p.mean += float64(fromMean * weight / p.weight)
	p.m2 += float64(weight * fromMean * (s.Label - p.mean))
}

// clip keeps the log loss finite.
const clip = 1e-15

// choose counts the choice of one of several classes: truePos are the right ones, falsePos the wrong.
func (p *Progressive) choose(s *event.Step, weight float64) {
	label := int(s.Label)
	if s.Class == label {
		p.counts[truePos] += weight
	} else {
		p.counts[falsePos] += weight
	}
	q := 0.0
	if label >= 0 && label < len(s.Probs) {
		q = s.Probs[label]
	}
	p.logs.add(max(q, clip), weight)
}

func (p *Progressive) classify(prob float64, positive bool, weight float64) {
	q := prob
	if q < clip {
		q = clip
	} else if q > 1-clip {
		q = 1 - clip
	}
	// The label is hard to predict, for a processor too: there is no jump on it.
	cell, other := 0, 1.0
	if positive {
		cell = falseNeg
	}
	other -= float64(cell)
	if prob >= p.points.Threshold {
		cell |= falsePos
	}
	p.counts[cell&truePos] += weight
	p.logs.add(math.Abs(other-q), weight) // the probability of the label: q or 1-q
	if p.scores != nil {
		p.scores.add(prob, positive, weight)
	} else {
		p.bins.add(prob, positive, weight)
	}
}

// Weight returns the sum of the weights of the events observed.
func (p *Progressive) Weight() float64 { return p.weight }

// Report returns the figures so far. In exact mode it sorts the predictions,
// which takes O(n log n); events may be observed afterwards.
func (p *Progressive) Report() Report {
	var r Report
	r.Loss = ratio(p.loss, p.weight)
	if p.task == Classification {
		p.reportClasses(&r)
		return r
	}
	if p.task == MultiClass {
		r.Accuracy, r.LogLoss = ratio(p.counts[truePos], p.weight), ratio(p.logs.value(), p.weight)
		return r
	}
	if p.task == MultiLabel || p.task == CostSensitive {
		p.reportDecisions(&r)
		return r
	}
	r.MAE = ratio(p.abs, p.weight)
	if mse := ratio(p.square, p.weight); mse != nil {
		r.RMSE = ptr(math.Sqrt(*mse))
	}
	if p.task == Bandit {
		if p.weight > 0 {
			r.MeanReward = ptr(p.mean)
		}
		return r
	}
	if p.m2 > 0 {
		r.R2 = ptr(1 - p.square/p.m2)
	}
	return r
}

func (p *Progressive) reportClasses(r *Report) {
	r.Accuracy = ratio(p.counts[truePos]+p.counts[trueNeg], p.weight)
	if p.cost > 0 {
		r.Cost = ratio(p.cost, p.weight)
	}
	r.LogLoss = ratio(p.logs.value(), p.weight)
	r.Precision = ratio(p.counts[truePos], p.counts[truePos]+p.counts[falsePos])
	r.Recall = ratio(p.counts[truePos], p.counts[truePos]+p.counts[falseNeg])
	r.F1 = ratio(2*p.counts[truePos], 2*p.counts[truePos]+p.counts[falsePos]+p.counts[falseNeg])
	positive, negative := p.counts[truePos]+p.counts[falseNeg], p.counts[falsePos]+p.counts[trueNeg]
	bothClasses := positive > 0 && negative > 0
	if p.scores != nil {
		p.scores.sort()
		r.CalibrationError = calibration(p.weight, p.scores.groups)
		if bothClasses {
			r.ROCAUC = ptr(p.scores.auc(positive, negative))
		}
	} else {
		r.CalibrationError = calibration(p.weight, p.bins.groups)
		if bothClasses {
			auc, bound := p.bins.auc(positive, negative)
			r.ROCAUC, r.AUCError = &auc, &bound
		}
	}
	p.reportPoints(r, positive, negative)
}

// reportPoints adds the figures at the points. Exact scores must be sorted.
func (p *Progressive) reportPoints(r *Report, positive, negative float64) {
	s := newSweep(p.points, positive, negative)
	if p.scores != nil {
		p.scores.groups(func(_, pos, neg float64) { s.group(pos, neg) })
	} else {
		for i := range p.bins.pos {
			if pos, neg := p.bins.pos[i], p.bins.neg[i]; pos+neg > 0 {
				s.group(pos, neg)
			}
		}
		if s.ranked {
			r.PrecisionAtKError = &s.precisionError
		}
	}
	if s.ranked {
		r.PrecisionAtK = &s.precision
	}
	if positive == 0 || negative == 0 {
		return
	}
	if !s.passed { // even the highest predictions have too many negatives
		s.recallError = s.before / positive
	}
	r.RecallAtFPR = &s.recall
	if p.scores == nil {
		r.RecallAtFPRError = &s.recallError
	}
}

// ratio returns a/b, or nil when b is 0.
func ratio(a, b float64) *float64 {
	if b == 0 {
		return nil
	}
	return ptr(a / b)
}

func ptr(v float64) *float64 { return &v }
