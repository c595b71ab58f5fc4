package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Layout is all that turns the records of a topic into events: their format and
// the Schema. Its JSON is published with every model, so that a reader makes of
// a record what the learner made of it.
type Layout struct {
	Format    string   `json:"format"`              // json, csv, libsvm or vw
	Columns   []string `json:"columns,omitempty"`   // csv: names of the columns
	Delimiter string   `json:"delimiter,omitempty"` // csv: one character
	Schema
}

// ParseLayout reads the JSON of a Layout. A field that it does not know is an
// error: a later version may have named there what makes a feature.
func ParseLayout(b []byte) (Layout, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var l Layout
	err := d.Decode(&l)
	if err == nil && d.More() {
		err = errors.New("more than one JSON value")
	}
	if err == nil && l.Format == "" {
		err = errors.New("names no format")
	}
	if err == nil {
		err = l.Validate()
	}
	if err != nil {
		return Layout{}, fmt.Errorf("schema %.200s cannot be read, a newer version of streamlearner may have written it: %w", b, err)
	}
	return l, nil
}

// Published returns the layout as readers of a model are given it: what the guard alone
// needs is excluded from the features instead.
func (l Layout) Published() Layout {
	for _, n := range l.named() {
		if (n.role == roleSource || n.role == roleLogged) && n.field != "" && !l.isFeature(n) {
			l.Exclude = append(slices.Clip(l.Exclude), n.field)
		}
	}
	l.Exclude = append(slices.Clip(l.Exclude), l.Metrics...)
	l.Source, l.Logged, l.Metrics = "", "", nil
	return l
}

// Comma returns the delimiter as NewCSV takes it; 0, which that refuses, unless
// it is one byte.
func (l *Layout) Comma() byte {
	if len(l.Delimiter) != 1 {
		return 0
	}
	return l.Delimiter[0]
}
