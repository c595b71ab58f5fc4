package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// EDetectorParams are the parameters of EDetector.
type EDetectorParams struct {
	// ARL is the average run length: at most one false alarm in so many values
	// after the reference. Default 100,000.
	ARL float64 `koanf:"arl"`
	// Block is how many values are averaged into one observation. Default 50.
	// Less than 10 keeps the false-alarm bound only where the values are
	// independent and have no heavy upper tail: means, or 0 and 1.
	Block int `koanf:"block"`
	// Reference is how many values the later ones are compared with. Default
	// 10,000; at least 20 blocks. A short reference is less certain of its own
	// mean, so that only larger changes are found.
	Reference int `koanf:"reference"`
	// Mode is the direction of change: up (default), down or both.
	Mode string `koanf:"mode"`
}

const minEBlocks = 20

// DefaultEDetectorParams returns the defaults.
func DefaultEDetectorParams() EDetectorParams {
	return EDetectorParams{ARL: 100_000, Block: 50, Reference: 10_000, Mode: ModeUp}
}

// Validate returns an error that names the key, the value and what is allowed.
func (p *EDetectorParams) Validate() error {
	switch {
	case p.Block < 1 || p.Block > maxBlock:
		return fmt.Errorf("block: %d: must be between 1 and %d", p.Block, maxBlock)
	case p.Reference < minEBlocks*p.Block || p.Reference > maxRefBlocks*p.Block:
		return fmt.Errorf("reference: %d: must be between %d and %d (%d to %d blocks of %d)",
			p.Reference, minEBlocks*p.Block, maxRefBlocks*p.Block, minEBlocks, maxRefBlocks, p.Block)
	case !(p.ARL >= float64(10*p.Block) && p.ARL <= maxARL):
		return fmt.Errorf("arl: %v: must be between %d (10 blocks) and %g", p.ARL, 10*p.Block, maxARL)
	}
	return validateMode(p.Mode)
}

// EDetector compares block means of a sequence of numbers with those of a
// reference window by Shiryaev-Roberts e-detectors (evidence), the way Score
// does it for the loss. After an alarm the old reference is no longer true: it
// collects a new one, and says nothing meanwhile.
// Shin, Ramdas, Rinaldo 2023, https://arxiv.org/abs/2203.03532.
type EDetector struct {
	p         EDetectorParams
	threshold float64

	sum float64 // of the current block
	n   int     // values in it

	blocks []float64 // means of the reference blocks; full once armed
	m, s   float64   // their mean and standard deviation
	up     evidence
	down   evidence
	level  Level
	value  float64 // of the newest block
}

// NewEDetector returns a detector in its initial state.
func NewEDetector(p EDetectorParams) (*EDetector, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("e_detector: %w", err)
	}
	d := &EDetector{p: p, threshold: p.ARL / float64(p.Block), blocks: make([]float64, 0, p.Reference/p.Block)}
	return d, nil
}

// Domain implements Detector.
func (d *EDetector) Domain() Domain { return AnyNumber }

// Reset implements Detector.
func (d *EDetector) Reset() {
	*d = EDetector{p: d.p, threshold: d.threshold, blocks: d.blocks[:0]}
}

// Armed reports whether the reference is complete.
func (d *EDetector) Armed() bool { return len(d.blocks) == cap(d.blocks) }

// Statistic is the value of the newest block; 0 after an alarm.
func (d *EDetector) Statistic() float64 { return d.value }

// Threshold is the value at which the detector alarms.
func (d *EDetector) Threshold() float64 { return d.threshold }

// Observe implements Detector. Between the ends of blocks it repeats the level
// of the newest block, except for Drift, which is reported once.
func (d *EDetector) Observe(x float64) Level {
	d.sum += clamp(x)
	d.n++
	if d.n < d.p.Block {
		return d.level
	}
	mean := d.sum / float64(d.n)
	d.sum, d.n = 0, 0
	if d.Armed() {
		return d.judge((mean - d.m) / d.s)
	}
	d.blocks = append(d.blocks, mean)
	if d.Armed() {
		d.arm()
	}
	return Stable
}

// arm computes the calibration and leaves in blocks nothing that is read again.
func (d *EDetector) arm() {
	d.m, d.s = standardise(d.blocks)
	d.up.calibrate(d.blocks, calmCap)
	for i, c := range d.blocks {
		d.blocks[i] = -c
	}
	d.down.calibrate(d.blocks, calmCap)
	d.up.shift, d.down.shift = 0, 0 // standardised values have mean 0 but for rounding
}

func (d *EDetector) judge(c float64) Level {
	switch d.p.Mode {
	case ModeUp:
		d.value = d.up.observe(c)
	case ModeDown:
		d.value = d.down.observe(-c)
	default:
		d.value = (d.up.observe(c) + d.down.observe(-c)) / 2
	}
	switch {
	case d.value >= d.threshold:
		d.Reset()
		return Drift
	case d.value >= float64(warningPart*d.threshold):
		d.level = Warning
	default:
		d.level = Stable
	}
	return d.level
}

func (d *EDetector) header() [3]float64 {
	return [...]float64{float64(d.p.Block), float64(d.p.Reference), modeNumber(d.p.Mode)}
}

// AppendBinary implements Detector. The average run length is no part of the
// state, so it may be continued with another.
func (d *EDetector) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = appendHeader(b, h[:]...)
	b = wire.AppendFloat64(b, d.sum)
	b = wire.AppendUvarint(b, uint64(d.n))
	b = wire.AppendBool(b, d.Armed())
	if !d.Armed() {
		return wire.AppendFloats(b, d.blocks), nil
	}
	b = wire.AppendFloat64(b, d.m)
	b = wire.AppendFloat64(b, d.s)
	b = d.up.append(b)
	b = d.down.append(b)
	b = append(b, byte(d.level))
	return wire.AppendFloat64(b, d.value), nil
}

// UnmarshalBinary implements Detector.
func (d *EDetector) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	n := EDetector{p: d.p, threshold: d.threshold, blocks: make([]float64, 0, cap(d.blocks))}
	n.read(r)
	if err := r.Close(); err != nil {
		return err
	}
	*d = n
	return nil
}

func (d *EDetector) read(r *wire.Reader) {
	d.sum = readWithin(r, maxSum)
	n := r.Uvarint()
	if n >= uint64(d.p.Block) {
		r.Fail("%d values in a block of %d", n, d.p.Block)
		return
	}
	d.n = int(n)
	if !r.Bool() {
		d.blocks = readInto(r, d.blocks)
		if d.Armed() {
			r.Fail("the reference is complete")
		}
		return
	}
	d.blocks = d.blocks[:cap(d.blocks)]
	d.m, d.s = readWithin(r, 2*huge), readPositive(r)
	d.up.read(r)
	d.down.read(r)
	d.level = Level(r.Byte())
	if d.level > Warning {
		r.Fail("level %d", uint8(d.level))
	}
	d.value = readWithin(r, math.MaxFloat64)
}
