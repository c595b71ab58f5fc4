package bandit

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// ChangeArm changes the table of arms between two events. A change that would leave constraints that
// cannot hold together is refused and changes nothing.
//
// A new arm has a share of decisions of its own (new_share) until new_events events of it were learned, and
// begins with new_prior of what the arms nearest to it have learned. A removed arm is not
// chosen any more; what it earned before is learned for the time drain, then its statistics go. Its place in the table stays.
func (m *Model) ChangeArm(c event.ArmChange) error {
	if m.cfg.Continuous() {
		return fmt.Errorf("arm %q: the arms of policy cats are the bins of an interval, which commands cannot change: set learner.bandit.baseline for another baseline; for other bins or bounds begin anew under another model name", c.Arm)
	}
	t := m.arms.clone()
	seed, err := t.change(&c, &m.cfg)
	if err == nil {
		err = m.cfg.feasible(t)
	}
	if err != nil {
		return err
	}
	m.follow(t)
	if seed {
		m.seed(t.find(c.Arm), c.Like)
	}
	return nil
}

// change applies a change and reports whether an arm begins to learn.
func (t *arms) change(c *event.ArmChange, cfg *Config) (seed bool, err error) {
	i := t.find(c.Arm)
	if c.Kind == event.ArmAdd {
		return t.admit(c, cfg)
	}
	if i < 0 || t.list[i].Status == ArmRemoved {
		return false, fmt.Errorf("arm %q is not there: the bandit has %q", c.Arm, t.present())
	}
	a := &t.list[i]
	l := Limit{Arm: c.Arm, Cap: c.Cap, Price: c.Price}
	if err := l.validate(); err != nil {
		return false, fmt.Errorf("arm %q: %w", c.Arm, err)
	}
	switch c.Kind {
	case event.ArmRemove:
		if a.Status == ArmDraining {
			return false, fmt.Errorf("arm %q was removed already", c.Arm)
		}
		a.Status, a.Until = ArmDraining, later(t.newest, cfg.Drain.Milliseconds())
	case event.ArmCap:
		a.Cap = l.cap()
	case event.ArmPrice:
		a.Price = l.Price
	case event.ArmBaseline:
		t.baseline = i
	default:
		return false, fmt.Errorf("unknown change %q of arm %q", c.Kind, c.Arm)
	}
	return false, nil
}

// later adds a span to a time, which may be the one before all others.
func later(t, span int64) int64 {
	if t == math.MinInt64 {
		return t
	}
	return t + span
}

// admit adds an arm, or lets one that was removed be chosen again.
func (t *arms) admit(c *event.ArmChange, cfg *Config) (seed bool, err error) {
	l := Limit{Arm: c.Arm, Cap: c.Cap, Price: c.Price}
	i := t.find(c.Arm)
	switch {
	case c.Arm == "":
		return false, fmt.Errorf("arm %q: every arm needs a name", c.Arm)
	case i >= 0 && t.list[i].open():
		return false, fmt.Errorf("arm %q is there already", c.Arm)
	case i < 0 && t.len() >= maxArms:
		return false, fmt.Errorf("arm %q: the table has %d arms already, those that were removed included; begin anew under another model name", c.Arm, maxArms)
	}
	if err := l.validate(); err != nil {
		return false, fmt.Errorf("arm %q: %w", c.Arm, err)
	}
	if c.Like != "" {
		if j := t.find(c.Like); j < 0 || j == i || t.list[j].Status == ArmRemoved {
			return false, fmt.Errorf("arm %q: there is no arm %q to be like: the bandit has %q", c.Arm, c.Like, t.present())
		}
	}
	fresh := ArmNew
	if cfg.NewEvents == 0 {
		fresh = ArmActive
	}
	if i < 0 {
		t.add(Arm{Name: c.Arm, Status: fresh, Cap: l.cap(), Price: l.Price, Rails: make([]Watched, len(cfg.GuardRails))})
		return true, nil
	}
	a := &t.list[i]
	a.Cap, a.Price, a.Until = l.cap(), l.Price, 0
	if seed = a.Status == ArmRemoved; seed || len(a.Rails) > 0 { // guard rails begin anew, too
		a.Events, a.Reward, a.Until, a.Out = 0, 0, t.newest, ""
		a.Could, a.Chosen, a.Inverse = 0, 0, 0
		clear(a.Rails)
	}
	if a.Status = fresh; a.Events >= uint64(cfg.NewEvents) {
		a.Status = ArmActive
	}
	return seed, nil
}

