package learner

import (
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

const (
	windowValues = 16                    // values in a sketch of the suspect events
	baseValues   = 32                    // values in a sketch of the quiet ones
	firstSketch  = event.Coordinates / 2 // coordinate from which on features share one
	largestInput = 1e50                  // of what is summed up, and its square
)

// profile is what a number of events look like: their labels, and of a sample
// of them who sent them and what they had in them.
type profile struct {
	blocks        float64
	label, label2 float64 // sums of the mean labels of the blocks, and of their squares

	// The sample. An event counts for as many as it stands for.
	sampled  float64 // events that the sketches have
	weight   float64 // events that these stand for
	keys     heavy
	sources  heavy
	features heavy // the sparse ones; their sums are of gradient times value
	fields   fields
	measured int // no field from this one on has been measured
}

// fields are the numeric fields of a sample, as the reference sees them, by their
// coordinates in the score vector; see event.Coordinates. The first one is that of
// the intercept, which is in all events.
type fields [firstSketch]struct{ weight, sum, square float64 }

func newProfile(values int) profile {
	return profile{keys: newHeavy(values), sources: newHeavy(values), features: newHeavy(values)}
}

// sample is an event that was looked at.
type sample struct {
	n       float64 // events that it stands for
	key     uint64  // hash; 0 for none
	feature uint64  // hash of one of its sparse features; 0 for none
	times   float64 // features that this one stands for
	sum     float64 // gradient times the value of the feature
	source  []byte  // at most longestText bytes
}

// look fills a sample with an event that stands for n of them. The number is random.
func (x *sample) look(e *event.Event, key []byte, grad, n float64, random uint64) {
	*x = sample{n: n, source: append(x.source[:0], e.Source[:min(len(e.Source), longestText)]...)}
	if len(key) > 0 {
		x.key = xxhash.Sum64(key)
	}
	if all := uint64(len(e.X.Sparse)); all > 0 {
		// One of them stands for all, so that an event costs the same with any number.
		i, _ := bits.Mul64(random, all)
		f := &e.X.Sparse[i]
		x.feature, x.times = f.Hash, float64(n*float64(all))
		x.sum = float64(x.times * input(float64(grad*f.Value)))
	}
}

// take counts a sample as times as many events as it stands for.
func (p *profile) take(x *sample, times float64) {
	n := float64(times * x.n)
	p.sampled++
	p.weight += n
	if x.key != 0 {
		p.keys.add(x.key, n, 0, 0, nil)
	}
	if len(x.source) > 0 {
		p.sources.add(xxhash.Sum64(x.source), n, 0, 0, x.source)
	}
	if x.feature != 0 {
		p.features.add(x.feature, float64(times*x.times), 0, float64(times*x.sum), nil)
	}
}

// measure takes the numeric fields of an event that stands for n of them.
func (p *profile) measure(r *event.Reading, n float64) {
	for i, c := range r.J {
		if c >= firstSketch {
			continue
		}
		p.measured = max(p.measured, int(c)+1)
		x := input(r.X[i])
		v := &p.fields[c]
		v.weight += n
		v.sum += float64(n * x)
		v.square += float64(n * float64(x*x))
	}
}

// input bounds what is summed up.
func input(x float64) float64 {
	switch {
	case x > largestInput:
		return largestInput
	case x < -largestInput:
		return -largestInput
	case x == x:
		return x
	}
	return 0
}

// fade makes all events count factor times as much.
func (p *profile) fade(factor float64) {
	for _, v := range p.floats() {
		*v = float64(factor * *v)
	}
	for _, h := range p.sketches() {
		h.fade(factor)
	}
	for c := range p.fields[:p.measured] {
		f := &p.fields[c]
		f.weight, f.sum, f.square = float64(factor*f.weight), float64(factor*f.sum), float64(factor*f.square)
	}
}

// merge adds what other events look like.
func (p *profile) merge(o *profile) {
	p.blocks += o.blocks
	p.label += o.label
	p.label2 += o.label2
	p.sampled += o.sampled
	p.weight += o.weight
	if o.sampled > 0 {
		others := o.sketches()
		for i, h := range p.sketches() {
			h.merge(others[i])
		}
	}
	p.measured = max(p.measured, o.measured)
	for c := range o.fields[:o.measured] {
		f, g := &p.fields[c], &o.fields[c]
		f.weight += g.weight
		f.sum += g.sum
		f.square += g.square
	}
}

// clear forgets all events.
func (p *profile) clear() {
	for _, v := range p.floats() {
		*v = 0
	}
	for _, h := range p.sketches() {
		h.clear()
	}
	p.forgetFields()
}

func (p *profile) forgetFields() {
	clear(p.fields[:p.measured])
	p.measured = 0
}

func (p *profile) sketches() [3]*heavy { return [3]*heavy{&p.keys, &p.sources, &p.features} }

// labels returns the mean label and the standard deviation of its block means.
func (p *profile) labels() (mean, sd float64) {
	if p.blocks == 0 {
		return 0, 0
	}
	mean = p.label / p.blocks
	return mean, math.Sqrt(max(0, p.label2/p.blocks-float64(mean*mean)))
}

// field returns the share of events that have a field, and mean and standard
// deviation of its values.
func (p *profile) field(c int) (share, mean, sd float64) {
	f := &p.fields[c]
	if f.weight == 0 {
		return 0, 0, 0
	}
	mean = f.sum / f.weight
	return f.weight / p.fields[0].weight, mean, math.Sqrt(max(0, f.square/f.weight-float64(mean*mean)))
}

func (p *profile) floats() [5]*float64 {
	return [5]*float64{&p.blocks, &p.label, &p.label2, &p.sampled, &p.weight}
}

func (p *profile) append(b []byte) []byte {
	for _, v := range p.floats() {
		b = wire.AppendFloat64(b, *v)
	}
	for _, h := range p.sketches() {
		b = h.append(b)
	}
	n := p.measured
	for n > 0 && p.fields[n-1].weight == 0 {
		n--
	}
	b = wire.AppendUvarint(b, uint64(n))
	for i := range n {
		f := &p.fields[i]
		b = wire.AppendFloat64(wire.AppendFloat64(wire.AppendFloat64(b, f.weight), f.sum), f.square)
	}
	return b
}

// read reads what append wrote into an empty profile. Errors are left in r.
func (p *profile) read(r *wire.Reader) {
	for _, v := range p.floats() {
		if *v = r.Finite(); !(math.Abs(*v) <= greatest) {
			r.Fail("sum of labels or events %v", *v)
		}
	}
	for _, h := range p.sketches() {
		h.read(r)
	}
	n := r.Count(3 * 8)
	if n > len(p.fields) {
		r.Fail("%d numeric fields", n)
		return
	}
	p.measured = n
	for i := range n {
		f := &p.fields[i]
		f.weight, f.sum, f.square = r.Finite(), r.Finite(), r.Finite()
		if !(f.weight >= 0 && f.weight <= greatest && math.Abs(f.sum) <= greatest && f.square >= 0 && f.square <= greatest) {
			r.Fail("numeric field %d: %+v", i, *f)
			return
		}
	}
}

func (x *sample) append(b []byte) []byte {
	b = wire.AppendFloat64(b, x.n)
	b = wire.AppendUint64(wire.AppendUint64(b, x.key), x.feature)
	b = wire.AppendFloat64(wire.AppendFloat64(b, x.times), x.sum)
	return wire.AppendBytes(b, x.source)
}

// read reads what append wrote. Errors are left in r.
func (x *sample) read(r *wire.Reader) {
	x.n, x.key, x.feature, x.times, x.sum = r.Finite(), r.Uint64(), r.Uint64(), r.Finite(), r.Finite()
	x.source = append(x.source[:0], r.Bytes()...)
	if !(x.n >= 0 && x.n <= greatest && x.times >= 0 && x.times <= greatest && math.Abs(x.sum) <= greatest && len(x.source) <= longestText) {
		r.Fail("sample %+v", *x)
	}
}
