package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/offpolicy"
)

// opeJoin joins the decisions and the rewards of a log.
type opeJoin struct {
	model  configs.Model
	names  []string          // of the files
	joiner *offpolicy.Joiner // of the newest pass
}

// takeJoin finds out whether the log has decisions and rewards apart, where the model has its rewards joined.
func (l *opeLog) takeJoin(m *configs.Model) error {
	if !m.Source.Join.On() || l.format.Name != dataset.JSON || l.isJoined() {
		return nil
	}
	for _, f := range []struct{ flag, given, configured, key string }{
		{"reward", l.fields.Reward, m.Source.Label, "label"}, {"id", l.in.id, m.Source.ID, "id"}, {"time", l.in.time, m.Source.Time, "time"},
	} {
		if l.in.changed(f.flag) && f.given != f.configured {
			return fmt.Errorf("--%s %s: source.%s is %s, by which the rewards of this log are joined with their decisions; leave the flag out", f.flag, f.given, f.key, f.configured)
		}
	}
	j := &opeJoin{model: *m, names: l.in.files}
	b := &j.model.Learner.Bandit
	if len(l.in.arms) > 0 {
		b.Arms = l.in.arms
	}
	if l.in.bounds != nil {
		b.RewardMin, b.RewardMax = l.in.bounds[0], l.in.bounds[1]
	}
	l.join = j
	return nil
}

// isJoined reports whether a record at the beginning of a file is a decision with its reward.
func (l *opeLog) isJoined() bool {
	return slices.ContainsFunc(l.first, func(f *dataset.File) bool {
		return slices.ContainsFunc(f.Beginning(), func(raw []byte) bool {
			return offpolicy.IsJoined(l.format, raw, l.fields.Reward, l.fields.Propensity)
		})
	})
}

// pass gives the decisions of files, joined with their rewards, to row.
func (j *opeJoin) pass(files []*dataset.File, w io.Writer, row func(number uint64, place func() string, raw []byte) error) error {
	cfg, err := j.model.LearnerConfig(programVersion())
	if err != nil {
		return err
	}
	model, err := cfg.Model()
	if err != nil {
		return err
	}
	if j.joiner, err = offpolicy.NewJoiner(cfg.Join, j.model.Source.Label, model); err != nil {
		return err
	}
	in, err := recordsOf(&j.model, files, w)
	if err != nil {
		return err
	}
	defer in.close()
	rows := uint64(0)
	joined := func(d offpolicy.Joined) error {
		rows++
		return row(rows, func() string { return placeIn(j.names[d.Place>>lineBits], int(d.Place&(1<<lineBits-1))) }, d.Raw)
	}
	for number := uint64(1); ; number++ {
		raw, err := in.next()
		if errors.Is(err, io.EOF) {
			return j.joiner.Finish(joined)
		}
		if err != nil {
			return err
		}
		file, line := in.at()
		where := func() string { return placeIn(j.names[file], line) }
		if err := j.joiner.Feed(raw, int64(file)<<lineBits|int64(line), number, where, joined); err != nil {
			return err
		}
	}
}

// lineBits is how many bits of the place of a record are its line; those above are the file.
const lineBits = 40

// fillJoin tells how the log was joined.
func (r *opeReport) fillJoin(j *opeJoin) {
	if j == nil {
		return
	}
	stats := j.joiner.Stats()
	r.Join = joinOf(&stats)
	for _, x := range j.joiner.Refusals.List() {
		r.Refused = append(r.Refused, x)
		r.Rows += x.Count
	}
	r.Used = r.Rows
	if closed := stats.Rewarded + stats.Unrewarded; float64(stats.Open) > 0.01*float64(closed) {
		r.warn("%d of %d decisions were open when the log ended: rewards of theirs may be missing; add the records that came after", stats.Open, closed)
	}
}
