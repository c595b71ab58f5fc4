package factor

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/scale"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// formatVersion is the version of both envelopes of this package.
const formatVersion = 1

// AppendBinary appends the live parameters and all optimizer state as a sealed
// envelope of kind KindFactor:
//
//	configuration (Config.append)
//	events uvarint; sum of weights, largest sparse magnitude, mean norm of gradients float64
//	label statistics: weight, mean, M2, lowest, highest, largest magnitude float64
//	numeric fields (scale.Scaler.Append)
//	intercept, as a linear row without its key
//	linear rows (table.append): weight, sum of squared gradients, with ftrl also z
//	factor rows (table.append): the factors, then their sums of squared gradients
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = wire.Begin(b, wire.KindFactor, formatVersion)
	b = m.cfg.append(b)
	b = wire.AppendUvarint(b, m.events)
	for _, v := range [...]float64{m.weight, m.sparse, m.norm} {
		b = wire.AppendFloat64(b, v)
	}
	b = m.labels.Append(b)
	b = m.scaler.Append(b)
	for _, v := range m.live.intercept[:m.p.linearStride()] {
		b = wire.AppendFloat64(b, v)
	}
	b = m.live.linear.append(b)
	b = m.live.factors.append(b)
	return wire.Seal(b, start), nil
}

// UnmarshalBinary replaces the live parameters by those that AppendBinary
// wrote. References stay. Bytes of another configuration, or damaged ones, are
// refused and change nothing. Rates, penalties, clip_gradient and extreme may
// differ: they say how to go on, not what the parameters mean.
func (m *Model) UnmarshalBinary(b []byte) error {
	r, err := m.open(b, wire.KindFactor)
	if err != nil {
		return fmt.Errorf("factor: read model: %w", err)
	}
	events, weight, sparse, norm := r.Uvarint(), r.Finite(), r.Finite(), r.Finite()
	if r.Err() == nil && (min(weight, sparse, norm) < 0 || sparse > scale.Largest) {
		r.Fail("weight %v, largest sparse magnitude %v, mean norm %v", weight, sparse, norm)
	}
	labels := scale.ReadLabels(r)
	scaler := scale.Read(r, m.p.scaling())
	var live params
	stride := m.p.linearStride()
	for i := range live.intercept[:stride] {
		live.intercept[i] = r.Finite()
	}
	if !validLinear(live.intercept[:stride]) {
		r.Fail("intercept %v", live.intercept)
	}
	live.linear = readTable(r, stride, m.p.bits, validLinear)
	live.factors = readTable(r, 2*m.p.k, m.p.bits, validFactors)
	if err := r.Close(); err != nil {
		return fmt.Errorf("factor: read model: %w", err)
	}
	m.live, m.scaler, m.labels = live, scaler, labels
	m.events, m.weight, m.sparse, m.norm = events, weight, sparse, norm
	return nil
}

// parameters reports whether all values can be parameters.
func parameters(values []float64) bool {
	for _, v := range values {
		if !(math.Abs(v) <= maxParameter) {
			return false
		}
	}
	return true
}

// validLinear reports whether an optimizer can have left a linear row.
func validLinear(row []float64) bool { return parameters(row[:1]) && row[1] >= 0 }

// validFactors reports whether AdaGrad can have left a row of factors.
func validFactors(row []float64) bool {
	for _, sum := range row[len(row)/2:] {
		if sum < 0 {
			return false
		}
	}
	return parameters(row[:len(row)/2])
}

// Open returns the model that AppendBinary wrote, with the configuration that
// the bytes name. It is how readers get a model to Score with.
func Open(b []byte) (*Model, error) {
	c, _, err := openConfig(b, wire.KindFactor)
	if err != nil {
		return nil, fmt.Errorf("factor: read model: %w", err)
	}
	m, err := New(c)
	if err != nil {
		return nil, fmt.Errorf("factor: read model: %w: %w", wire.ErrCorrupt, err)
	}
	return m, m.UnmarshalBinary(b)
}

// open reads an envelope that was written under the model's own configuration.
func (m *Model) open(b []byte, kind wire.Kind) (*wire.Reader, error) {
	c, r, err := openConfig(b, kind)
	if err != nil {
		return nil, err
	}
	return r, m.cfg.compatible(&c)
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

// append writes the configuration: model, loss, optimizer, user, item string;
// factors, bits uvarint; seed varint; standardize, scale_label bool; rate,
// rate_factors, beta, l1, l2, l2_factors, init, clip_gradient, clip, extreme float64.
func (c *Config) append(b []byte) []byte {
	for _, s := range [...]string{c.Model, c.Loss, c.Optimizer, c.User, c.Item} {
		b = wire.AppendString(b, s)
	}
	b = wire.AppendUvarint(b, uint64(c.Factors))
	b = wire.AppendUvarint(b, uint64(c.Bits))
	b = wire.AppendVarint(b, int64(c.Seed))
	b = wire.AppendBool(b, c.Standardize != "off")
	b = wire.AppendBool(b, c.ScaleLabel != "off")
	for _, v := range c.numbers() {
		b = wire.AppendFloat64(b, *v)
	}
	return b
}

// numbers are the numbers of a configuration in their encoded order.
func (c *Config) numbers() [10]*float64 {
	return [...]*float64{&c.Rate, &c.RateFactors, &c.Beta, &c.L1, &c.L2, &c.L2Factors, &c.Init, &c.ClipGradient, &c.Clip, &c.Extreme}
}

func readConfig(r *wire.Reader) Config {
	c := Config{Model: r.String(), Loss: r.String(), Optimizer: r.String(), User: r.String(), Item: r.String()}
	c.Factors, c.Bits, c.Seed = int(r.Uvarint()), int(r.Uvarint()), int(r.Varint())
	c.Standardize, c.ScaleLabel = onOff(r.Bool()), onOff(r.Bool())
	for _, v := range c.numbers() {
		*v = r.Finite()
	}
	return c
}

func onOff(v bool) string {
	if v {
		return "on"
	}
	return "off"
}

// compatible says which key makes parameters learned under stored useless under c.
func (c *Config) compatible(stored *Config) error {
	for _, k := range []struct {
		key         string
		stored, now any
	}{
		{"model", stored.Model, c.Model},
		{"loss", stored.Loss, c.Loss},
		{"optimizer", stored.Optimizer, c.Optimizer},
		{"user", stored.User, c.User},
		{"item", stored.Item, c.Item},
		{"factors", stored.Factors, c.Factors},
		{"bits", stored.Bits, c.Bits},
		{"init", stored.Init, c.Init},
		{"seed", stored.Seed, c.Seed},
		{"standardize", stored.Standardize, onOff(c.Standardize != "off")},
		{"scale_label", stored.ScaleLabel, onOff(c.ScaleLabel != "off")},
		{"clip", stored.Clip, c.Clip},
	} {
		if k.stored != k.now {
			return fmt.Errorf("learner.factor.%s: stored %v, configured %v: the stored parameters belong to another configuration", k.key, k.stored, k.now)
		}
	}
	return nil
}
