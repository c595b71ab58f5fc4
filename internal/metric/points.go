package metric

import "fmt"

// Points are the points of operation at which a classifier is measured. They
// shape what is shown and no state.
type Points struct {
	// Threshold is the probability from which an event counts as positive, for
	// accuracy, precision, recall and F1. Default 0.5.
	Threshold float64 `koanf:"threshold"`
	// PrecisionAtK is the share of all events, those with the highest
	// predictions, of which precision_at_k is the precision. Default 0.01.
	PrecisionAtK float64 `koanf:"precision_at_k"`
	// RecallAtFPR is the highest false-positive rate at which recall_at_fpr is
	// the recall. Default 0.01.
	RecallAtFPR float64 `koanf:"recall_at_fpr"`
}

// DefaultPoints returns the defaults.
func DefaultPoints() Points { return Points{Threshold: 0.5, PrecisionAtK: 0.01, RecallAtFPR: 0.01} }

// Validate returns an error that names the key, the value and what is allowed.
func (p Points) Validate() error {
	for _, k := range []struct {
		key   string
		value float64
		what  string
	}{
		{"threshold", p.Threshold, "the probability from which an event counts as positive"},
		{"precision_at_k", p.PrecisionAtK, "a share of the events, as in 0.01 for those with the highest 1% of the predictions"},
		{"recall_at_fpr", p.RecallAtFPR, "a false-positive rate, as in 0.01"},
	} {
		if !(k.value > 0 && k.value < 1) {
			return fmt.Errorf("metrics.%s: %v: must be above 0 and below 1: %s", k.key, k.value, k.what)
		}
	}
	return nil
}

// sweep finds the figures at the points while a threshold moves up over the
// predictions: it is given groups of events in ascending order, and counts those that are left.
type sweep struct {
	points             Points
	positive, negative float64 // weight of the events of each class
	pos, neg           float64 // that of those from the next group on
	before             float64 // positives of the group before

	precision, precisionError float64
	recall, recallError       float64
	ranked, passed            bool // precision, recall are found
}

func newSweep(p Points, positive, negative float64) sweep {
	return sweep{points: p, positive: positive, negative: negative, pos: positive, neg: negative}
}

// group takes the weights of the positives and negatives that are not told apart.
//
// Precision at k is that of the events of greatest prediction that together
// have the share k of the weight. Of a group of which a part belongs to them,
// the positives count in proportion, their mean over all orders of ties.
//
// Recall at a false-positive rate is the highest of all thresholds whose share of negatives above is at most that
// rate: max(tpr[fpr <= rate]) of the curve of Fawcett 2006, "An introduction to
// ROC analysis", https://doi.org/10.1016/j.patrec.2005.10.010, as scikit-learn's roc_curve has it.
func (s *sweep) group(pos, neg float64) {
	if !s.passed && s.neg <= float64(s.points.RecallAtFPR*s.negative)+float64(1e-12*s.negative) {
		s.passed = true
		s.recall, s.recallError = s.pos/s.positive, s.before/s.positive
	}
	above := s.pos - pos + s.neg - neg
	k := float64(s.points.PrecisionAtK * (s.positive + s.negative))
	if part := k - above; !s.ranked && part > 0 {
		s.ranked = true
		share := min(part, pos+neg)
		likely := float64(share * pos / (pos + neg))
		least, most := max(0, share-neg), min(share, pos)
		s.precision = min(1, (s.pos-pos+likely)/k)
		s.precisionError = max(likely-least, most-likely) / k
	}
	s.pos, s.neg, s.before = s.pos-pos, s.neg-neg, pos
}
