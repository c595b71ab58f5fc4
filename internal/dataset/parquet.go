package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

// parquetMagic is what a Parquet file begins and ends with.
var parquetMagic = []byte("PAR1")

// rowBatch is how many rows are read at a time. Of each column one page is in
// memory, whatever the size of the file and of its row groups.
const rowBatch = 64

// table reads the rows of a Parquet file as JSON objects.
type table struct {
	file    *parquet.File
	groups  []parquet.RowGroup // those after the current one
	rows    parquet.Rows       // of the current row group; nil between two
	batch   []parquet.Row
	ready   []parquet.Row // rows of batch that are still to be returned
	object  *rowObject
	taken   int64 // rows returned
	written []byte
}

// openTable opens the Parquet file behind f, whose first bytes are magic.
func (f *File) openTable(magic []byte) (err error) {
	defer recoverDamage(&err)
	file, isFile := f.src.(*os.File)
	switch {
	case !isFile || f.Size < 0:
		return errors.New("a Parquet file has its index at the end, so that it cannot be read from a pipe or standard input; give the name of a file")
	case isCompressed(magic):
		return errors.New("a Parquet file has its index at the end, so that it cannot be read through gzip or zstd; decompress it first (its pages have a compression of their own)")
	case !bytes.Equal(magic, parquetMagic):
		return fmt.Errorf("begins with %q: a Parquet file begins with %q", magic, parquetMagic)
	}
	if err := checkFooter(file, f.Size); err != nil {
		return err
	}
	t := &table{batch: make([]parquet.Row, rowBatch)}
	if t.file, err = parquet.OpenFile(file, f.Size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true)); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	if t.object, err = newRowObject(t.file); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	t.groups = t.file.RowGroups()
	f.Format, f.table = JSON, t
	return nil
}

// checkFooter refuses a file that was cut off, and one whose index would be
// longer than the file: memory for the index is taken before it is read.
func checkFooter(file io.ReaderAt, size int64) error {
	tail := make([]byte, 4+len(parquetMagic)) // length of the index, magic
	if size < int64(len(parquetMagic)+len(tail)) {
		return fmt.Errorf("is no Parquet file: has only %d bytes", size)
	}
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if !bytes.Equal(tail[4:], parquetMagic) {
		return fmt.Errorf("ends with %q: a Parquet file ends with %q; this one may be cut off", tail[4:], parquetMagic)
	}
	if n := int64(binary.LittleEndian.Uint32(tail)); n > size-int64(len(parquetMagic)+len(tail)) {
		return fmt.Errorf("parquet: the file is damaged: its index has %d bytes and the file %d", n, size)
	}
	return nil
}

// recoverDamage turns a panic into an error: the reader of Parquet panics on
// some damaged files.
func recoverDamage(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("parquet: the file is damaged: %v", p)
	}
}

// next returns the JSON object of the next row, valid until the call after.
func (t *table) next() (_ []byte, err error) {
	defer recoverDamage(&err)
	for len(t.ready) == 0 {
		if err := t.fill(); err != nil {
			return nil, err
		}
	}
	t.written, err = t.object.Append(t.written[:0], t.ready[0])
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	if len(t.written) > maxRecord {
		return nil, fmt.Errorf("longer than %d bytes", maxRecord)
	}
	t.ready = t.ready[1:]
	t.taken++
	return t.written, nil
}

// fill reads the next rows, maybe none when a row group ends. The error at the
// end of the file is io.EOF.
func (t *table) fill() error {
	if t.rows == nil {
		if len(t.groups) == 0 {
			return io.EOF
		}
		t.rows, t.groups = t.groups[0].Rows(), t.groups[1:]
	}
	n, err := t.rows.ReadRows(t.batch)
	t.ready = t.batch[:n]
	switch {
	case errors.Is(err, io.EOF) || err == nil && n == 0:
		// The rows of the batch keep their pages, so that the group may be closed.
		return t.close()
	case err != nil:
		return fmt.Errorf("parquet: %w", err)
	}
	return nil
}

// done returns how much of size bytes the rows read so far amount to.
func (t *table) done(size int64) int64 {
	if rows := t.file.NumRows(); rows > 0 {
		return int64(float64(size) * float64(t.taken) / float64(rows))
	}
	return size
}

func (t *table) close() error {
	if t.rows == nil {
		return nil
	}
	err := t.rows.Close()
	t.rows = nil
	if err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return nil
}
