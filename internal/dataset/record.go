package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxRecord is the greatest length of a record in bytes.
const maxRecord = 16 << 20

// Next returns the next record without its line break, valid until the call
// after. Empty lines are skipped, and lines that begin with # in the libsvm
// format. The error at the end is io.EOF.
func (f *File) Next() ([]byte, error) {
	for {
		record, err := f.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil, io.EOF
			}
			return nil, fmt.Errorf("%s: record %d: %w", f.Name, f.number+1, err)
		}
		if skipped(f.Format, record) {
			continue
		}
		f.number++
		return record, nil
	}
}

func skipped(format string, record []byte) bool {
	record = bytes.TrimSpace(record)
	return len(record) == 0 || format == LibSVM && record[0] == '#'
}

// next returns the next line, or lines while a quoted field is open.
func (f *File) next() ([]byte, error) {
	line, err := f.line(f.buf[:0])
	for err == nil && f.Format == CSV && openQuote(line, f.Comma) {
		if line, err = f.line(append(line, '\n')); errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("a quoted field is not closed")
		}
	}
	f.buf = line
	return line, err
}

// line appends the next line to dst.
func (f *File) line(dst []byte) ([]byte, error) {
	begin := len(dst)
	for {
		part, err := f.r.ReadSlice('\n')
		dst = append(dst, part...)
		switch {
		case len(dst) > maxRecord:
			return dst, fmt.Errorf("longer than %d bytes", maxRecord)
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil, errors.Is(err, io.EOF) && len(dst) > begin:
			return trimBreak(dst), nil
		default:
			return dst, err
		}
	}
}

func trimBreak(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// openQuote reports whether a row ends inside of a quoted field.
func openQuote(row []byte, comma byte) bool {
	if bytes.IndexByte(row, '"') < 0 {
		return false
	}
	quoted, atStart := false, true
	for _, c := range row {
		switch {
		case c == '"' && (quoted || atStart):
			quoted, atStart = !quoted, !quoted
		case c == comma && !quoted:
			atStart = true
		default:
			atStart = false
		}
	}
	return quoted
}

// Fields appends the fields of a CSV row to dst. A field in quotes (RFC 4180)
// is given without them; others are parts of row.
func Fields(dst [][]byte, row []byte, comma byte) [][]byte {
	for {
		if len(row) > 0 && row[0] == '"' {
			field, rest, more := quotedField(row[1:], comma)
			dst, row = append(dst, field), rest
			if !more {
				return dst
			}
			continue
		}
		field, rest, more := bytes.Cut(row, []byte{comma})
		dst, row = append(dst, field), rest
		if !more {
			return dst
		}
	}
}

// quotedField reads a field whose opening quote has been passed.
func quotedField(row []byte, comma byte) (field, rest []byte, more bool) {
	end := bytes.IndexByte(row, '"')
	if end >= 0 && (end+1 == len(row) || row[end+1] == comma) { // nothing doubled: no copy
		return afterQuote(row[:end], row[end+1:], comma)
	}
	for i := 0; i < len(row); i++ {
		switch {
		case row[i] != '"':
			field = append(field, row[i])
		case i+1 < len(row) && row[i+1] == '"':
			field = append(field, '"')
			i++
		default:
			return afterQuote(field, row[i+1:], comma)
		}
	}
	return field, nil, false
}

// afterQuote passes the delimiter; text between it and the closing quote belongs to the field.
func afterQuote(field, row []byte, comma byte) (_, rest []byte, more bool) {
	tail, rest, more := bytes.Cut(row, []byte{comma})
	if len(tail) > 0 {
		field = append(bytes.Clone(field), tail...)
	}
	return field, rest, more
}
