package drift

import (
	"fmt"
	"math"

	"github.com/streamlearner/streamlearner/internal/wire"
)

const scoreVersion = 3

// AppendBinary appends the state of the detector. The average run length is no
// part of it, so a state may be continued with another.
func (s *Score) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, scoreVersion)
	b = wire.AppendUvarint(b, uint64(s.dim))
	b = wire.AppendUvarint(b, uint64(s.cfg.Window))
	b = wire.AppendUvarint(b, uint64(s.cfg.Block))
	b = append(b, byte(s.cfg.Loss), byte(s.phase))
	b = wire.AppendUvarint(b, uint64(s.block))
	if s.phase == sampling {
		b = wire.AppendFloats(b, s.ref.losses)
		return wire.AppendFloats(b, s.ref.grads), nil
	}
	b = wire.AppendFloat64(b, s.clipLoss)
	b = wire.AppendFloat64(b, s.clipGrad)
	b = appendSparse(b, s.u)
	for _, sum := range s.loss {
		b = wire.AppendFloat64(b, sum)
	}
	b = wire.AppendUvarint(b, uint64(s.n))
	if s.phase == calibrating {
		return s.ref.append(b, s.dim), nil
	}
	return s.appendCalibration(b), nil
}

func (s *Score) appendCalibration(b []byte) []byte {
	b = s.white.append(b)
	for i := range s.align {
		b = s.align[i].append(b)
	}
	b = s.spread.append(b)
	for i := range s.rises {
		b = s.rises[i].append(b)
	}
	b = append(b, byte(s.level))
	b = wire.AppendFloat64(b, s.value)
	return wire.AppendFloat64(b, s.fired)
}

// append writes the mean losses and, of the mean score vectors, the
// coordinates that are not 0 in all of them.
func (r *reference) append(b []byte, dim int) []byte {
	var used []uint16
	for c := range dim {
		for k := c; k < len(r.blocks); k += dim {
			if r.blocks[k] != 0 {
				used = append(used, uint16(c))
				break
			}
		}
	}
	for _, means := range r.means {
		b = wire.AppendFloats(b, means)
	}
	b = appendCoordinates(b, used)
	for k := 0; k < len(r.blocks); k += dim {
		for _, c := range used {
			b = wire.AppendFloat64(b, r.blocks[k+int(c)])
		}
	}
	return b
}

// UnmarshalBinary replaces the state by what AppendBinary wrote. It refuses
// bytes of another dimension, window, block or loss and then changes nothing.
func (s *Score) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	if v := r.Byte(); v != scoreVersion {
		r.Fail("version %d of a score detector, %d is known", v, scoreVersion)
	}
	for _, f := range [...]struct {
		name string
		want int
	}{{"dimension", s.dim}, {"guard.window", s.cfg.Window}, {"guard.block", s.cfg.Block}} {
		if v := r.Uvarint(); v != uint64(f.want) {
			r.Fail("%s is %d in the stored detector, %d here", f.name, v, f.want)
		}
	}
	if v := r.Byte(); v != byte(s.cfg.Loss) {
		r.Fail("stored detector clips for loss %d, this one for %d", v, s.cfg.Loss)
	}
	p, block := r.Byte(), r.Uvarint()
	if phase(p) > watching || phase(p) == sampling && s.cfg.Loss != ClipQuantile {
		r.Fail("phase %d", p)
	}
	if r.Err() != nil {
		return r.Err()
	}
	d := Score{cfg: s.cfg, dim: s.dim}
	d.Reset()
	d.phase = phase(p)
	for uint64(d.block) < block && 2*d.block <= maxBlock {
		d.block *= 2
	}
	if uint64(d.block) != block {
		return fmt.Errorf("%w: blocks of %d events, %d configured", wire.ErrCorrupt, block, s.cfg.Block)
	}
	d.read(r)
	if err := r.Close(); err != nil {
		return err
	}
	*s = d
	return nil
}

