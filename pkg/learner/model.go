package learner

import "github.com/streamlearner/streamlearner/pkg/event"

// Model is an online learner of one partition. pkg/sgd and pkg/bandit satisfy
// it; internal/conform holds the suite that every implementation must pass.
//
// The rules: no clock, no randomness that is not derived from the state and
// the event, no allocation once warm. Learn predicts first and then learns
// (progressive validation); an event that it cannot learn from is refused by
// Step.Reject and changes nothing at all. Predict changes nothing, ever.
// train(A+B) equals train(A), AppendBinary, UnmarshalBinary, train(B) bit for
// bit, and the same events always give the same bytes.
type Model interface {
	Predict(e *event.Event) event.Step
	Learn(e *event.Event) event.Step

	// AppendBinary appends the live parameters with all optimizer state, as a
	// sealed envelope (internal/wire). It holds everything that a reader needs
	// in order to score: loss, bits, scaler, label scaling, weights.
	AppendBinary(b []byte) ([]byte, error)

	// UnmarshalBinary replaces the live parameters. References stay. It refuses
	// bytes of another configuration and then changes nothing.
	UnmarshalBinary(b []byte) error
}

// Incremental is a Model that can tell what it has learned since a moment, the
// Mark, so that a checkpoint costs what was learned and not the size of the
// model. UnmarshalBinary marks, too.
type Incremental interface {
	Model

	// Footprint returns about how many bytes the encoded change since the Mark
	// takes, and the whole model: the same numbers for the same events.
	Footprint() (change, whole int)
	// Mark lets the next change begin.
	Mark()
	// Capture copies the change since the Mark, or the whole model, and returns
	// a function that appends the encoded copy. It may be called on another
	// goroutine while the model learns on. Of a whole model it gives the bytes of AppendBinary.
	Capture(whole bool) func(b []byte) []byte
	// ApplyChange makes of the model that an encoded change began with the one
	// that it ended with. What it brings counts as changed since the Mark. It
	// refuses bytes of another configuration and then changes nothing.
	ApplyChange(b []byte) error
	// Merge returns what a whole model, or a change, and the changes after it
	// come to: the bytes that a capture at their end would have given. It reads
	// nothing of the receiver but its configuration, so it may run on another goroutine.
	Merge(parts ...[]byte) ([]byte, error)
}

// Armed is a Model that chooses among arms, whose table changes while it runs.
type Armed interface {
	Model

	// ChangeArm changes the table between two events. It refuses what cannot be, and then changes nothing.
	ChangeArm(c event.ArmChange) error
	// AppendArms appends the table, and UnmarshalUnder reads older parameters under it, whatever settings say of arms.
	AppendArms(b []byte) []byte
	UnmarshalUnder(params, table []byte) error
	// AppendTerms appends what people and the guard rail have decided of the arms, and nothing that is learned: names,
	// which of them may be chosen, caps, prices and the baseline.
	AppendTerms(b []byte) []byte
	// TermsOf is what AppendTerms says of the model that the parameters were written by, under the settings of then.
	TermsOf(params []byte) ([]byte, error)
	// ArmNames returns the names of the arms in the order of their indices; they are only ever appended.
	ArmNames() []string
	// ArmReports says what people watch of each arm, and Evidence how much speaks against the logged propensities.
	ArmReports() []event.ArmReport
	Evidence() float64
	// Judge returns what every guard rail says of every arm that is not gone, and of those that one has taken out.
	Judge() []event.RailReport
	// Harm says which arm the event that was learned last has proven harmful, so that it was taken out, and why; empty for
	// none.
	Harm() (arm, why string)
	// HasBaseline reports whether one of the arms is what decisions fall back to.
	HasBaseline() bool
}

// Referenced is a Model that also evaluates each event at up to two frozen
// copies of its parameters and fills Step.Ref with what it finds, nil where the copy has
// nothing to say of the event. The guard watches one of them while the other is being calibrated.
type Referenced interface {
	Model

	// SetReference freezes the live parameters (weights and scaler) as reference i, 0 or 1.
	SetReference(i int)
	// DropReference stops evaluating reference i.
	DropReference(i int)
	// AppendReference appends reference i as a sealed envelope.
	AppendReference(i int, b []byte) ([]byte, error)
	// UnmarshalReference sets reference i from what AppendReference wrote or,
	// if the model is Incremental, from a whole model that was live when it was frozen.
	UnmarshalReference(i int, b []byte) error
}
