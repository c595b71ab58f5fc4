package learner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// enter takes the entries of the journal that stand before the next record.
func (r *Rebuild) enter() error {
	for len(r.entries) > 0 && r.entries[0].Offset == r.l.next.Offset {
		e := &r.entries[0]
		if err := r.take(e); errors.As(err, new(*Divergence)) {
			return err
		} else if err != nil {
			return fmt.Errorf("%s of %s at offset %d: %w", e.Kind, e.Who, e.Offset, err)
		}
		r.entries = r.entries[1:]
	}
	return nil
}

// inPlace checks that no entry of the journal was passed on the way to the record at an offset.
func (r *Rebuild) inPlace(offset int64) error {
	if len(r.entries) == 0 || r.entries[0].Offset > offset {
		return nil
	}
	e := &r.entries[0]
	return r.diverged(e.Offset, fmt.Sprintf("the %s of %s took effect before the record at offset %d, but the last one that the replay has read is at %d",
		e.Kind, e.Who, e.Offset, r.l.next.Offset-1), "records have gone from the log since, by deletion or compaction")
}

// take repeats one entry of the journal.
func (r *Rebuild) take(e *Entry) error {
	switch {
	case e.Error != "": // it was refused and changed nothing
		r.l.record(*e)
		return nil
	case e.Kind == EntryConfig:
		return r.reconfigure(e)
	case slices.Contains([]string{CommandFreeze, CommandUnfreeze, CommandSeek, CommandPolicy}, e.Kind) || aboutArms(e.Kind):
		return r.command(e, nil)
	}
	return r.versionEntry(e)
}

func (r *Rebuild) command(e *Entry, f *state.Found) error {
	r.l.ApplyTo(e.Command, f)
	if err := r.l.journal[len(r.l.journal)-1].Error; err != "" {
		return r.diverged(e.Offset+1, fmt.Sprintf("the %s of %s at offset %d was applied, and the replay refuses it: %s", e.Kind, e.Who, e.Offset, err),
			"an order or a change before it is not in the journal")
	}
	return nil
}

// versionEntry repeats a command about a version. What such a command does to
// readers leaves no trace in parameters, so only those that change the model
// need the version to be kept still, and with arms those that hold readers: a change
// of the arms gives what readers are held at a number, too.
func (r *Rebuild) versionEntry(e *Entry) error {
	if e.Kind == CommandPromote && e.Args.Version == 0 {
		if r.l.hold != nil { // else what was held is no longer kept
			return r.command(e, nil)
		}
		r.l.record(*e)
		return nil
	}
	f, err := r.cfg.Find(e.Args)
	if err != nil {
		return err
	}
	if f.Problem == "" {
		return r.command(e, f)
	}
	if e.Args.Restore {
		return fmt.Errorf("%w: it put a version into the model that is no longer there: %s; begin with a version behind offset %d", ErrJournal, f.Problem, e.Offset)
	}
	if _, ok := r.l.model.(Armed); ok && (e.Kind == CommandRollback || e.Kind == CommandPromote) {
		return fmt.Errorf("%w: readers were held at a version that is no longer there, by which changes of the arms number others: %s; begin with a version behind offset %d",
			ErrJournal, f.Problem, e.Offset)
	}
	if e.Kind == CommandImport {
		r.l.versions++
	}
	r.l.record(*e)
	return nil
}

// reconfigure goes on under other settings, as a restart does.
func (r *Rebuild) reconfigure(e *Entry) error {
	cfg, err := r.cfg.Config(e.Body)
	if err != nil {
		return err
	}
	l, err := Restore(cfg, r.l.Snapshot())
	if err != nil {
		return err
	}
	if l.entries != r.l.entries+1 {
		return r.diverged(e.Offset+1, fmt.Sprintf("the settings changed at offset %d (%s), and the replay had the new ones already", e.Offset, e.Why),
			"a change of configuration before it is not in the journal")
	}
	l.journal[len(l.journal)-1] = *e
	r.l = l
	return nil
}

