package learner

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// RebuildConfig says what to replay.
type RebuildConfig struct {
	// Config makes the configuration of a learner with these settings.
	Config func(settings string) (Config, error)
	// Blob reads a blob of the partition, and Find what a command is about.
	Blob func(state.Sum) ([]byte, error)
	Find func(state.Args) (*state.Found, error)

	// From is the version to begin with. Nil begins without history, at Start.
	From  *state.Version
	Start int64
	// To is the version to end with, and Between are others on the way. What
	// comes out is compared with each of them.
	To      state.Version
	Between []state.Version
}

// Rebuild replays the records of a partition from a version on, with the
// operator's commands, the changes of configuration and the skipped ranges that
// the journal tells of, and compares what comes out with the versions that were
// made of these records. Feed it from Next to End, then call Finish.
type Rebuild struct {
	cfg     RebuildConfig
	l       *Learner
	entries []Entry         // of the journal that are to come
	goals   []state.Version // that are to come, ascending
	same    int             // goals that came out the same
	last    int64           // offset up to which all was the same
}

// Divergence tells that a replay came to something else than it should.
type Divergence struct {
	// It came about between the records at offsets First and Last.
	First, Last int64
	Want        state.Version
	// Got is what came out instead; Number is 0 when no version was made there.
	Got    state.Version
	Detail string
	Causes []string // likely ones, by what is known
}

func (d *Divergence) Error() string {
	return fmt.Sprintf("diverged between the records at offsets %d and %d: %s", d.First, d.Last, d.Detail)
}

// ErrJournal is wrapped when the journal does not tell all that a replay needs.
var ErrJournal = errors.New("the journal is not enough")

// NewRebuild loads the version to begin with and the journal.
func NewRebuild(c RebuildConfig) (*Rebuild, error) {
	if c.To.State.IsZero() {
		return nil, fmt.Errorf("version %d was not made from records of this partition: it has no state that it was taken from", c.To.Number)
	}
	r := &Rebuild{cfg: c}
	end, err := r.load(&c.To)
	if err != nil {
		return nil, err
	}
	if c.From == nil {
		err = r.begin(end)
	} else {
		r.l, err = r.load(c.From)
	}
	if err != nil {
		return nil, err
	}
	if r.last = r.l.next.Offset; r.last > c.To.Next.Offset {
		return nil, fmt.Errorf("the replay would begin at offset %d, behind the end of version %d at %d", r.last, c.To.Number, c.To.Next.Offset)
	}
	if r.entries, err = r.journal(end); err != nil {
		return nil, err
	}
	for _, v := range append(slices.Clone(c.Between), c.To) {
		if !v.State.IsZero() && v.Number > r.l.versions && v.Number <= c.To.Number {
			r.goals = append(r.goals, v)
		}
	}
	slices.SortStableFunc(r.goals, func(a, b state.Version) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.Sum[:], b.Sum[:]))
	})
	r.goals = slices.CompactFunc(r.goals, func(a, b state.Version) bool { return a.Same(&b) })
	return r, r.enter()
}

// load restores the state that v was taken from, under its own settings.
func (r *Rebuild) load(v *state.Version) (*Learner, error) {
	head, err := r.cfg.Blob(v.State)
	if errors.Is(err, state.ErrNotFound) {
		return nil, fmt.Errorf("state of version %d: %w: a failover of the store has lost it; choose another version", v.Number, err)
	}
	if err != nil {
		return nil, fmt.Errorf("state of version %d: %w", v.Number, err)
	}
	d, err := Describe(head)
	if err != nil {
		return nil, fmt.Errorf("state of version %d: %w", v.Number, err)
	}
	cfg, err := r.cfg.Config(d.Settings)
	if err != nil {
		return nil, fmt.Errorf("settings of version %d: %w", v.Number, err)
	}
	return RestoreVersion(cfg, v, r.cfg.Blob)
}

// begin makes a learner without history, under the settings that the state at
// the end had before the first change of configuration.
func (r *Rebuild) begin(end *Learner) error {
	settings := end.cfg.Settings
	for i := len(end.journal) - 1; i >= 0; i-- {
		if e := &end.journal[i]; e.Kind == EntryConfig {
			var err error
			if settings, err = settingsBefore(settings, e.Why); err != nil {
				return fmt.Errorf("%w: change of configuration at offset %d: %w; begin with a version instead", ErrJournal, e.Offset, err)
			}
		}
	}
	cfg, err := r.cfg.Config(settings)
	if err != nil {
		return fmt.Errorf("settings at the beginning: %w", err)
	}
	r.l, err = New(cfg, state.Position{Offset: r.cfg.Start, LeaderEpoch: -1})
	return err
}

// journal returns the entries between the beginning and the end. The state at
// the end has the last of them; versions on the way have older ones.
func (r *Rebuild) journal(end *Learner) ([]Entry, error) {
	if end.entries < r.l.entries {
		return nil, fmt.Errorf("%w: it has %d entries at version %d, fewer than the %d where the replay begins", ErrJournal, end.entries, r.cfg.To.Number, r.l.entries)
	}
	need := int(end.entries - r.l.entries)
	out := end.journal[max(0, len(end.journal)-need):]
	between := slices.Clone(r.cfg.Between)
	slices.SortFunc(between, func(a, b state.Version) int { return cmp.Compare(b.Number, a.Number) })
	for i := range between {
		v := &between[i]
		if len(out) >= need {
			break
		}
		if v.State.IsZero() || v.Next.Offset >= r.cfg.To.Next.Offset {
			continue
		}
		l, err := r.load(v)
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// Of its entries, newer are those that out has already.
		newer := int(end.entries-l.entries) - len(out)
		if newer > 0 || l.entries < r.l.entries {
			continue
		}
		older := l.journal[:len(l.journal)+newer]
		older = older[max(0, len(older)-(need-len(out))):]
		out = append(slices.Clone(older), out...)
	}
	for i := range out {
		if e := &out[i]; e.Kind == CommandSeek && e.Args.Lost && e.Error == "" {
			return nil, fmt.Errorf("%w: at offset %d %s went on with another log of the topic than the one that was learned until then; "+
				"begin with a version behind that", ErrJournal, e.Offset, e.Who)
		}
	}
	if len(out) < need {
		return nil, fmt.Errorf("%w: %d of %d commands and changes of configuration are known, the versions in between that had the others are gone; "+
			"begin with a version that is not as old", ErrJournal, len(out), need)
	}
	return out, nil
}

// Next is the offset of the next record. It may jump over records that were skipped.
func (r *Rebuild) Next() int64 { return r.l.next.Offset }

// End is the offset behind the last record.
func (r *Rebuild) End() int64 { return r.cfg.To.Next.Offset }

// Same is how many versions came out the same so far.
func (r *Rebuild) Same() int { return r.same }

// Learner is the learner as it stands.
func (r *Rebuild) Learner() *Learner { return r.l }

// Feed takes the next record. An error ends the replay; a *Divergence tells
// that it came to something else than it should.
func (r *Rebuild) Feed(rec Record) error {
	if rec.Offset < r.l.next.Offset {
		return nil // skipped
	}
	if err := r.inPlace(rec.Offset); err != nil {
		return err
	}
	r.l.Feed(rec)
	if err := r.compare(r.l.next.Offset); err != nil {
		return err
	}
	return r.enter()
}

// Finish compares what is left, after the last record.
func (r *Rebuild) Finish() error {
	if err := r.inPlace(r.End() - 1); err != nil {
		return err
	}
	return r.compare(r.End())
}
