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
		if f.skips(record) {
			continue
		}
		f.number++
		return record, nil
	}
}

// Line is the number, from 1, of the line at which the newest record ends. Rows
// of a Parquet file have none: 0.
func (f *File) Line() int { return f.lines }

// skips reports whether a line is no record.
func (f *File) skips(line []byte) bool {
	if f.Format != LibSVM && len(line) > 0 && line[0] == '{' {
		return false
	}
	line = bytes.TrimSpace(line)
	return len(line) == 0 || f.Format == LibSVM && line[0] == '#'
}

// next returns the next line, or lines while a quoted field is open. A line
// break inside a quoted field becomes a space: a record is one line.
func (f *File) next() ([]byte, error) {
	if f.table != nil {
		return f.table.next()
	}
	if f.Decisions != "" {
		return f.decision()
	}
	line, err := f.line(f.buf[:0])
	if err != nil || f.Format != CSV || !openQuote(line, f.Comma) {
		return line, err
	}
	line = append(f.buf[:0], line...)
	for err == nil && openQuote(line, f.Comma) {
		if line, err = f.line(append(line, ' ')); errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("a quoted field is not closed")
		}
	}
	return line, err
}

// line appends the next line to dst, which lies in f.buf. A line that follows
// nothing is returned where it lies in the buffer of f.r, if it fits there.
func (f *File) line(dst []byte) ([]byte, error) {
	begin := len(dst)
	for {
		part, err := f.r.ReadSlice('\n')
		if err == nil && len(dst) == 0 {
			f.lines++
			return trimBreak(part), nil
		}
		dst = append(dst, part...)
		f.buf = dst
		switch {
		case len(dst) > maxRecord:
			return dst, fmt.Errorf("longer than %d bytes", maxRecord)
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil, errors.Is(err, io.EOF) && len(dst) > begin:
			f.lines++
			return trimBreak(dst), nil
		default:
			return dst, err
		}
	}
}

func trimBreak(line []byte) []byte {
	n := len(line)
	if n > 0 && line[n-1] == '\n' {
		n--
	}
	if n > 0 && line[n-1] == '\r' {
		n--
	}
	return line[:n]
}