// present lists the names of the arms that are not removed.
func (t *arms) present() []string {
	var out []string
	for i := range t.list {
		if t.list[i].Status != ArmRemoved {
			out = append(out, t.list[i].Name)
		}
	}
	return out
}

// follow makes t, which begins with the arms of the model, its table.
func (m *Model) follow(t *arms) {
	before := *m.live.table()
	if t.len() > before.len() {
		m.live.extend(t)
	}
	for i := range before.list {
		if t.list[i].Status == ArmRemoved && before.list[i].Status != ArmRemoved {
			m.live.forget(i)
		}
	}
	*m.live.table() = *t
	m.arms = m.live.table()
	m.rails = newRails(&m.cfg, m.arms)
}

// seed lets an arm begin with what others have learned: like, or the nearest arms. Those are the
// next lower and the next higher in price, else all arms that may be chosen. With shared
// features a new arm knows what its features are worth, and needs nothing else.
func (m *Model) seed(arm int, like string) {
	m.live.forget(arm) // policies of all arms have gone on with one that came back
	var near []int
	if i := m.arms.find(like); i >= 0 {
		near = []int{i}
	} else {
		near = m.arms.nearest(arm)
	}
	if m.cfg.NewPrior > 0 && len(near) > 0 {
		m.live.seed(arm, near, m.cfg.NewPrior)
	}
}

// nearest lists the arms that an arm is probably like.
func (t *arms) nearest(arm int) []int {
	price, lower, higher := t.list[arm].Price, -1, -1
	var all []int
	for i := range t.list {
		a := &t.list[i]
		if i == arm || !a.open() {
			continue
		}
		all = append(all, i)
		switch {
		case a.Price == 0:
		case a.Price <= price && (lower < 0 || a.Price > t.list[lower].Price):
			lower = i
		case a.Price > price && (higher < 0 || a.Price < t.list[higher].Price):
			higher = i
		}
	}
	if price == 0 || lower < 0 && higher < 0 {
		return all
	}
	return slices.DeleteFunc([]int{lower, higher}, func(i int) bool { return i < 0 })
}

// Table returns what is known of every arm, in the order of their indices.
func (m *Model) Table() []Arm { return m.arms.list }

// ArmNames returns the names of the arms in the order of their indices.
func (m *Model) ArmNames() []string { return m.arms.names() }

// HasBaseline reports whether one of the arms is what decisions fall back to.
func (m *Model) HasBaseline() bool { return m.arms.baseline >= 0 }

// ArmReports says of every arm what people watch.
func (m *Model) ArmReports() []event.ArmReport { return m.arms.reports(&m.cfg) }

// AppendArms appends the table of arms, for UnmarshalUnder.
func (m *Model) AppendArms(b []byte) []byte { return m.arms.append(b) }

// AppendTerms appends what was decided of the arms, and nothing that is learned: two models
// with the same terms let readers choose the same arms.
func (m *Model) AppendTerms(b []byte) []byte {
	for i := range m.arms.list {
		a := &m.arms.list[i]
		b = wire.AppendBool(wire.AppendString(b, a.Name), a.open())
		b = wire.AppendFloat64(wire.AppendFloat64(b, a.Cap), a.Price)
	}
	if m.cfg.Continuous() {
		b = wire.AppendString(b, m.cfg.Baseline)
	}
	return wire.AppendVarint(b, int64(m.arms.baseline))
}

