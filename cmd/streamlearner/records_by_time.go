package main

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// recordSource is what files hold, one record after the other.
type recordSource interface {
	next() ([]byte, error) // valid until the next call; io.EOF at the end
	at() (file, line int)  // where the newest record is; the line is 0 in a file without lines
	close()                // removes the progress bar
}

// recordsByTime reads several files side by side, of the records that come next always the one with the earliest time: a file of
// decisions and one of their rewards become the stream that they were.
type recordsByTime struct {
	files []*dataset.File
	heads []head
	last  int // index of the file of the newest record; -1 before it
	time  *event.JSONTime
	bar   *progress
	n     int
}

// head is the next record of a file.
type head struct {
	record []byte // nil at the end of the file
	time   int64
}

// recordsOf reads the files of a model: by time where decisions and rewards are joined by it, else one after the other.
func recordsOf(m *configs.Model, files []*dataset.File, w io.Writer) (recordSource, error) {
	if !m.Source.Join.On() || len(files) < 2 {
		return newRecordReader(files, w), nil
	}
	return newRecordsByTime(m.Source.Time, files, w)
}

// newRecordsByTime reads JSON, whose time is in a field of that name.
func newRecordsByTime(field string, files []*dataset.File, w io.Writer) (*recordsByTime, error) {
	d, err := event.NewJSONTime(field)
	if err != nil {
		return nil, err
	}
	r := &recordsByTime{files: files, heads: make([]head, len(files)), last: -1, time: d}
	total := int64(0)
	for i, f := range files {
		if err := r.advance(i); err != nil {
			return nil, err
		}
		if total += f.Size; f.Size < 0 {
			total = math.MinInt64 / 2 // unknown
		}
	}
	r.bar = newProgress(w, fmt.Sprintf("%d files", len(files)), max(total, -1))
	return r, nil
}

// advance reads the next record of a file. One without a time comes at once: whoever reads it will refuse it.
func (r *recordsByTime) advance(i int) error {
	record, err := r.files[i].Next()
	if errors.Is(err, io.EOF) {
		r.heads[i] = head{}
		return nil
	}
	if err != nil {
		return err
	}
	h := head{record, math.MinInt64}
	if t, ok := r.time.Of(record); ok {
		h.time = t
	}
	r.heads[i] = h
	return nil
}

func (r *recordsByTime) next() ([]byte, error) {
	if r.last >= 0 {
		if err := r.advance(r.last); err != nil {
			return nil, err
		}
	}
	first := -1
	for i, h := range r.heads {
		if h.record != nil && (first < 0 || h.time < r.heads[first].time) { // at the same time the files have their order
			first = i
		}
	}
	if first < 0 {
		return nil, io.EOF
	}
	r.last = first
	if r.n++; r.n%256 == 0 {
		var done int64
		for _, f := range r.files {
			done += f.Done()
		}
		r.bar.set(done)
	}
	return r.heads[first].record, nil
}

func (r *recordsByTime) at() (file, line int) { return r.last, r.files[r.last].Line() }

func (r *recordsByTime) close() { r.bar.close() }

// placeIn says where a record is; a file without lines has the line 0.
func placeIn(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s: line %d", file, line)
}
