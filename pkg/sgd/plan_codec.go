package sgd

import (
	"fmt"

	"github.com/streamlearner/streamlearner/internal/calibrate"
	"github.com/streamlearner/streamlearner/internal/wire"
)

// append appends the configuration that the parameters were learned with:
// loss (0 logistic, 1 squared, 2 hinge, 3 quantile, 4 huber, 5 poisson) and optimizer
// (0 nag, 1 sgd, 2 adagrad, 3 adam, 4 ftrl, 5 coin, 6 arow, 7 scw, 8 rls, 9 auto), schedule (0 constant, 1 power, 2 inverse, 3 exponential) and calibrate (0 none, 1 platt, 2 isotonic) byte; bits,
// classes (0, or of the losses of several classes, which are logistic, or squared
// with csoaa) uvarint; standardize, scale_label boolean bytes; compat (0 none, 1 vw, 2 river) and several (0 ova, 1 softmax, 2 multilabel, 3 csoaa) byte each; tau, delta, rate, decay, power, intercept_rate, beta, l1, l2, clip_gradient, clip, extreme, rate_decay, warmup, clip_coordinate, false_positive_cost, false_negative_cost float64.
func (p *plan) append(b []byte) []byte {
	b = append(b, byte(p.loss), byte(p.optimizer), byte(p.schedule), byte(p.calibrate))
	b = wire.AppendUvarint(b, uint64(p.bits))
	b = wire.AppendUvarint(b, uint64(p.classes))
	b = wire.AppendBool(b, p.standardize)
	b = wire.AppendBool(b, p.scaleLabel)
	b = append(b, p.compat(), byte(p.several))
	for _, v := range p.numbers() {
		b = wire.AppendFloat64(b, *v)
	}
	return b
}

// Conventions of others in the bytes of a configuration.
const (
	compatVW    = 1
	compatRiver = 2
)

func (p *plan) compat() byte {
	switch {
	case p.vw:
		return compatVW
	case p.river:
		return compatRiver
	}
	return 0
}

// numbers are the numbers of a configuration in their encoded order.
func (p *plan) numbers() [17]*float64 {
	return [...]*float64{&p.tau, &p.delta, &p.rate, &p.decay, &p.power, &p.interceptRate, &p.beta, &p.l1, &p.l2, &p.clipGradient, &p.clip, &p.extreme, &p.rateDecay, &p.warmup, &p.clipEach, &p.falsePositive, &p.falseNegative}
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
	p := plan{loss: loss(r.Byte()), optimizer: optimizer(r.Byte()), schedule: schedule(r.Byte()), calibrate: calibrate.Method(r.Byte())}
	bits, classes := r.Uvarint(), r.Uvarint()
	p.standardize, p.scaleLabel = r.Bool(), r.Bool()
	compat := r.Byte()
	p.vw, p.river, p.several = compat == compatVW, compat == compatRiver, several(r.Byte())
	for _, v := range p.numbers() {
		*v = r.Finite()
	}
	if int(p.loss) >= len(losses) || int(p.optimizer) >= len(optimizers) || int(p.schedule) >= len(schedules) || int(p.calibrate) >= len(calibrate.Methods) || !(p.warmup >= 0 && p.warmup <= 1e12) || compat > compatRiver || bits > maxBits ||
		classes == 1 || classes > maxClasses || !p.severalValid(int(classes)) {
		r.Fail("loss %d, optimizer %d, %d bits, %d classes", p.loss, p.optimizer, bits, classes)
	}
	p.bits, p.classes = int(bits), int(classes)
	return p, r, r.Err()
}

// severalValid reports whether the loss fits to what the classes are, if there are any.
func (p *plan) severalValid(classes int) bool {
	if classes == 0 {
		return p.several == 0
	}
	rows := lossLogistic
	if p.several == severalCosts {
		rows = lossSquared
	}
	return int(p.several) < len(severals) && p.loss == rows
}

// config returns a configuration whose plan is p.
func (p *plan) config() Config {
	c := Config{
		Beta: p.beta, L1: p.l1, L2: p.l2, ClipGradient: p.clipGradient,
		Loss: losses[p.loss], Tau: p.tau, Delta: p.delta, Optimizer: optimizers[p.optimizer], Rate: p.rate, Decay: p.decay, Power: p.power, InterceptRate: p.interceptRate,
		FalsePositiveCost: p.falsePositive, FalseNegativeCost: p.falseNegative,
		Calibrate: calibrate.Methods[p.calibrate], Schedule: schedules[p.schedule], RateDecay: p.rateDecay, Warmup: int(p.warmup), ClipCoordinate: p.clipEach,
		Bits: p.bits, Standardize: onOff(p.standardize), Clip: p.clip, ScaleLabel: onOff(p.scaleLabel), Extreme: p.extreme,
	}
	if p.vw {
		c.Compat = "vw"
	} else if p.river {
		c.Compat = "river"
	}
	if p.classes > 0 {
		c.Loss, c.Classes = severals[p.several], p.classes
	}
	if p.optimizer == optRLS {
		c.Rate = 0
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
		{"classes", have.Classes, want.Classes},
		{"tau", have.Tau, want.Tau},
		{"delta", have.Delta, want.Delta},
		{"optimizer", have.Optimizer, want.Optimizer},
		{"bits", have.Bits, want.Bits},
		{"compat", have.Compat, want.Compat},
		{"standardize", have.Standardize, want.Standardize},
		{"beta", have.Beta, want.Beta},
		{"l1", have.L1, want.L1},
		{"l2", have.L2, want.L2},
		{"clip", have.Clip, want.Clip},
		{"calibrate", have.Calibrate, want.Calibrate},
		{"scale_label", have.ScaleLabel, want.ScaleLabel},
	} {
		if k.have != k.want {
			return fmt.Errorf("it was learned with learner.%s %v, the configuration has %v", k.key, k.have, k.want)
		}
	}
	return nil
}
