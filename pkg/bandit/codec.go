package bandit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// ErrNoReference is returned for a reference that is not set.
var ErrNoReference = errors.New("reference is not set")

const formatVersion = 1

// AppendBinary appends the live parameters as a sealed envelope of kind
// KindBandit: the configuration, then
//
//	thompson: of every arm alpha, beta float64
//	linucb:   events uvarint, largest sparse magnitude float64,
//	          numeric fields (scale.Scaler.Append),
//	          number of features uvarint, their hashes uint64,
//	          of every arm: known features n uvarint, the rows of the lower
//	          triangle of the Cholesky factor of A, then b, float64
//
// The intercept, if there is one, is known feature 0 and has no hash.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	return m.seal(b, wire.KindBandit, m.live), nil
}

// UnmarshalBinary replaces the live parameters by those that AppendBinary
// wrote. References stay. Bytes of another configuration, or damaged ones, are
// refused and change nothing.
func (m *Model) UnmarshalBinary(b []byte) error {
	p, err := m.open(b, wire.KindBandit)
	if err != nil {
		return fmt.Errorf("bandit: read model: %w", err)
	}
	m.live = p
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
	m.refs[i] = m.fresh()
	m.refs[i].decode(wire.NewReader(m.live.append(nil)))
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
	p, err := m.open(b, wire.KindReference)
	if err != nil {
		return fmt.Errorf("bandit: read reference: %w", err)
	}
	m.refs[i] = p
	return nil
}

func (m *Model) seal(b []byte, kind wire.Kind, p policy) []byte {
	start := len(b)
	b = wire.Begin(b, kind, formatVersion)
	b = m.cfg.append(b)
	b = p.append(b)
	return wire.Seal(b, start)
}

// open reads parameters that were written under the model's own configuration.
func (m *Model) open(b []byte, kind wire.Kind) (policy, error) {
	c, r, err := openConfig(b, kind)
	if err != nil {
		return nil, err
	}
	if err := m.cfg.same(&c); err != nil {
		return nil, err
	}
	p := m.fresh()
	p.decode(r)
	return p, r.Close()
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

// append writes the configuration: policy string, number of arms uvarint,
// their names, floor, prior alpha, prior beta, alpha, lambda float64, max_features
// uvarint, intercept, standardize bool, clip, extreme float64.
func (c *Config) append(b []byte) []byte {
	b = wire.AppendString(b, c.Policy)
	b = wire.AppendUvarint(b, uint64(len(c.Arms)))
	for _, a := range c.Arms {
		b = wire.AppendString(b, a)
	}
	for _, v := range [...]float64{c.Floor, c.PriorAlpha, c.PriorBeta, c.Alpha, c.Lambda} {
		b = wire.AppendFloat64(b, v)
	}
	b = wire.AppendUvarint(b, uint64(c.MaxFeatures))
	b = wire.AppendBool(b, c.Intercept)
	b = wire.AppendBool(b, c.standardize())
	b = wire.AppendFloat64(b, c.Clip)
	return wire.AppendFloat64(b, c.Extreme)
}

func readConfig(r *wire.Reader) Config {
	c := Config{Policy: r.String()}
	for range r.Count(1) {
		c.Arms = append(c.Arms, r.String())
	}
	c.Floor, c.PriorAlpha, c.PriorBeta, c.Alpha, c.Lambda = r.Finite(), r.Finite(), r.Finite(), r.Finite(), r.Finite()
	c.MaxFeatures = int(r.Uvarint())
	c.Intercept = r.Bool()
	c.Standardize = "off"
	if r.Bool() {
		c.Standardize = "on"
	}
	c.Clip, c.Extreme = r.Finite(), r.Finite()
	return c
}

// same says in which setting a stored configuration differs from c, if it does.
func (c *Config) same(stored *Config) error {
	if !slices.Equal(c.Arms, stored.Arms) {
		return differs("arms", stored.Arms, c.Arms)
	}
	for _, k := range []struct {
		key         string
		stored, now any
	}{
		{"policy", stored.Policy, c.Policy},
		{"floor", stored.Floor, c.Floor},
		{"prior_alpha", stored.PriorAlpha, c.PriorAlpha},
		{"prior_beta", stored.PriorBeta, c.PriorBeta},
		{"alpha", stored.Alpha, c.Alpha},
		{"lambda", stored.Lambda, c.Lambda},
		{"max_features", stored.MaxFeatures, c.MaxFeatures},
		{"intercept", stored.Intercept, c.Intercept},
		{"standardize", stored.standardize(), c.standardize()},
		{"clip", stored.Clip, c.Clip},
		{"extreme", stored.Extreme, c.Extreme},
	} {
		if k.stored != k.now {
			return differs(k.key, k.stored, k.now)
		}
	}
	return nil
}

func differs(key string, stored, now any) error {
	return fmt.Errorf("learner.bandit.%s: stored %v, configured %v: the stored parameters belong to another configuration", key, stored, now)
}
