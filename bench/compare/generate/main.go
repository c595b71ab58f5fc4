// Command generate writes a stream of payments, about a fifth of which are
// fraud, for comparisons of learners. An event has 10 numbers and 20 short
// strings in two nested objects and about 490 bytes of JSON.
//
// It writes the same events as events.jsonl, as events.vw in the text format
// of Vowpal Wabbit, and alternately to part-0.jsonl and part-1.jsonl.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	events := flag.Int("events", 1_000_000, "number of events")
	seed := flag.Uint64("seed", 1, "the same seed makes the same events")
	dir := flag.String("dir", ".", "directory to write to")
	flag.Parse()
	if err := generate(*dir, *events, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(dir string, events int, seed uint64) (failed error) {
	if events < 1 {
		return fmt.Errorf("-events %d: must be at least 1", events)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var out [4]*bufio.Writer
	for i, name := range []string{"events.jsonl", "events.vw", "part-0.jsonl", "part-1.jsonl"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(f, 1<<20)
		defer func() { failed = errors.Join(failed, w.Flush(), f.Close()) }()
		out[i] = w
	}
	return write(out, newStream(seed), events)
}

// write draws events and writes them to the files: JSON, text and the two parts.
func write(out [4]*bufio.Writer, s *stream, events int) error {
	var line []byte
	for i := range events {
		s.next()
		line = s.appendJSON(line[:0])
		if _, err := out[0].Write(line); err != nil {
			return err
		}
		if _, err := out[2+i%2].Write(line); err != nil {
			return err
		}
		line = s.appendText(line[:0])
		if _, err := out[1].Write(line); err != nil {
			return err
		}
	}
	return nil
}
