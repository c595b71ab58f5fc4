package optimizers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// files returns the files of a set, and what removes those that were written
// for it.
func (s *Set) files(data string) (files []string, done func(), err error) {
	path := filepath.Join(data, filepath.FromSlash(s.file))
	if s.shuffles == 0 {
		return []string{path}, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "shuffled-")
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = os.RemoveAll(dir) } // of no use any more, and no harm
	text, err := unpack(path)
	if err != nil {
		done()
		return nil, nil, err
	}
	for seed := range s.shuffles {
		to := filepath.Join(dir, fmt.Sprintf("%d.csv", seed))
		if err := os.WriteFile(to, shuffle(text, uint64(seed)), 0o600); err != nil {
			done()
			return nil, nil, err
		}
		files = append(files, to)
	}
	return files, done, nil
}

// shuffle returns a table with its rows in an order of the seed. The first row
// names the columns and stays.
func shuffle(table []byte, seed uint64) []byte {
	rows := bytes.Split(bytes.TrimSuffix(table, []byte("\n")), []byte("\n"))
	r := rand.New(rand.NewPCG(seed, 1))
	r.Shuffle(len(rows)-1, func(i, j int) { rows[i+1], rows[j+1] = rows[j+1], rows[i+1] })
	return append(bytes.Join(rows, []byte("\n")), '\n')
}

// unpack returns the text of a file that gzip has compressed.
func unpack(path string) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
