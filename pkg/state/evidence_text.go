package state

import "fmt"

// Findings says what moved in short sentences for people, most telling first.
// name returns the name of a feature, and false for one that is not known.
func (e *Evidence) Findings(name func(Hash) (string, bool)) []string {
	if e == nil {
		return nil
	}
	f := findings{name: name}
	for _, r := range e.Rejects {
		of := ""
		if r.Field != "" {
			of = " of " + r.Field
		}
		f.say("%s of the records refused as %s%s", percent(r.Share), r.Reason, of)
	}
	f.sources(e.Sources)
	f.label(e.Label)
	f.loss(e.Loss)
	f.pulls(e)
	f.shifts(e.Inputs)
	for i := range e.Warnings {
		f.say("warning since offset %d: %s", e.Warnings[i].Offset, e.Warnings[i].Text(f.name))
	}
	for _, k := range e.Keys {
		f.say("key #%016x in %s of the events, was %s", uint64(k.Hash), percent(k.Share), percent(k.Was))
	}
	return f.all
}

type findings struct {
	name func(Hash) (string, bool)
	all  []string
}

func (f *findings) say(format string, args ...any) {
	f.all = append(f.all, fmt.Sprintf(format, args...))
}

func (f *findings) feature(h Hash) string {
	if f.name != nil {
		if s, ok := f.name(h); ok {
			return s
		}
	}
	return fmt.Sprintf("#%016x", uint64(h))
}

// Feature names the coordinate for people.
func (p *Pull) Feature(name func(Hash) (string, bool)) string {
	switch {
	case p.Coordinate == 0:
		return "(intercept)"
	case p.Hash == 0:
		return fmt.Sprintf("coordinate %d", p.Coordinate)
	}
	f := findings{name: name}
	return f.feature(p.Hash)
}

func (f *findings) label(m *Moved) {
	if m != nil {
		f.say("mean label %.3g, was %.3g (%+.1f sd)", m.Mean, m.Was, m.By)
	}
}

func (f *findings) loss(m *Moved) {
	if m != nil && m.Share >= clearShare {
		f.say("loss %.3g, was %.3g (%+.1f sd)", m.Mean, m.Was, m.By)
	}
}

// pulls says along which features the gradient points, if it clearly does.
func (f *findings) pulls(e *Evidence) {
	if e.Direction == nil || e.Direction.Share < clearShare && e.Direction.By < 1 {
		return
	}
	for i := range e.Pull {
		p := &e.Pull[i]
		if i > 0 && p.Share < 0.1 || i > 2 {
			break
		}
		way := "low"
		if p.TooHigh {
			way = "high"
		}
		switch {
		case p.Coordinate == 0:
			f.say("predictions too %s (%s of the gradient's direction)", way, percent(p.Share))
		case p.Hash == 0:
			f.say("%s in %s of the gradient's direction", p.Feature(f.name), percent(p.Share))
		default:
			f.say("predictions too %s with %s (%s of the gradient's direction)", way, p.Feature(f.name), percent(p.Share))
		}
	}
	if len(e.Pull) == 0 {
		f.say("the gradient points one way (%+.1f sd)", e.Direction.By)
	}
}

func (f *findings) shifts(all []Shift) {
	for i, s := range all {
		switch {
		case i > 2:
			return
		case s.By != 0:
			f.say("%s moved by %+.1f of its sd", f.feature(s.Hash), s.By)
		default:
			f.say("%s in %s of the events, was %s", f.feature(s.Hash), percent(s.Share), percent(s.Was))
		}
	}
}

func (f *findings) sources(all []Presence) {
	for _, s := range all {
		who := s.Name
		if who == "" {
			who = fmt.Sprintf("#%016x", uint64(s.Hash))
		}
		f.say("source %s in %s of the events, was %s", who, percent(s.Share), percent(s.Was))
	}
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) }