// TermsOf returns the terms of a model that AppendBinary wrote, under the settings that it had then.
func (m *Model) TermsOf(params []byte) ([]byte, error) {
	o, err := Open(params)
	if err != nil {
		return nil, err
	}
	return o.AppendTerms(nil), nil
}

// UnmarshalUnder reads parameters that AppendBinary wrote, as UnmarshalBinary does, but under a newer table of their arms, as
// AppendArms wrote it. The table is what people have decided since, by commands and by settings, in this order, so nothing that settings
// say of arms is applied a second time. Arms that the parameters do not know, or had forgotten, begin with
// what the nearest have learned. A table that does not begin with the arms of the parameters is refused, unless those have learned nothing.
func (m *Model) UnmarshalUnder(params, table []byte) error {
	p, _, err := m.open(params, wire.KindBandit)
	if err != nil {
		return fmt.Errorf("bandit: read model: %w", err)
	}
	r := wire.NewReader(table)
	t := readArms(r)
	if err = r.Err(); err == nil && !t.hasRails(len(m.guards)) {
		err = errRails
	}
	if err == nil {
		if err = t.follows(p.table()); err != nil && p.table().newest == math.MinInt64 {
			p, err = fresh(&m.cfg, t), nil
		}
	}
	if err != nil {
		return fmt.Errorf("bandit: table of arms: %w", err)
	}
	was := p.table().list
	m.live = p
	m.follow(t)
	for i := range t.list {
		if i >= len(was) || was[i].Status == ArmRemoved && t.list[i].open() {
			m.seed(i, "")
		}
	}
	return nil
}

// adopt takes over parameters that were read, with their table of arms as the settings of now
// change those that it was written under.
func (m *Model) adopt(p core, stored *Config) error {
	t := p.table().clone()
	t.keepRails(&m.cfg, stored)
	var begun []int
	for _, c := range m.cfg.changes(stored) {
		i := t.find(c.Arm)
		if gone := i < 0 || !t.list[i].open(); gone != (c.Kind == event.ArmAdd) {
			continue // a command was first
		}
		seed, err := t.change(&c, &m.cfg)
		if err != nil {
			return err
		}
		if seed {
			begun = append(begun, t.find(c.Arm))
		}
	}
	if m.cfg.Baseline == "" && stored.Baseline != "" {
		t.baseline = -1
	}
	if m.cfg.Continuous() {
		t.baseline = m.cfg.baselineBin()
	}
	if err := m.cfg.feasible(t); err != nil {
		return err
	}
	m.live, m.arms = p, p.table()
	m.follow(t)
	for _, i := range begun {
		m.seed(i, "")
	}
	return nil
}

// changes lists what leads from the stored settings of arms to those of c.
func (c *Config) changes(stored *Config) []event.ArmChange {
	var out []event.ArmChange
	for _, a := range c.Arms {
		l := c.limit(a)
		if !slices.Contains(stored.Arms, a) {
			out = append(out, event.ArmChange{Kind: event.ArmAdd, Arm: a, Cap: l.Cap, Price: l.Price})
			continue
		}
		was := stored.limit(a)
		if was.Cap != l.Cap {
			out = append(out, event.ArmChange{Kind: event.ArmCap, Arm: a, Cap: l.Cap})
		}
		if was.Price != l.Price {
			out = append(out, event.ArmChange{Kind: event.ArmPrice, Arm: a, Price: l.Price})
		}
	}
	if c.Baseline != "" && c.Baseline != stored.Baseline {
		out = append(out, event.ArmChange{Kind: event.ArmBaseline, Arm: c.Baseline})
	}
	for _, a := range stored.Arms {
		if !slices.Contains(c.Arms, a) {
			out = append(out, event.ArmChange{Kind: event.ArmRemove, Arm: a})
		}
	}
	return out
}
