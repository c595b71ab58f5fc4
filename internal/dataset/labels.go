package dataset

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Labels collects the distinct labels of data sets, as text.
type Labels struct {
	field  string
	limit  int
	values []string
	json   *event.JSONField // made for the first record of JSON
	fields [][]byte
}

// NewLabels returns a collector of the values of field, which is a column for
// CSV, a path for JSON, and without meaning for formats with labels of their
// own. It stops once it holds limit of them.
func NewLabels(field string, limit int) *Labels { return &Labels{field: field, limit: limit} }

// Values returns what was found: in numeric order when all are numbers,
// otherwise in the order of their bytes.
func (l *Labels) Values() []string {
	out := slices.Clone(l.values)
	numeric := !slices.ContainsFunc(out, func(s string) bool { return !isNumber(s) })
	slices.SortFunc(out, func(a, b string) int {
		if numeric {
			return cmp.Or(cmp.Compare(parse(a), parse(b)), strings.Compare(a, b))
		}
		return strings.Compare(a, b)
	})
	return out
}

// Full reports whether the limit is reached.
func (l *Labels) Full() bool { return len(l.values) >= l.limit }

// ScanSample looks at the beginning of f, which stays where it is.
func (l *Labels) ScanSample(f *File) error {
	s := *f
	s.r, s.buf, s.number = bufio.NewReader(bytes.NewReader(bytes.Join(f.sampleLines(), []byte{'\n'}))), nil, 0
	if s.Header {
		if _, err := s.Next(); err != nil {
			return err
		}
	}
	return l.Scan(&s)
}

// Scan reads the records of f until it is full.
func (l *Labels) Scan(f *File) error {
	column := -1
	if f.Format == CSV {
		var err error
		if column, err = f.Column(l.field); err != nil {
			return err
		}
	}
	if f.Format == JSON && l.json == nil {
		var err error
		if l.json, err = event.NewJSONField(l.field); err != nil {
			return err
		}
	}
	for !l.Full() {
		record, err := f.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		l.add(l.label(f, column, record))
	}
	return nil
}

// label returns the text of a record's label; empty when it has none.
func (l *Labels) label(f *File, column int, record []byte) []byte {
	switch f.Format {
	case CSV:
		l.fields = Fields(l.fields[:0], record, f.Comma)
		if column < len(l.fields) {
			return bytes.TrimSpace(l.fields[column])
		}
		return nil
	case JSON:
		return l.json.Text(record)
	case VW:
		record, _, _ = bytes.Cut(record, []byte{'|'})
	}
	if words := bytes.Fields(record); len(words) > 0 {
		return words[0]
	}
	return nil
}

// add takes a label that differs from all others, as number or as text.
func (l *Labels) add(label []byte) {
	if len(label) == 0 || slices.ContainsFunc(l.values, func(v string) bool { return v == string(label) }) {
		return
	}
	known := slices.ContainsFunc(l.values, func(v string) bool {
		return isNumber(v) && isNumber(string(label)) && parse(v) == parse(string(label))
	})
	if !known {
		l.values = append(l.values, string(label))
	}
}

// Binary reports whether the labels are ones that logistic loss takes as they
// are: 0 and 1, -1 and 1, false and true.
func Binary(values []string) bool {
	var zero, minus bool
	for _, v := range values {
		switch {
		case v == "true" || v == "false":
		case !isNumber(v):
			return false
		case parse(v) == 0:
			zero = true
		case parse(v) == -1:
			minus = true
		case parse(v) != 1:
			return false
		}
	}
	return !zero || !minus
}

// Positive returns which of two labels is the positive class: the larger.
func Positive(values []string) (string, error) {
	if len(values) != 2 {
		return "", fmt.Errorf("logistic loss needs two labels, 0 and 1 or others; found %s", strings.Join(values, ", "))
	}
	return values[1], nil
}

func parse(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return f
}
