package event

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// offer is what a record says of the arms that could be chosen.
type offer struct {
	sawEligible bool
	sawActions  bool
	again       bool     // the record was accepted once, perhaps with fewer arms
	order       []int    // the eligible arms as the record lists them
	moved       []Vector // memory of spread
}

func (o *offer) begin() { o.sawEligible, o.sawActions, o.order = false, false, o.order[:0] }

// maxActions bounds the actions of a record whose arms are not named.
const maxActions = 1 << 16

// actionsLimit is how many actions a record may have.
func (f *filler) actionsLimit() int {
	if n := len(f.schema.Arms); n > 0 {
		return n
	}
	return maxActions
}

// armOf returns the index of the arm that v names.
func (f *filler) armOf(v value) (arm int, ok bool) {
	if v.kind != kindContainer {
		for i, name := range f.schema.Arms {
			if string(v.text) == name {
				return i, true
			}
		}
	}
	n, ok := v.number()
	if ok && n >= 0 && n < float64(f.armsEnd()) && n == math.Trunc(n) {
		return int(n), true
	}
	return 0, false
}

// armsEnd bounds the indices of arms.
func (f *filler) armsEnd() int {
	if n := len(f.schema.Arms); n > 0 {
		return n
	}
	return math.MaxInt32
}

// addEligible adds an arm to those that could be chosen.
func (f *filler) addEligible(v value) {
	field := f.schema.Eligible
	a, ok := f.armOf(v)
	switch {
	case !ok:
		f.fail(ArmUnknown, field, "%s: must be an index below %d or one of source.arms %q", v.excerpt(), f.armsEnd(), f.schema.Arms)
		return
	case len(f.offer.order) == 0:
		f.e.Eligible = grown(f.e.Eligible, len(f.schema.Arms))
		clear(f.e.Eligible)
	case f.e.Eligible[a]:
		f.fail(ArmUnknown, field, "%s: is there twice", v.excerpt())
		return
	}
	f.e.Eligible[a] = true
	f.offer.order = append(f.offer.order, a)
}

// endOffer checks the arms that could be chosen, and puts the features of each
// action to the index of its arm.
func (f *filler) endOffer() {
	o, arms := &f.offer, len(f.schema.Arms)
	if o.sawEligible {
		arms = len(o.order)
		switch {
		case arms == 0:
			f.fail(ArmUnknown, f.schema.Eligible, "names no arm; leave it out when all could be chosen")
			return
		case f.needLabel && f.sawArm && (f.e.Arm >= len(f.e.Eligible) || !f.e.Eligible[f.e.Arm]):
			f.fail(ArmUnknown, f.schema.Arm, "arm %d could not be chosen: it is not among %s", f.e.Arm, f.schema.Eligible)
			return
		}
	}
	n := len(f.e.Actions)
	switch {
	case !o.sawActions || f.rejection != nil:
	case !o.sawEligible && o.again && n < arms: // arms are only ever appended, so these are the arms of then
		f.begunLater()
	case arms > 0 && n != arms:
		f.fail(ActionsInvalid, f.schema.Actions, "%d elements for %d arms: must have one for each arm that could be chosen, in the order of %s", n, arms, f.orderOfActions())
	case o.sawEligible:
		f.spread()
	}
}

// begunLater completes the actions of a record that was made when there were fewer arms:
// the later ones could not be chosen.
func (f *filler) begunLater() {
	e, then := f.e, len(f.e.Actions)
	e.Eligible = grown(e.Eligible, len(f.schema.Arms))
	for a := range e.Eligible {
		e.Eligible[a] = a < then
	}
	for len(e.Actions) < len(e.Eligible) {
		e.addAction()
	}
}

// orderOfActions names what the order of the actions is that of.
func (f *filler) orderOfActions() string {
	if f.offer.sawEligible {
		return "the field " + f.schema.Eligible
	}
	return "the arms"
}

