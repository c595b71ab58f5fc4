// Package sgd holds linear models that learn from one event at a time.
//
// A Model keeps one weight per hashed feature and an intercept. Learn takes an
// event, standardises its numeric fields with statistics that include it,
// predicts, takes the loss, evaluates the frozen references, and then lets the
// optimizer move the weights of the features that the event has:
//
//	m, err := sgd.New(sgd.Default())
//	for each event e {
//	    step := m.Learn(e)          // predicts first, then learns
//	    if step.Reject != nil { ... } // refused, and nothing has changed
//	}
//	b, err := m.AppendBinary(nil)    // parameters and optimizer state
//	r, err := sgd.Open(b)            // in a reader
//	p := r.Score(e)                  // lock-free
//
// # Losses, and the scale of a step
//
// logistic: l = log(1+exp(-sz)) in nats, s = 1 for the label 1 and -1 for the
// labels 0 and -1. Prediction is the probability of 1, Label is 1 or 0.
//
// hinge: l = max(0, 1-sz). Prediction is the logistic function of the margin, which
// orders events but is no probability, unless it is calibrated.
//
// Several classes have one row of weights each: see classes.go for one against all,
// softmax.go, and targets.go for sets of labels (multilabel) and costs (csoaa).
//
// With calibrate, Prediction of a classifier is the probability by a map that is fitted to
// the margins of the events before (internal/calibrate). Margin, Loss and Grad are what
// they are without it.
//
// poisson: half the deviance y log(y/p) - (y-p) with p = exp(z), for labels from 0 to 1e13;
// the margin is kept within 30 of 0.
//
// quantile and huber: see their files; like squared, they depend on p-y alone.
//
// squared: l = (p-y)^2, not halved, so that the mean loss is the mean squared
// error; dl/dz = 2(p-y). All of a Step is in the unit of the label (Loss in its square), whether
// or not labels are scaled inside: Margin is the score before the prediction
// is clipped to the label range, UpdateNorm is that of weights times the label's
// standard deviation.
//
// The gradient is taken at the clipped prediction. GradNorm counts the intercept.
//
// # Scaled labels
//
// With scale_label the score is in standard deviations from the mean of the
// labels. An event is predicted with mean, deviation and range of the labels
// before it; then its label joins them, and the update aims at the label in the new scale.
//
// # The race
//
// The optimizer auto is three members that learn from the same decoded and
// standardised event, and serves the one with the lowest discounted progressive
// loss. Step, Score and references are those of the member served; a reference
// keeps the weights that it was frozen with when another member takes over. See race.go.
//
// # Adding one
//
// An optimizer is a file with a function that moves the slots of Model.act by
// an update and returns a tally; it must call save for every slot before it
// writes it. It has a name in optimizers, a case in learnFrom, a number of floats, and its ranges
// in plan.valid. A loss is a file with its loss, derivative and invariant
// update; it has a name in losses and a case in evaluate (or distance) and step.
// TestConformance runs on both.
//
// # What is refused
//
// Values that are not finite or above 1e100; values above extreme times all
// that was learned (see Config.Extreme); labels that the loss does not accept;
// more than 4,096 distinct numeric fields; and updates that would make a
// weight non-finite or exceed 1e100. A refused event changes nothing.
//
// # References
//
// SetReference freezes weights, scaler and label scaling. A reference reads
// each event with the field statistics it was frozen with; a numeric field that it does
// not know contributes 0. Coordinates in a Reading may repeat: their values add up.
package sgd
