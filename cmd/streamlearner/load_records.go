package main

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// records yields what goes to the topic.
type records struct {
	f      *dataset.File
	format string
	object *dataset.Object // nil for lines that go as they are
	keys   event.Decoder   // nil without a key
	e      event.Event
	value  []byte
}

var errColumns = errors.New("another number of columns")

func newRecords(f *dataset.File, key string) (*records, error) {
	r := &records{f: f, format: f.Format}
	if f.Format == dataset.CSV {
		r.format, r.object = dataset.JSON, dataset.NewObject(f.Columns, f.Comma)
		if key != "" {
			i, err := f.Column(key)
			if err != nil {
				return nil, err
			}
			key = f.Columns[i]
		}
	}
	if key == "" {
		return r, nil
	}
	if r.format != dataset.JSON {
		return nil, fmt.Errorf("--key %s: the format %s has no fields to take a key from", key, r.format)
	}
	m := configs.DefaultModel()
	m.Source.Key = key
	var err error
	r.keys, err = m.Decoder(false)
	return r, err
}

// next returns the value and the key of the next record, valid until the call
// after. The key is nil when there is none.
func (r *records) next() (value, key []byte, err error) {
	line, err := r.f.Next()
	if err != nil {
		return nil, nil, err
	}
	value = line
	if r.object != nil {
		var ok bool
		if r.value, ok = r.object.Append(r.value[:0], line); !ok {
			return line, nil, errColumns
		}
		value = r.value
	}
	return value, r.key(value), nil
}

// key returns nil for a record that has none, or that cannot be decoded: it is
// published all the same, for the learner to refuse it with a reason.
func (r *records) key(value []byte) []byte {
	if r.keys == nil || r.keys.Decode(value, &r.e) != nil || len(r.e.Key) == 0 {
		return nil
	}
	return r.e.Key
}
