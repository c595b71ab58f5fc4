package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The formats of records.
const (
	JSON   = "json"   // one object a line
	CSV    = "csv"    // one row a line, or more where a quoted field has line breaks
	LibSVM = "libsvm" // label index:value ...
	VW     = "vw"     // Vowpal Wabbit text
)

// sampleSize is how much of a file is looked at before it is read.
const sampleSize = 64 << 10

// Options say what need not be detected.
type Options struct {
	Format string // json, csv, libsvm or vw; "" or "auto" detects, "jsonl" is json
	Header string // csv: "yes", "no"; "" or "auto" detects
	Comma  byte   // csv: the delimiter; 0 detects
}

// check normalises o and returns an error for a value that is not allowed.
func (o *Options) check() error {
	switch o.Format {
	case "auto":
		o.Format = ""
	case "jsonl", "ndjson":
		o.Format = JSON
	case "", JSON, CSV, LibSVM, VW:
	default:
		return fmt.Errorf("format %q: must be auto, csv, json, jsonl, libsvm or vw", o.Format)
	}
	if !slices.Contains([]string{"", "auto", "yes", "no"}, o.Header) {
		return fmt.Errorf("header %q: must be auto, yes or no", o.Header)
	}
	return nil
}

// File is an open data set.
type File struct {
	Name    string
	Format  string   // JSON, CSV, LibSVM or VW
	Columns []string // CSV: names of the columns, c0... without a header
	Comma   byte     // CSV: the delimiter
	Header  bool     // CSV: the first record named the columns
	Size    int64    // bytes as stored, -1 when unknown

	src    io.ReadCloser
	plain  io.Closer
	read   counter
	sample []byte // the beginning, decompressed
	whole  bool   // sample is all there is
	r      *bufio.Reader
	buf    []byte
	number int
}

// Open opens the file of that name, or stdin for "-".
func Open(name string, stdin io.Reader, o Options) (*File, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	f := &File{Name: name, Size: -1, src: io.NopCloser(stdin)}
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open data: %w", err)
		}
		f.src = file
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			f.Size = info.Size()
		}
	}
	if err := f.begin(o); err != nil {
		_ = f.Close() // the first error is the one to report
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// begin looks at the start of the file and stands before its first record.
func (f *File) begin(o Options) error {
	f.read.r = f.src
	plain, err := f.decompress(bufio.NewReader(&f.read))
	if err != nil {
		return err
	}
	f.r = bufio.NewReaderSize(plain, sampleSize)
	sample, err := f.r.Peek(sampleSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read: %w", err)
	}
	if bytes.HasPrefix(sample, []byte("\xef\xbb\xbf")) { // byte order mark
		if _, err := f.r.Discard(3); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		sample = sample[3:]
	}
	f.sample, f.whole = bytes.Clone(sample), errors.Is(err, io.EOF)
	f.detect(o)
	if !f.Header {
		return nil
	}
	if _, err := f.Next(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	f.number = 0
	return nil
}

// decompress undoes what the first bytes tell of.
func (f *File) decompress(r *bufio.Reader) (io.Reader, error) {
	magic, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: %w", err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		f.plain = z
		return z, nil
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		f.plain = z.IOReadCloser()
		return z, nil
	}
	return r, nil
}

// Done returns how many bytes of Size have been read.
func (f *File) Done() int64 { return f.read.n }

// Close closes the file; stdin stays open.
func (f *File) Close() error {
	if f.plain != nil {
		if err := f.plain.Close(); err != nil {
			_ = f.src.Close() // the first error is the one to report
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return f.src.Close()
}

// counter counts what was read from r.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
