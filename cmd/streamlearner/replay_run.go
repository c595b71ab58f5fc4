package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/names"
	"github.com/streamlearner/streamlearner/internal/tune"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// replay is one pass over the events of a source.
type replay struct {
	source  *replaySource
	learner *learner.Learner
	account *tune.Account
	elapsed time.Duration

	names   *names.Table // nil unless weights are to be shown
	sampler names.Sampler
}

func newReplay(s *replaySource) (*replay, error) {
	cfg, err := s.model.LearnerConfig(programVersion())
	if err != nil {
		return nil, err
	}
	l, err := learner.New(cfg, state.Position{LeaderEpoch: -1})
	if err != nil {
		return nil, err
	}
	account := tune.NewAccount(catalog.Task(s.model.Learner), nil)
	account.Metrics.At(s.model.Points())
	return &replay{source: s, learner: l, account: account}, nil
}

// run learns from all files, and in the end the decisions that are still open, with a progress bar when w is a terminal.
func (r *replay) run(w io.Writer) error {
	begin := time.Now()
	records, err := recordsOf(&r.source.model, r.source.files, w)
	if err != nil {
		return err
	}
	defer records.close()
	for offset := int64(0); ; offset++ {
		record, err := records.next()
		if errors.Is(err, io.EOF) {
			r.account.Observe(r.learner, r.learner.Finish(), offset)
			r.elapsed = time.Since(begin)
			return nil
		}
		if err != nil {
			return err
		}
		o := r.learner.Feed(learner.Record{Offset: offset, LeaderEpoch: -1, Value: record})
		if r.names != nil && r.sampler.Take() {
			r.names.Look(record)
		}
		r.account.Observe(r.learner, o, offset)
	}
}

// namesEvery is how many records lie between two whose names are learned, where few features may be missed.
const namesEvery = 8

// nameFeatures makes the replay learn the names of features.
func (r *replay) nameFeatures() error {
	if _, ok := r.learner.Model().(weighted); !ok {
		return fmt.Errorf("--weights: a model of the kind %s has none", r.source.model.Learner.Kind)
	}
	r.names, r.sampler = nameTable(r.source.model), names.Sampler{Every: namesEvery}
	return nil
}

// topWeights returns the weights to show, nil for none.
func (r *replay) topWeights(n int) *weightsReport {
	m, ok := r.learner.Model().(weighted)
	if r.names == nil || !ok {
		return nil
	}
	return topWeights(m, r.names.Names(), n)
}

// recordReader reads files one after the other, with a progress bar for each
// when w is a terminal.
type recordReader struct {
	files []*dataset.File // that are not read to the end
	ended int             // files that are
	w     io.Writer
	bar   *progress // of the first file; nil before its first record
	n     int       // records
}

func newRecordReader(files []*dataset.File, w io.Writer) *recordReader {
	return &recordReader{files: files, w: w}
}

// next returns the next record, valid until the next call, or io.EOF.
func (r *recordReader) next() ([]byte, error) {
	for len(r.files) > 0 {
		f := r.files[0]
		if r.bar == nil {
			r.bar = newProgress(r.w, f.Name, f.Size)
		}
		record, err := f.Next()
		if errors.Is(err, io.EOF) {
			r.close()
			r.files = r.files[1:]
			r.ended++
			continue
		}
		if r.n++; r.n%256 == 0 {
			r.bar.set(f.Done())
		}
		return record, err
	}
	return nil, io.EOF
}

// place says where the newest record is.
func (r *recordReader) place() string {
	f := r.files[0]
	return placeIn(f.Name, f.Line())
}

// at is place by the index of the file.
func (r *recordReader) at() (file, line int) { return r.ended, r.files[0].Line() }

// close removes the progress bar.
func (r *recordReader) close() {
	if r.bar != nil {
		r.bar.close()
		r.bar = nil
	}
}
