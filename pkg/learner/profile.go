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
	sampled  float64 // events that were looked at
	weight   float64 // events that these stand for
	keys     heavy
	sources  heavy
	features heavy // the sparse ones; their sums are of gradient times value
	fields   fields
}

// fields are the numeric fields of a sample, as the reference sees them, by their
// coordinates in the score vector; see event.Coordinates. The first one is that of
// the intercept, which is in all events.
type fields [firstSketch]struct{ weight, sum, square float64 }

func newProfile(values int) profile {
	return profile{keys: newHeavy(values), sources: newHeavy(values), features: newHeavy(values)}
}

// look takes an event that stands for n of them, drawn by the number at random. r
// is nil where there is no reference.
func (p *profile) look(e *event.Event, key []byte, grad float64, r *event.Reading, n float64, random uint64) {
	p.sampled++
	p.weight += n
	if len(key) > 0 {
		p.keys.add(xxhash.Sum64(key), n, 0, 0, nil)
	}
	if len(e.Source) > 0 {
		p.sources.add(xxhash.Sum64(e.Source), n, 0, 0, e.Source)
	}
	if all := uint64(len(e.X.Sparse)); all > 0 {
		// One of them stands for all, so that an event costs the same with any number.
		i, _ := bits.Mul64(random, all)
		f := &e.X.Sparse[i]
		times := float64(n * float64(all))
		p.features.add(f.Hash, times, 0, float64(times*input(float64(grad*f.Value))), nil)
	}
	if r == nil {
		return
	}
	for i, c := range r.J {
		if c >= firstSketch {
			continue
		}
		x := input(r.X[i])
		f := &p.fields[c]
		f.weight += n
		f.sum += float64(n * x)
		f.square += float64(n * float64(x*x))
	}
}

// input bounds what is summed up.
func input(x float64) float64 {
	if x != x {
		return 0
	}
	return min(max(x, -largestInput), largestInput)
}

// merge adds what other events look like, after fading those that are there.
func (p *profile) merge(o *profile, fade float64) {
	p.blocks = float64(fade*p.blocks) + o.blocks
	p.label = float64(fade*p.label) + o.label
	p.label2 = float64(fade*p.label2) + o.label2
	p.sampled = float64(fade*p.sampled) + o.sampled
	p.weight = float64(fade*p.weight) + o.weight
	others := o.sketches()
	for i, h := range p.sketches() {
		h.fade(fade)
		h.merge(others[i])
	}
	for c := range p.fields {
		f, g := &p.fields[c], &o.fields[c]
		if f.weight == 0 && g.weight == 0 {
			continue
		}
		f.weight = float64(fade*f.weight) + g.weight
		f.sum = float64(fade*f.sum) + g.sum
		f.square = float64(fade*f.square) + g.square
	}
}

// clear forgets all events.
func (p *profile) clear() {
	for _, h := range p.sketches() {
		h.clear()
	}
	*p = profile{keys: p.keys, sources: p.sources, features: p.features}
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
	n := len(p.fields)
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
	for i := range n {
		f := &p.fields[i]
		f.weight, f.sum, f.square = r.Finite(), r.Finite(), r.Finite()
		if !(f.weight >= 0 && f.weight <= greatest && math.Abs(f.sum) <= greatest && f.square >= 0 && f.square <= greatest) {
			r.Fail("numeric field %d: %+v", i, *f)
			return
		}
	}
}
