package catalog

import (
	"errors"
	"fmt"
	"strings"

	"github.com/streamlearner/streamlearner/internal/encode"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/factor"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// Learner is the section "learner" of a configuration.
type Learner struct {
	// Kind is the family of the model: sgd (default), a linear model, bandit, or
	// factor, a model of pairs of features.
	Kind       string `koanf:"kind"`
	sgd.Config `koanf:",squash"`
	Bandit     bandit.Config `koanf:"bandit"`
	Factor     factor.Config `koanf:"factor"`
}

// kind is a family of models.
type kind struct {
	name     string
	model    func(Learner) (learner.Model, error)
	validate func(Learner) error
	task     func(Learner) metric.Task
	open     func([]byte) (learner.Model, error)
}

func kinds() []kind {
	return []kind{
		{"sgd", func(l Learner) (learner.Model, error) { return sgd.New(l.Config) }, func(l Learner) error { return l.Config.Validate() }, linearTask,
			func(b []byte) (learner.Model, error) { return sgd.Open(b) }},
		{"bandit", func(l Learner) (learner.Model, error) { return bandit.New(l.Bandit) }, func(l Learner) error { return l.Bandit.Validate() },
			func(Learner) metric.Task { return metric.Bandit }, func(b []byte) (learner.Model, error) { return bandit.Open(b) }},
		{"factor", func(l Learner) (learner.Model, error) { return factor.New(l.Factor) }, func(l Learner) error { return l.Factor.Validate() }, factorTask,
			func(b []byte) (learner.Model, error) { return factor.Open(b) }},
	}
}

func factorTask(l Learner) metric.Task {
	if l.Factor.Loss == "logistic" {
		return metric.Classification
	}
	return metric.Regression
}

func linearTask(l Learner) metric.Task {
	switch l.Loss {
	case "logistic", "hinge":
		return metric.Classification
	case "ova", "softmax":
		return metric.MultiClass
	case "multilabel":
		return metric.MultiLabel
	case "csoaa":
		return metric.CostSensitive
	}
	return metric.Regression
}

// Kinds are the names that Learner.Kind may have.
func Kinds() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// DefaultLearner returns the defaults of the section "learner".
func DefaultLearner() Learner {
	return Learner{Kind: "sgd", Config: sgd.Default(), Bandit: bandit.Default(), Factor: factor.Default()}
}

func (l Learner) kind() (kind, error) {
	for _, k := range kinds() {
		if k.name == l.Kind {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("learner.kind: %q: must be one of %s", l.Kind, strings.Join(Kinds(), ", "))
}

// Validate returns an error that names the key, the value and what is allowed.
func (l Learner) Validate() error {
	k, err := l.kind()
	if err != nil {
		return err
	}
	return k.validate(l)
}

// Model returns a fresh model.
func Model(l Learner) (learner.Model, error) {
	k, err := l.kind()
	if err != nil {
		return nil, err
	}
	return k.model(l)
}

// Open returns the model that AppendBinary wrote, of whatever kind, with the
// changes to it, and the name of the kind.
func Open(b []byte, changes ...[]byte) (m learner.Model, name string, err error) {
	if encode.Is(b) {
		if m, name, err = openEncoded(b); err != nil {
			return nil, name, err
		}
		return m, name, learner.Change(m, changes...)
	}
	var errs []error
	for _, k := range kinds() {
		m, err := k.open(b)
		if err == nil {
			return m, k.name, learner.Change(m, changes...)
		}
		errs = append(errs, fmt.Errorf("as %s: %w", k.name, err))
	}
	return nil, "", errors.Join(errs...)
}

// Task says what the predictions of the model are.
func Task(l Learner) metric.Task {
	k, err := l.kind()
	if err != nil {
		return metric.Regression
	}
	return k.task(l)
}

// Wrong returns what tells whether a step predicted the wrong class; nil for a
// model that does not predict one class.
func Wrong(l Learner) func(*event.Step) bool {
	switch Task(l) {
	case metric.Classification:
		return func(s *event.Step) bool { return (s.Prediction >= 0.5) != (s.Label > 0) }
	case metric.MultiClass:
		return func(s *event.Step) bool { return s.Class != int(s.Label) }
	default:
		return nil
	}
}

// LossClip says how the guard bounds the loss of the model.
func LossClip(l Learner) drift.LossClip {
	if l.Kind == "sgd" && l.Loss == "logistic" || l.Kind == "factor" && l.Factor.Loss == "logistic" {
		return drift.ClipLogistic
	}
	return drift.ClipQuantile
}