// read restores what follows the phase.
func (s *Score) read(r *wire.Reader) {
	if s.phase == sampling {
		s.ref.losses = readInto(r, s.ref.losses)
		s.ref.grads = readInto(r, s.ref.grads)
		if n := len(s.ref.losses); n == cap(s.ref.losses) || n != len(s.ref.grads) {
			r.Fail("sample of %d losses and %d gradients, fewer than %d of each expected", n, len(s.ref.grads), cap(s.ref.losses))
		}
		return
	}
	s.clipLoss, s.clipGrad = readPositive(r), readPositive(r)
	if max(s.clipLoss, s.clipGrad) > clipFactor*huge {
		r.Fail("clips %v and %v", s.clipLoss, s.clipGrad)
	}
	readSparse(r, s.u)
	for i := range s.loss {
		s.loss[i] = readWithin(r, maxSum)
	}
	n := r.Uvarint()
	if n >= uint64(s.block) {
		r.Fail("%d events in a block of %d", n, s.block)
		return
	}
	s.n = int(n)
	if s.phase == calibrating {
		s.ref.read(r, s.dim)
		return
	}
	s.ref = nil
	s.readCalibration(r)
}

func (s *Score) readCalibration(r *wire.Reader) {
	s.white.read(r, s.dim)
	s.w = s.w[:len(s.white.active)]
	for i := range s.align {
		s.align[i].read(r, len(s.w))
	}
	s.spread.read(r)
	for i := range s.rises {
		s.rises[i].read(r)
	}
	s.level = Level(r.Byte())
	if s.level > Warning {
		r.Fail("level %d", uint8(s.level))
	}
	s.value, s.fired = readWithin(r, math.MaxFloat64), readWithin(r, math.MaxFloat64)
}

func (r *reference) read(w *wire.Reader, dim int) {
	for i := range r.means {
		r.means[i] = readInto(w, r.means[i])
		if len(r.means[i]) == r.count || len(r.means[i]) != r.len() {
			w.Fail("losses of %d blocks, others of %d, fewer than %d expected", len(r.means[i]), r.len(), r.count)
			return
		}
	}
	used := readCoordinates(w, nil, dim, 8*r.len())
	r.blocks = r.blocks[:r.len()*dim]
	for k := 0; k < len(r.blocks); k += dim {
		for _, c := range used {
			r.blocks[k+int(c)] = readWithin(w, huge)
		}
	}
}

// appendSparse appends the elements of v that are not 0.
func appendSparse(b []byte, v []float64) []byte {
	n := 0
	for _, x := range v {
		if x != 0 {
			n++
		}
	}
	b = wire.AppendUvarint(b, uint64(n))
	for i, x := range v {
		if x != 0 {
			b = wire.AppendUvarint(b, uint64(i))
			b = wire.AppendFloat64(b, x)
		}
	}
	return b
}

// readSparse fills v, which is all 0. A sum over a block may have overflowed.
func readSparse(r *wire.Reader, v []float64) {
	last := -1
	for range r.Count(1 + 8) {
		i := r.Uvarint()
		x := r.Float64()
		if r.Err() != nil || i >= uint64(len(v)) || int(i) <= last {
			r.Fail("coordinate %d after %d, %d in all", i, last, len(v))
			return
		}
		v[i], last = x, int(i)
	}
}

func appendCoordinates(b []byte, v []uint16) []byte {
	b = wire.AppendUvarint(b, uint64(len(v)))
	for _, c := range v {
		b = wire.AppendUvarint(b, uint64(c))
	}
	return b
}

// readCoordinates reads ascending coordinates below dim, each of which is
// followed by size more bytes somewhere.
func readCoordinates(r *wire.Reader, dst []uint16, dim, size int) []uint16 {
	last := -1
	for range r.Count(1 + size) {
		c := r.Uvarint()
		if r.Err() != nil || c >= uint64(dim) || int(c) <= last {
			r.Fail("coordinate %d after %d, %d in all", c, last, dim)
			return dst
		}
		dst, last = append(dst, uint16(c)), int(c)
	}
	return dst
}