// spread moves the features of the eligible actions to the indices of their arms.
// The other arms get none.
func (f *filler) spread() {
	e, order := f.e, f.offer.order
	for len(e.Actions) < len(e.Eligible) {
		e.addAction()
	}
	moved := append(f.offer.moved[:0], e.Actions...)
	rest := moved[len(order):]
	for a, could := range e.Eligible {
		if !could {
			e.Actions[a], rest = rest[0], rest[1:]
		}
	}
	for i, a := range order {
		e.Actions[a] = moved[i]
	}
	f.offer.moved = moved
}

// size returns the number of features of the context and of all actions.
func (e *Event) size() int {
	n := e.X.Len()
	for i := range e.Actions {
		n += e.Actions[i].Len()
	}
	return n
}

// addAction adds an action without features, in memory that was used before.
func (e *Event) addAction() {
	n := len(e.Actions)
	if n == cap(e.Actions) {
		e.Actions = append(e.Actions, Vector{})
		return
	}
	e.Actions = e.Actions[:n+1]
	e.Actions[n].Reset()
}

// grown returns s with length n, which keeps its memory.
func grown[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// ofAction reports whether a field, or what an entry covers, belongs to the actions.
func (s *Schema) ofAction(path string) bool {
	return s.Actions != "" && (below(s.Actions, path) || strings.HasPrefix(path, s.Actions+"."))
}

// outside reports whether a field is neither of the context nor of an action.
func (s *Schema) outside(path string) bool {
	return s.Context != "" && !below(s.Context, path) && !s.ofAction(path)
}

// validateOffer checks the settings of the context and the actions.
func (s *Schema) validateOffer() error {
	for _, n := range [...]named{{"source.actions", s.Actions, roleActions}, {"source.eligible", s.Eligible, roleEligible}} {
		if n.field != "" && s.Arm == "" {
			return fmt.Errorf("%s: %q: source.arm must name the field that holds the arm", n.key, n.field)
		}
	}
	switch {
	case s.Eligible != "" && len(s.Arms) == 0:
		return fmt.Errorf("source.eligible: %q: source.arms must list the arms", s.Eligible)
	case strings.Contains(s.Context, "*"):
		return fmt.Errorf("source.context: %q: must name one field; patterns are for the lists under features", s.Context)
	}
	for _, n := range s.named() {
		if s.Context != "" && s.Context == n.field {
			return fmt.Errorf("source.context: %q: is already named by %s; a field has one meaning", s.Context, n.key)
		}
		if n.field != "" && n.field != s.Actions && s.ofAction(n.field) {
			return fmt.Errorf("%s: %q: is below source.actions, whose fields are features; move it out of there", n.key, n.field)
		}
	}
	for _, l := range s.lists() {
		for _, e := range l.list {
			prefix, isPrefix := strings.CutSuffix(e, "*")
			reaches := isPrefix && (strings.HasPrefix(s.Context, prefix) || strings.HasPrefix(s.Actions, prefix))
			if l.key != "features.exclude" && s.outside(prefix) && !reaches {
				return fmt.Errorf("%s: %q: is not below source.context, and so is no feature; name it %q", l.key, e, s.Context+"."+e)
			}
		}
	}
	for _, l := range s.single() {
		for _, e := range l.list {
			if s.ofAction(e) {
				return fmt.Errorf("%s: %q: is a feature of actions, which must be used as they are; remove it", l.key, e)
			}
		}
	}
	for _, c := range s.Cross {
		for _, e := range c {
			if s.ofAction(e) {
				return fmt.Errorf("features.cross: %q: %q is a feature of actions; learner.bandit.interactions multiplies those with the context", c, e)
			}
		}
	}
	return nil
}

// noOffer refuses the settings of actions for a format without arrays.
func (s *Schema) noOffer(format string) error {
	for _, n := range [...][2]string{{"source.context", s.Context}, {"source.actions", s.Actions}, {"source.eligible", s.Eligible}} {
		if n[1] != "" {
			return fmt.Errorf("%s: %q: must be empty with format %s, whose fields hold no objects and arrays; use json", n[0], n[1], format)
		}
	}
	return nil
}