// compare compares the newest checkpoint with the versions that end at or before an offset.
func (r *Rebuild) compare(next int64) error {
	for len(r.goals) > 0 && r.goals[0].Next.Offset <= next {
		goal := r.goals[0]
		// After a failover that lost writes two versions may have one number.
		n := 1
		for n < len(r.goals) && r.goals[n].Number == goal.Number {
			n++
		}
		twins := r.goals[:n]
		r.goals = r.goals[n:]
		got, ok := r.checkpointAt(goal.Next.Offset)
		if ok && slices.ContainsFunc(twins, func(v state.Version) bool { return v.Same(&got) && v.Learned == got.Learned }) {
			r.same++
			r.last = goal.Next.Offset
			continue
		}
		return r.differs(&goal, got, ok)
	}
	return nil
}

// checkpointAt returns the version that was taken before the record at an offset, if it was the last.
func (r *Rebuild) checkpointAt(offset int64) (v state.Version, ok bool) {
	if len(r.l.pending) == 0 {
		return v, false
	}
	c := &r.l.pending[len(r.l.pending)-1]
	if c.version.Next.Offset != offset {
		return v, false
	}
	return c.sealed(), true
}

// differs describes how the replay missed a version.
func (r *Rebuild) differs(want *state.Version, got state.Version, made bool) error {
	var detail string
	switch {
	case !made:
		detail = fmt.Sprintf("the replay made no version before offset %d, where version %d was made", want.Next.Offset, want.Number)
	case got.Number != want.Number:
		detail = fmt.Sprintf("the replay made version %d where version %d was made", got.Number, want.Number)
	case got.Learned != want.Learned:
		detail = fmt.Sprintf("version %d had learned %d events, the replay %d", want.Number, want.Learned, got.Learned)
	default:
		detail = fmt.Sprintf("version %d has parameters %.12s, the replay %.12s", want.Number, want.Sum, got.Sum)
	}
	d := r.diverged(want.Next.Offset, detail, r.causes(want)...)
	d.Want, d.Got = *want, got
	return d
}

func (r *Rebuild) diverged(last int64, detail string, causes ...string) *Divergence {
	return &Divergence{First: r.last, Last: max(r.last, last-1), Detail: detail, Causes: causes}
}

// causes are what may be behind a difference from a version.
func (r *Rebuild) causes(v *state.Version) (out []string) {
	cfg := &r.l.cfg
	fed := uint64(0)
	if head, err := r.cfg.Blob(v.State); err == nil {
		if d, err := Describe(head); err == nil {
			fed = d.Fed
		}
	}
	switch {
	case fed > r.l.fed:
		out = append(out, fmt.Sprintf("%d records are missing: Kafka has deleted or compacted them since", fed-r.l.fed))
	case fed > 0 && fed < r.l.fed:
		out = append(out, fmt.Sprintf("%d records more were read than were learned then", r.l.fed-fed))
	}
	if v.Config != cfg.hash() {
		out = append(out, fmt.Sprintf("the configuration was another: its hash is %s, of the replay %s", v.Config, cfg.hash()))
	}
	if v.Arch != cfg.Arch {
		out = append(out, fmt.Sprintf("the version was computed on %s, the replay runs on %s", v.Arch, cfg.Arch))
	}
	if v.Binary != cfg.Binary {
		out = append(out, fmt.Sprintf("the version was made by program %s, the replay by %s", v.Binary, cfg.Binary))
	}
	if len(out) == 0 {
		out = append(out, "a record has another content than it had then, or the topic was created anew")
	}
	return out
}

// settingsBefore undoes a change of settings as the journal describes it.
func settingsBefore(settings, why string) (string, error) {
	lines := parseSettings(settings)
	for change := range strings.SplitSeq(why, "; ") {
		key, values, ok := strings.Cut(change, ": stored ")
		was, is, ok2 := strings.Cut(values, ", configured ")
		if !ok || !ok2 {
			return "", fmt.Errorf("%q names no old and new value", change)
		}
		i, found := slices.BinarySearchFunc(lines, key, func(s setting, key string) int { return strings.Compare(s.key, key) })
		if found != (is != noSetting) || found && lines[i].value != is {
			return "", fmt.Errorf("%s was changed to %s, and has another value afterwards", key, is)
		}
		switch {
		case !found:
			lines = slices.Insert(lines, i, setting{key, was})
		case was == noSetting:
			lines = slices.Delete(lines, i, i+1)
		default:
			lines[i].value = was
		}
	}
	var b strings.Builder
	for _, s := range lines {
		b.WriteString(s.key + "=" + s.value + "\n")
	}
	return b.String(), nil
}
