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
	VWJSON = "vwjson" // Vowpal Wabbit JSON, one example a line
)

// Parquet is a format of files alone: its rows are records of the format JSON.
const Parquet = "parquet"

// sampleSize is how much of a file is looked at before it is read.
const sampleSize = 64 << 10

// Options say what need not be detected.
type Options struct {
	Format string // one of the formats of this package; "" or "auto" detects, "jsonl" is json
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
	case "", JSON, CSV, LibSVM, VW, VWJSON, Parquet, VWCB, VWADF, DSJSON:
	default:
		return fmt.Errorf("format %q: must be auto, csv, dsjson, json, jsonl, libsvm, parquet, vw, vwadf, vwcb or vwjson", o.Format)
	}
	if !slices.Contains([]string{"", "auto", "yes", "no"}, o.Header) {
		return fmt.Errorf("header %q: must be auto, yes or no", o.Header)
	}
	return nil
}

// File is an open data set.
type File struct {
	Name    string
	Format  string   // of the records: JSON, CSV, LibSVM, VW or VWJSON
	Columns []string // CSV: names of the columns, c0... without a header
	Comma   byte     // CSV: the delimiter
	Header  bool     // CSV: the first record named the columns
	Size    int64    // bytes as stored, -1 when unknown
	// Decisions is VWCB, VWADF or DSJSON for a file of decisions, whose records become JSON; else empty.
	Decisions string

	table  *table // of a Parquet file
	src    io.ReadCloser
	plain  io.Closer
	read   counter
	sample []byte // the beginning, decompressed
	whole  bool   // sample is all there is
	r      *bufio.Reader
	buf    []byte
	number int
	lines  int // read so far
	dsjson dsjson
	lead   []byte // the lines of a decision
	text   []byte // its record
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
	raw := bufio.NewReader(&f.read)
	magic, err := raw.Peek(len(parquetMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read: %w", err)
	}
	if o.Format == Parquet || o.Format == "" && (bytes.Equal(magic, parquetMagic) || formatOfName(f.Name) == Parquet) {
		return f.openTable(magic)
	}
	plain, err := f.decompress(raw, magic)
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

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

func isCompressed(magic []byte) bool {
	return bytes.HasPrefix(magic, gzipMagic) || bytes.HasPrefix(magic, zstdMagic)
}

// decompress undoes what the first bytes tell of.
func (f *File) decompress(r *bufio.Reader, magic []byte) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(magic, gzipMagic):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		f.plain = z
		return z, nil
	case bytes.HasPrefix(magic, zstdMagic):
		z, err := zstd.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		f.plain = z.IOReadCloser()
		return z, nil
	}
	return r, nil
}

// Done returns how many bytes of Size have been read; of a Parquet file the
// share of its rows.
func (f *File) Done() int64 {
	if f.table != nil {
		return f.table.done(f.Size)
	}
	return f.read.n
}

// Close closes the file; stdin stays open.
func (f *File) Close() error {
	if f.table != nil {
		_ = f.table.close() // only read
	}
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
