package drift

import "github.com/streamlearner/streamlearner/internal/wire"

func (d *ADWIN) header() [6]float64 {
	return [...]float64{
		d.p.Delta, float64(d.p.Clock), float64(d.p.MaxBuckets), float64(d.p.MinWindowLength), float64(d.p.GracePeriod), modeNumber(d.p.Mode),
	}
}

// AppendBinary implements Detector.
func (d *ADWIN) AppendBinary(b []byte) ([]byte, error) {
	h := d.header()
	b = appendHeader(b, h[:]...)
	b = wire.AppendUvarint(b, uint64(d.tick))
	b = wire.AppendFloat64(b, d.total)
	b = wire.AppendFloat64(b, d.variance)
	b = wire.AppendUvarint(b, uint64(d.rows))
	for row := range d.rows {
		from := row * (d.p.MaxBuckets + 1)
		b = wire.AppendFloats(b, d.sums[from:from+d.count[row]])
		for _, v := range d.spreads[from : from+d.count[row]] {
			b = wire.AppendFloat64(b, v)
		}
	}
	return b, nil
}

// UnmarshalBinary implements Detector.
func (d *ADWIN) UnmarshalBinary(b []byte) error {
	r := wire.NewReader(b)
	h := d.header()
	readHeader(r, h[:]...)
	if r.Err() != nil {
		return r.Err()
	}
	n, err := NewADWIN(d.p)
	if err != nil {
		return err
	}
	n.read(r)
	if err := r.Close(); err != nil {
		return err
	}
	*d = *n
	return nil
}

func (d *ADWIN) read(r *wire.Reader) {
	tick := r.Uvarint()
	d.total, d.variance = readWithin(r, maxSum), readWithin(r, maxSum*maxSum)
	rows := r.Uvarint()
	if tick >= uint64(d.p.Clock) || rows < 1 || rows > adwinRows {
		r.Fail("%d values since a check every %d, %d rows", tick, d.p.Clock, rows)
		return
	}
	d.tick, d.rows = int(tick), int(rows)
	for row := range d.rows {
		n := r.Count(16)
		// Only the first row may be empty, and only while the window is.
		if n > d.p.MaxBuckets || n == 0 && d.rows > 1 {
			r.Fail("%d buckets in a row", n)
			return
		}
		from := row * (d.p.MaxBuckets + 1)
		for i := range n {
			d.sums[from+i] = readWithin(r, maxSum)
		}
		for i := range n {
			d.spreads[from+i] = readWithin(r, maxSum*maxSum)
		}
		d.count[row] = n
		d.width += float64(float64(n) * size(row))
	}
}
