package learner

// DropEntry forgets an entry of the journal that is to come, and returns it.
func (r *Rebuild) DropEntry(kind string) Entry {
	for i, e := range r.entries {
		if e.Kind == kind && e.Error == "" {
			r.entries = append(r.entries[:i:i], r.entries[i+1:]...)
			return e
		}
	}
	return Entry{}
}

// LiveModel is the model that learns: the challenger while frozen.
func (l *Learner) LiveModel() Model { return l.model }
