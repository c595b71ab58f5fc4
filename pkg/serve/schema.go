package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// reading is how events are read under one schema. Versions of the same schema
// share one, and with it the memory of its decoders.
type reading struct {
	layout  event.Layout
	form    *form     // of decisions
	scratch sync.Pool // of *scratch
}

// scratch is memory that a call needs and the next one uses again.
type scratch struct {
	home    *reading
	decoder *event.JSON
	event   event.Event
}

// free ends the use of s, which may be nil.
func (s *scratch) free() {
	if s != nil {
		s.home.scratch.Put(s)
	}
}

func newReading(l event.Layout) (*reading, error) {
	r := &reading{layout: l}
	r.form = newForm(&r.layout.Schema)
	if l.Format == "json" {
		s, err := r.newScratch()
		if err != nil {
			return nil, err
		}
		s.free()
	}
	return r, nil
}

func (r *reading) newScratch() (*scratch, error) {
	decoder, err := event.NewJSON(r.layout.Schema, false)
	if err != nil {
		return nil, err
	}
	return &scratch{home: r, decoder: decoder}, nil
}

// decode returns scratch memory that holds the event, to be freed even with an error.
func (r *reading) decode(b []byte) (*scratch, error) {
	if r.layout.Format != "json" {
		return nil, fmt.Errorf("%w: the model learns from %s: decode events so and use Score, or set Options.Schema to read JSON",
			ErrSchema, r.layout.Format)
	}
	s, ok := r.scratch.Get().(*scratch)
	if !ok {
		var err error
		if s, err = r.newScratch(); err != nil {
			return nil, err
		}
	}
	return s, s.decoder.Decode(b, &s.event)
}

// lead is how an event is read while its partition is not known: by the first
// version that says it. nil when none does.
func lead(all []*served) *reading {
	for _, s := range all {
		if s != nil && s.reading != nil {
			return s.reading
		}
	}
	return nil
}

// decode reads an event by the schema of the version that is to score it, and
// returns it with its partition. The scratch memory is to be freed even with
// an error.
func (c *Client) decode(t *table, b []byte) (*scratch, int32, error) {
	if t.lead == nil {
		return nil, 0, c.unreadable(t)
	}
	s, err := t.lead.decode(b)
	if err != nil {
		return s, 0, err
	}
	p, err := c.partition(t, &s.event)
	if err != nil {
		return s, 0, err
	}
	v, err := c.at(t, p)
	if err != nil || v.reading == s.home {
		return s, p, err
	}
	// Partitions differ while a change of the configuration is being rolled out.
	s.free()
	if v.reading == nil {
		return nil, p, c.unreadable(t)
	}
	s, err = v.reading.decode(b)
	return s, p, err
}

// unreadable is the error of a version that says not how events are read, or
// of a table without any version.
func (c *Client) unreadable(t *table) error {
	if !slices.ContainsFunc(t.served, func(s *served) bool { return s != nil }) {
		return fmt.Errorf("%w of model %s", ErrNoModel, c.opts.Model)
	}
	return fmt.Errorf("%w: model %s was published without one: set Options.Schema to the model's sections source and features", ErrSchema, c.opts.Model)
}

// attach gives a version the reading of its schema, which it shares with those
// of known that have the same.
func (c *Client) attach(s *served, known []*served) error {
	if s == nil || s.reading != nil {
		return nil
	}
	var layout event.Layout
	var err error
	switch {
	case c.override != nil:
		c.compare(s.pointer.Schema)
		layout = c.override.layout
	case len(s.pointer.Schema) == 0:
		return nil
	default:
		if layout, err = event.ParseLayout(s.pointer.Schema); err != nil {
			return fmt.Errorf("version %d of model %s: %w", s.pointer.Number, c.opts.Model, err)
		}
	}
	if s.model.bandit != nil && layout.Arm != "" {
		layout.Arms = s.model.bandit.Arms() // the configured ones, and those that were added since
	}
	same := func(k *served) bool {
		return k != nil && k.reading != nil && (c.override != nil || bytes.Equal(k.pointer.Schema, s.pointer.Schema)) &&
			slices.Equal(k.reading.layout.Arms, layout.Arms)
	}
	for _, k := range append([]*served{{reading: c.override}}, known...) {
		if same(k) {
			s.reading = k.reading
			return nil
		}
	}
	if s.reading, err = newReading(layout); err != nil {
		return fmt.Errorf("version %d of model %s: %w", s.pointer.Number, c.opts.Model, err)
	}
	return nil
}

// compare warns when Options.Schema makes other features than a published
// schema that was not compared before.
func (c *Client) compare(published json.RawMessage) {
	if len(published) == 0 || bytes.Equal(published, c.compared) {
		return
	}
	c.compared = published
	layout, err := event.ParseLayout(published)
	if err != nil {
		c.log.Warn("cannot compare Options.Schema with the published schema", "model", c.opts.Model, "err", err)
		return
	}
	if diff := featureDiff(&c.opts.Schema, &layout.Schema); len(diff) > 0 {
		c.log.Warn("Options.Schema makes other features than the published schema: scores may be wrong; leave it out to use the published one",
			"model", c.opts.Model, "differs", diff)
	}
}

// featureDiff lists the lists of fields in which two schemas differ. Fields
// that have a meaning of their own are no features, just as excluded ones.
func featureDiff(ours, published *event.Schema) []string {
	left := func(s *event.Schema) []string {
		return append([]string{s.Label, s.Weight, s.Time, s.Key, s.ID, s.Arm, s.Probability, s.Eligible}, s.Exclude...)
	}
	var diff []string
	for _, list := range []struct {
		name            string
		ours, published []string
	}{
		{"no features", left(ours), left(published)},
		{"context", []string{ours.Context}, []string{published.Context}},
		{"actions", []string{ours.Actions}, []string{published.Actions}},
		{"include", ours.Include, published.Include},
		{"numeric", ours.Numeric, published.Numeric},
		{"categorical", ours.Categorical, published.Categorical},
		{"text", ours.Text, published.Text},
		{"ngrams", ngrams(ours), ngrams(published)},
		{"log1p", ours.Log1p, published.Log1p},
		{"cyclic", ours.Cyclic, published.Cyclic},
		{"missing", ours.Missing, published.Missing},
		{"target", ours.Target, published.Target},
		{"count", ours.Count, published.Count},
		{"cross", products(ours), products(published)},
	} {
		if a, b := set(list.ours), set(list.published); !slices.Equal(a, b) {
			diff = append(diff, fmt.Sprintf("%s: %q, published %q", list.name, a, b))
		}
	}
	return diff
}

// ngrams is the greatest length of an n-gram, as a list.
func ngrams(s *event.Schema) []string { return []string{strconv.Itoa(max(s.Ngrams, 1))} }

// products lists the crosses, each with its fields in order.
func products(s *event.Schema) []string {
	var out []string
	for _, c := range s.Cross {
		out = append(out, strings.Join(slices.Sorted(slices.Values(c)), " x "))
	}
	return out
}

// set returns the fields of a list in order, each once, without empty ones.
func set(list []string) []string {
	out := slices.DeleteFunc(slices.Clone(list), func(f string) bool { return f == "" })
	slices.Sort(out)
	return slices.Compact(out)
}
