package bandit

import (
	"errors"
	"fmt"
	"time"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// ErrNoReference is returned for a reference that is not set.
var ErrNoReference = errors.New("reference is not set")

var errRails = fmt.Errorf("%w: arms do not have the guard rails of the settings", wire.ErrCorrupt)

const formatVersion = 4

// AppendBinary appends the live parameters as a sealed envelope of kind
// KindBandit: the configuration, the table of arms, then the state of the policy. docs/format/bandit.md has
// every byte, and what a reader needs to compute probabilities from them.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	return m.seal(b, wire.KindBandit, m.live), nil
}

// UnmarshalBinary replaces the live parameters by those that AppendBinary
// wrote, and the table of arms. References stay. Where the settings about arms differ from
// those that the bytes were written under, the table follows the difference, as
// by ChangeArm. Bytes of another configuration otherwise, or damaged ones, are refused and change nothing.
func (m *Model) UnmarshalBinary(b []byte) error {
	p, stored, err := m.open(b, wire.KindBandit)
	if err == nil {
		err = m.adopt(p, stored)
	}
	if err != nil {
		return fmt.Errorf("bandit: read model: %w", err)
	}
	return nil
}

// Open returns the model that AppendBinary wrote, with the configuration that
// the bytes name.
func Open(b []byte) (*Model, error) {
	c, _, err := openConfig(b, wire.KindBandit)
	if err != nil {
		return nil, fmt.Errorf("bandit: read model: %w", err)
	}
	m, err := New(c)
	if err != nil {
		return nil, fmt.Errorf("bandit: read model: %w: %w", wire.ErrCorrupt, err)
	}
	return m, m.UnmarshalBinary(b)
}

// SetReference freezes the live parameters as reference i, 0 or 1.
func (m *Model) SetReference(i int) {
	m.refs[i] = m.copyOf(m)
}

// DropReference stops evaluating reference i.
func (m *Model) DropReference(i int) { m.refs[i] = nil }

// AppendReference appends reference i as a sealed envelope of kind
// KindReference with the layout of AppendBinary.
func (m *Model) AppendReference(i int, b []byte) ([]byte, error) {
	if m.refs[i] == nil {
		return b, fmt.Errorf("bandit: reference %d: %w", i, ErrNoReference)
	}
	return m.seal(b, wire.KindReference, m.refs[i]), nil
}

// UnmarshalReference sets reference i from what AppendReference wrote. Bytes of
// another configuration, or damaged ones, are refused and change nothing.
func (m *Model) UnmarshalReference(i int, b []byte) error {
	p, _, err := m.open(b, wire.KindReference)
	if err != nil {
		return fmt.Errorf("bandit: read reference: %w", err)
	}
	m.refs[i] = p
	return nil
}

func (m *Model) seal(b []byte, kind wire.Kind, p core) []byte {
	start := len(b)
	b = wire.Begin(b, kind, formatVersion)
	b = m.cfg.append(b)
	b = p.table().append(b)
	b = p.append(b)
	return wire.Seal(b, start)
}

// open reads parameters that were written under the model's own configuration, but for what that says of arms.
func (m *Model) open(b []byte, kind wire.Kind) (core, *Config, error) {
	c, r, err := openConfig(b, kind)
	if err != nil {
		return nil, nil, err
	}
	if err := m.cfg.same(&c); err != nil {
		return nil, nil, err
	}
	t := readArms(r)
	if r.Err() != nil {
		return nil, nil, r.Err()
	}
	if !t.hasRails(len(c.GuardRails)) {
		return nil, nil, errRails
	}
	p := fresh(&m.cfg, t)
	p.decode(r)
	return p, &c, r.Close()
}

func openConfig(b []byte, kind wire.Kind) (Config, *wire.Reader, error) {
	version, r, err := wire.Open(b, kind)
	if err != nil {
		return Config{}, nil, err
	}
	if version != formatVersion {
		return Config{}, nil, fmt.Errorf("format version %d: this program reads version %d; use the program that wrote it, or a newer one", version, formatVersion)
	}
	c := readConfig(r)
	return c, r, r.Err()
}

