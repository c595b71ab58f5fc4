package event

// Step is what a model says of one event. Losses and gradients are those of
// one event with weight 1, at the parameters before the event was learned.
type Step struct {
	Prediction float64 // on the scale of the label: a probability, a value, the index of a class, or a bandit's predicted reward
	Margin     float64 // the linear score z before the link function; of several classes that of the label's
	Label      float64 // the label as the loss sees it
	Loss       float64 // l(z, y), in the unit that the loss documents
	Grad       float64 // dl/dz, z the Margin
	GradNorm   float64 // Euclidean norm of the gradient dl/dw = dl/dz x
	UpdateNorm float64 // Euclidean norm of the weight change; 0 when nothing was learned

	// Class is the predicted class of a classifier, and Probs the
	// probabilities of all classes if there are several, which add up to 1; of a model of label sets they do
	// not, and of a cost-sensitive one they are costs. Probs is nil for other models, and valid
	// until the model's next call.
	Class int
	Probs []float64

	// Labels is the set of right classes, as in Event, for a model of label sets.
	Labels []uint32

	// Cost is the cost of Class, and Regret what it is above the lowest, for a
	// cost-sensitive model; right decisions between two classes cost nothing.
	Cost, Regret float64

	// Ref is the same event seen by the frozen references; nil where a
	// reference is not set. Valid until the model's next call.
	Ref [2]*Reading

	// Reject is not Accepted when the model refused the event and changed nothing.
	Reject *Rejection
}

// Reading is one event at the frozen parameters of a detector reference. The
// score vector (gradient of the loss in the parameters) is Grad times the
// sparse vector with value X[i] at coordinate J[i], coordinates in [0, Coordinates).
type Reading struct {
	Loss float64
	// Excess is the loss minus what the prediction itself expects of it: of a
	// log likelihood, -log p(y) minus the entropy of p. As long as the model is
	// right its mean is 0, however hard to predict the labels become. Of the
	// other losses, which expect nothing, it is Loss.
	Excess float64
	Grad   float64
	J      []uint16
	X      []float64
}

// Coordinates is the dimension of the space in which score vectors are
// watched: coordinate 0 is the intercept, [1, 64) are numeric fields in order
// of first appearance, and [64, 128) is a signed-hash sketch (count sketch,
// Charikar, Chen, Farach-Colton 2002) of everything else: coordinate
// 64 + (h>>57 & 63), sign by bit 63 of h, with h the feature's hash.
const Coordinates = 128
