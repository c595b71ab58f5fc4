package sgd

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// append appends the configuration that the parameters were learned with:
// loss (0 logistic, 1 squared), optimizer (0 nag, 1 sgd, 2 adagrad) byte; bits
// uvarint; standardize, scale_label, compat vw boolean bytes; rate, power,
// intercept_rate, clip, extreme float64.
func (p *plan) append(b []byte) []byte {
	b = append(b, byte(p.loss), byte(p.optimizer))
	b = wire.AppendUvarint(b, uint64(p.bits))
	for _, v := range [...]bool{p.standardize, p.scaleLabel, p.vw} {
		b = wire.AppendBool(b, v)
	}
	for _, v := range [...]float64{p.rate, p.power, p.interceptRate, p.clip, p.extreme} {
		b = wire.AppendFloat64(b, v)
	}
	return b
}

// openEnvelope opens an envelope and reads the configuration at its start.
func openEnvelope(b []byte, kind wire.Kind) (plan, *wire.Reader, error) {
	version, r, err := wire.Open(b, kind)
	if err != nil {
		return plan{}, nil, err
	}
	if version != formatVersion {
		return plan{}, nil, fmt.Errorf("format version %d, this program reads version %d", version, formatVersion)
	}
	p := plan{loss: loss(r.Byte()), optimizer: optimizer(r.Byte())}
	bits := r.Uvarint()
	p.standardize, p.scaleLabel, p.vw = r.Bool(), r.Bool(), r.Bool()
	p.rate, p.power, p.interceptRate, p.clip, p.extreme = r.Finite(), r.Finite(), r.Finite(), r.Finite(), r.Finite()
	if int(p.loss) >= len(losses) || int(p.optimizer) >= len(optimizers) || bits < 1 || bits > maxBits {
		r.Fail("loss %d, optimizer %d, %d bits", p.loss, p.optimizer, bits)
	}
	p.bits = int(bits)
	return p, r, r.Err()
}

// config returns a configuration whose plan is p.
func (p *plan) config() Config {
	c := Config{
		Loss: losses[p.loss], Optimizer: optimizers[p.optimizer], Rate: p.rate, Power: p.power, InterceptRate: p.interceptRate,
		Bits: p.bits, Standardize: onOff(p.standardize), Clip: p.clip, ScaleLabel: onOff(p.scaleLabel), Extreme: p.extreme,
	}
	if p.vw {
		c.Compat = "vw"
	}
	return c
}

func onOff(v bool) string {
	if v {
		return "on"
	}
	return "off"
}

// compatible says which key makes the parameters of q useless under p.
func (p *plan) compatible(q *plan) error {
	have, want := q.config(), p.config()
	for _, k := range []struct {
		key        string
		have, want any
	}{
		{"loss", have.Loss, want.Loss},
		{"optimizer", have.Optimizer, want.Optimizer},
		{"bits", have.Bits, want.Bits},
		{"compat", have.Compat, want.Compat},
		{"standardize", have.Standardize, want.Standardize},
		{"clip", have.Clip, want.Clip},
		{"scale_label", have.ScaleLabel, want.ScaleLabel},
	} {
		if k.have != k.want {
			return fmt.Errorf("it was learned with learner.%s %v, the configuration has %v", k.key, k.have, k.want)
		}
	}
	return nil
}