// append writes the configuration: the words, the flags, the numbers, the whole
// numbers and the durations in milliseconds, each in the order of its table, then the arms, their limits and the guard rails.
func (c Config) append(b []byte) []byte {
	c.resolve()
	for _, s := range c.choices() {
		b = wire.AppendString(b, *s.at)
	}
	for _, f := range c.flags() {
		b = wire.AppendBool(b, *f.at)
	}
	for _, n := range c.numbers() {
		b = wire.AppendFloat64(b, *n.at)
	}
	for _, n := range c.wholes() {
		b = wire.AppendUvarint(b, uint64(*n.at))
	}
	for _, d := range c.spans() {
		b = wire.AppendUvarint(b, uint64(d.at.Milliseconds()))
	}
	b = wire.AppendUvarint(b, uint64(len(c.Arms)))
	for _, a := range c.Arms {
		b = wire.AppendString(b, a)
	}
	b = wire.AppendUvarint(b, uint64(len(c.Limits)))
	for _, l := range c.Limits {
		b = wire.AppendFloat64(wire.AppendFloat64(wire.AppendString(b, l.Arm), l.Cap), l.Price)
	}
	b = wire.AppendUvarint(b, uint64(len(c.GuardRails)))
	for _, g := range c.GuardRails {
		b = wire.AppendString(wire.AppendString(b, g.Metric), g.Worse)
		b = wire.AppendFloat64(wire.AppendFloat64(b, g.Min), g.Max)
		b = wire.AppendFloat64(wire.AppendString(b, g.Margin), g.Alpha)
	}
	return b
}

// readConfig reads the configuration.
func readConfig(r *wire.Reader) Config {
	var c Config
	for _, s := range c.choices() {
		*s.at = r.String()
	}
	for _, f := range c.flags() {
		*f.at = r.Bool()
	}
	for _, n := range c.numbers() {
		*n.at = r.Finite()
	}
	for _, n := range c.wholes() {
		*n.at = int(r.Uvarint())
	}
	for _, d := range c.spans() {
		ms := r.Uvarint()
		if ms > uint64(maxSpan/time.Millisecond) {
			r.Fail("a duration of %d ms", ms)
			break
		}
		*d.at = time.Duration(ms) * time.Millisecond
	}
	for range r.Count(1) {
		c.Arms = append(c.Arms, r.String())
	}
	for range r.Count(17) {
		c.Limits = append(c.Limits, Limit{Arm: r.String(), Cap: r.Finite(), Price: r.Finite()})
	}
	for range r.Count(27) {
		c.GuardRails = append(c.GuardRails, GuardRail{Metric: r.String(), Worse: r.String(), Min: r.Finite(), Max: r.Finite(), Margin: r.String(), Alpha: r.Finite()})
	}
	return c
}

// same says in which setting a stored configuration differs from c, if it does,
// those about arms excepted.
func (c *Config) same(stored *Config) error {
	now, then := c.settings(), stored.settings()
	for i, s := range now {
		if s != then[i] && !AboutArms(s.key) {
			return differs(s.key, then[i].value, s.value)
		}
	}
	return nil
}

// setting is the value of a key.
type setting struct {
	key   string
	value any
}

// settings lists all but the arms and their limits.
func (c Config) settings() []setting {
	c.resolve()
	var out []setting
	for _, s := range c.choices() {
		out = append(out, setting{s.key, *s.at})
	}
	for _, f := range c.flags() {
		out = append(out, setting{f.key, *f.at})
	}
	for _, n := range c.numbers() {
		out = append(out, setting{n.key, *n.at})
	}
	for _, n := range c.wholes() {
		out = append(out, setting{n.key, *n.at})
	}
	for _, d := range c.spans() {
		out = append(out, setting{d.key, *d.at})
	}
	return out
}

func differs(key string, stored, now any) error {
	return fmt.Errorf("learner.bandit.%s: stored %v, configured %v: the stored parameters belong to another configuration", key, stored, now)
}
