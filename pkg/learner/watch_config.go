package learner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// DetectorConfig adds a detector on a signal beside the guard's own.
type DetectorConfig struct {
	// Detector is its name, as in `streamlearner drift --list`.
	Detector string `koanf:"detector"`
	// Signal is what it watches: loss, error, gradient_norm, gradient_direction,
	// update_ratio, label_rate, feature_mean(FIELD) or score. See signal.
	Signal string `koanf:"signal"`
	// At says whose parameters the signal is taken at: live, or reference, the
	// frozen ones that the guard watches. Default: reference for loss and the
	// gradient's signals, live for the others.
	At string `koanf:"at"`
	// Action is what an alarm does: freeze the learner, or warn (default),
	// which only reports it.
	Action string `koanf:"action"`
	// Set are parameters of the detector that are not to have their defaults.
	Set map[string]string `koanf:"set"`
}

// The places that a signal is taken at, and what an alarm does.
const (
	AtLive       = "live"
	AtReference  = "reference"
	ActionFreeze = "freeze"
	ActionWarn   = "warn"
)

// Name identifies the detector in alarms and metrics: adwin(loss).
func (c *DetectorConfig) Name() string { return c.Detector + "(" + c.Signal + ")" }

// String renders all settings as they are configured, equal ones equally.
func (c DetectorConfig) String() string {
	s, _ := c.signal()
	var set []string
	for _, k := range slices.Sorted(maps.Keys(c.Set)) {
		set = append(set, fmt.Sprintf("%s: %q", k, c.Set[k]))
	}
	return fmt.Sprintf("{detector: %q, signal: %q, at: %q, action: %q, set: {%s}}", c.Detector, c.Signal, c.at(s), c.action(), strings.Join(set, ", "))
}

// identity is what a stored state of the detector has its meaning from.
func (c *DetectorConfig) identity() string {
	s, _ := c.signal()
	return c.Name() + " at " + c.at(s)
}

func (c *DetectorConfig) action() string {
	if c.Action == "" {
		return ActionWarn
	}
	return c.Action
}

func (c *DetectorConfig) at(s *signal) string {
	switch {
	case c.At != "":
		return c.At
	case s != nil && s.reference:
		return AtReference
	}
	return AtLive
}

// signal finds what is to be watched, and the field that it is about.
func (c *DetectorConfig) signal() (s *signal, field string) {
	name, rest, has := strings.Cut(c.Signal, "(")
	if field = strings.TrimSuffix(rest, ")"); has && (field == rest || field == "") {
		return nil, ""
	}
	for _, s := range signals() {
		if s.name == name && s.ofField == has {
			return &s, field
		}
	}
	return nil, ""
}

// SignalNames are the names that DetectorConfig.Signal may have.
func SignalNames() []string {
	var names []string
	for _, s := range signals() {
		if s.ofField {
			s.name += "(FIELD)"
		}
		names = append(names, s.name)
	}
	return names
}

// Signals is what a Learner needs for additional detectors.
type Signals struct {
	// Detector makes a detector by name.
	Detector func(name string, set map[string]string) (drift.Detector, error)
	// Wrong tells whether a step predicted the wrong class; nil for a model
	// that does not predict classes.
	Wrong func(s *event.Step) bool
}

// Validate returns an error that names the key, the value and what is allowed,
// for the additional detectors of the guard of a model.
func (s Signals) Validate(g *GuardConfig, m Model) error {
	_, err := s.watches(g, m)
	return err
}

func (s Signals) watches(g *GuardConfig, m Model) ([]watch, error) {
	var out []watch
	for i := range g.Detectors {
		w, err := s.watch(g, &g.Detectors[i], m)
		if err != nil {
			return nil, fmt.Errorf("guard.detectors: %s: %w", g.Detectors[i].Name(), err)
		}
		if slices.ContainsFunc(out, func(o watch) bool { return o.cfg.identity() == w.cfg.identity() }) {
			return nil, fmt.Errorf("guard.detectors: %s: is there twice; remove one", g.Detectors[i].Name())
		}
		out = append(out, w)
	}
	return out, nil
}

func (s Signals) watch(g *GuardConfig, c *DetectorConfig, m Model) (watch, error) {
	sig, field := c.signal()
	if sig == nil {
		return watch{}, fmt.Errorf("signal %q must be one of %s", c.Signal, strings.Join(SignalNames(), ", "))
	}
	if s.Detector == nil {
		return watch{}, fmt.Errorf("there is nothing that makes detectors")
	}
	d, err := s.Detector(c.Detector, c.Set)
	if err != nil {
		return watch{}, err
	}
	w := watch{cfg: c, signal: sig, field: hashOf(field), detector: d, freezes: c.action() == ActionFreeze}
	if err := c.check(g, sig, m, &w); err != nil {
		return watch{}, err
	}
	if err := s.fits(g, &w); err != nil {
		return watch{}, err
	}
	if chart, ok := d.(*drift.MEWMA); ok && sig.vector {
		w.vector, err = chart.Vector(event.Coordinates)
		w.detector = w.vector
	}
	return w, err
}

// check checks place and action.
func (c *DetectorConfig) check(g *GuardConfig, sig *signal, m Model, w *watch) error {
	if a := c.action(); a != ActionFreeze && a != ActionWarn {
		return fmt.Errorf("action %q must be %s or %s", a, ActionFreeze, ActionWarn)
	}
	_, referenced := m.(Referenced)
	_, normed := m.(Normed)
	switch c.at(sig) {
	case AtLive:
		switch {
		case !sig.live:
			return fmt.Errorf("%s is there at the reference alone: set at to %s", sig.name, AtReference)
		case sig.name == signalUpdate && !normed:
			return fmt.Errorf("the weights of this kind of model have no norm: watch the loss or gradient_norm")
		}
	case AtReference:
		switch {
		case sig.name == signalError && g.Loss != drift.ClipLogistic:
			return fmt.Errorf("errors at the reference are known with a logistic loss alone: set at to %s, or watch the loss", AtLive)
		case !sig.reference && sig.name != signalError:
			return fmt.Errorf("%s does not depend on a reference: set at to %s", sig.name, AtLive)
		case !referenced:
			return fmt.Errorf("this kind of model has no reference: watch the loss, with at: %s", AtLive)
		case !g.Enabled:
			return fmt.Errorf("there is no reference with guard.enabled: false: set at to %s, or guard.enabled to true", AtLive)
		}
		w.atReference = true
	default:
		return fmt.Errorf("at %q must be %s or %s", c.At, AtLive, AtReference)
	}
	return nil
}

// fits checks that the detector is defined on what the signal gives.
func (s Signals) fits(g *GuardConfig, w *watch) error {
	domain := w.signal.domain
	switch {
	case w.signal.vector:
		if _, ok := w.detector.(*drift.MEWMA); !ok {
			return fmt.Errorf("%s is a vector, which mewma alone watches: take mewma, or gradient_direction or gradient_norm", w.signal.name)
		}
	case w.signal.name == signalError && s.Wrong == nil:
		return fmt.Errorf("the model predicts no classes, so there are no errors: watch the loss")
	case w.signal.name == signalLabel && g.Loss == drift.ClipLogistic:
		domain = drift.ZeroOrOne
	}
	if need := w.detector.Domain(); need > domain {
		return fmt.Errorf("%s takes %s, and %s is %s: watch error, or take adwin, page_hinkley or e_detector",
			w.cfg.Detector, need, w.signal.name, domain)
	}
	return nil
}
