package catalog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// Encoded returns a fresh model behind the encodings of resolved settings, and the model
// alone when they change nothing.
func Encoded(l Learner, c encode.Config) (learner.Model, error) {
	m, err := Model(l)
	if err != nil || c.Idle() {
		return m, err
	}
	inner, ok := m.(encode.Inner)
	if !ok {
		return nil, fmt.Errorf("learner.kind: %q: takes no encodings", l.Kind)
	}
	return encode.New(c, inner)
}

// ValidateEncoding returns an error that names the key, the value and the remedy for
// what the model cannot do. target and count are the fields that are encoded.
func ValidateEncoding(l Learner, c encode.Config, target, count []string) error {
	if err := c.Validate(); err != nil {
		return err
	}
	task := Task(l)
	switch {
	case len(target) > 0 && task == metric.Bandit:
		return fmt.Errorf("features.target: %q: must be empty with learner.kind bandit, whose rewards depend on the arm", target)
	case len(target) > 0 && l.Kind == "sgd" && slices.Contains([]string{"ova", "softmax", "multilabel", "csoaa"}, l.Loss):
		return fmt.Errorf("features.target: %q: must be empty with learner.loss %s, whose labels have no mean; use features.count, or learn one class against all others with source.positive and learner.loss logistic", target, l.Loss)
	case len(count) > 0 && task == metric.Bandit:
		return fmt.Errorf("features.count: %q: must be empty with learner.kind bandit", count)
	case c.MinCount > 1 && task == metric.Bandit:
		return fmt.Errorf("features.min_count: %d: must be 0 with learner.kind bandit", c.MinCount)
	case c.ExpireAfter > 0 && l.Kind != "sgd":
		return fmt.Errorf("features.expire_after: %d: must be 0 with learner.kind %s; only sgd drops weights", c.ExpireAfter, l.Kind)
	case c.ExpireAfter > 0 && l.Optimizer == "rls":
		return fmt.Errorf("features.expire_after: %d: must be 0 with learner.optimizer rls, whose weights depend on each other", c.ExpireAfter)
	case c.HalfLife > 0 && len(target)+len(count) == 0:
		return fmt.Errorf("features.target_half_life: %v: features.target or features.count must list the fields that are encoded", c.HalfLife)
	}
	return nil
}

// openEncoded is Open for a model behind encodings.
func openEncoded(b []byte) (m learner.Model, name string, err error) {
	m, err = encode.Open(b, func(b []byte) (encode.Inner, error) {
		var opened learner.Model
		opened, name, err = Open(b)
		inner, ok := opened.(encode.Inner)
		if err == nil && !ok {
			err = errors.New("takes no encodings")
		}
		return inner, err
	})
	return m, name, err
}
