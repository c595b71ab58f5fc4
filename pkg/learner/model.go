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

// Referenced is a Model that also evaluates each event at up to two frozen
// copies of its parameters and fills Step.Ref with what it finds. The guard
// watches one of them while the other is being calibrated.
type Referenced interface {
	Model

	// SetReference freezes the live parameters (weights and scaler) as reference i, 0 or 1.
	SetReference(i int)
	// DropReference stops evaluating reference i.
	DropReference(i int)
	// AppendReference appends reference i as a sealed envelope.
	AppendReference(i int, b []byte) ([]byte, error)
	// UnmarshalReference sets reference i from what AppendReference wrote.
	UnmarshalReference(i int, b []byte) error
}
