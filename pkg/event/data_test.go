package event

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// lines reads a file of the shared test data, which lies beside the repository.
func lines(t *testing.T, name string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join("../../../shared/data", name))
	if err != nil {
		t.Fatalf("shared test data is needed: %v", err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		out = append(out, s.Text())
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return out
}

// Vowpal Wabbit's test 0001 exists as text and as JSON: both decoders must see
// the same examples.
func TestVWTextAndJSONAgree(t *testing.T) {
	text, object := lines(t, "vw/0001.dat"), lines(t, "vw/0001.json")
	if len(text) != 200 || len(object) != 200 {
		t.Fatalf("%d and %d lines, want 200", len(text), len(object))
	}
	vw, err := NewVW(Schema{}, true)
	if err != nil {
		t.Fatal(err)
	}
	js, err := NewJSON(Schema{Label: "_label"}, true)
	if err != nil {
		t.Fatal(err)
	}
	var a, b Event
	for i := range text {
		if err := vw.Decode([]byte(text[i]), &a); err != nil {
			t.Fatal(err)
		}
		if err := js.Decode([]byte(object[i]), &b); err != nil {
			t.Fatal(err)
		}
		if a.Label != b.Label || len(a.X.Sparse) != len(b.X.Dense) {
			t.Fatalf("line %d: label %v and %d features as text, %v and %d as JSON", i+1, a.Label, len(a.X.Sparse), b.Label, len(b.X.Dense))
		}
		for k, word := range strings.Fields(text[i])[2:] {
			name, _, _ := strings.Cut(word, ":")
			if a.X.Sparse[k].Hash != num("features^"+name, 0).Hash || b.X.Dense[k].Hash != num("features."+name, 0).Hash || a.X.Sparse[k].Value != b.X.Dense[k].Value {
				t.Fatalf("line %d, %s: text %v, JSON %v", i+1, word, a.X.Sparse[k], b.X.Dense[k])
			}
		}
	}
}

func TestVWTagsOfRealData(t *testing.T) {
	d, err := NewVW(Schema{}, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	for i, line := range lines(t, "vw/0002.dat") {
		if err := d.Decode([]byte(line), &e); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		words := strings.Fields(line)
		tag, _, _ := strings.Cut(words[2], "|")
		label, err := strconv.ParseFloat(words[0], 64)
		if err != nil || e.Label != label || string(e.ID) != tag || e.Weight != 1 {
			t.Fatalf("line %d: label %v, weight %v, tag %q of %q", i+1, e.Label, e.Weight, e.ID, line)
		}
	}
}

// The Adult data set as LIBSVM publishes it has 7,841 positive among 32,561
// records (https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/binary.html#a9a);
// the file lacks one of the negatives.
func TestLibSVMOnRealData(t *testing.T) {
	d, err := NewLibSVM(Schema{}, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	records, positive := 0, 0
	for _, line := range lines(t, "streams/a9a.libsvm.gz") {
		if err := d.Decode([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if len(e.X.Sparse) != strings.Count(line, ":") {
			t.Fatalf("%q: %d features", line, len(e.X.Sparse))
		}
		records++
		if e.Label == 1 {
			positive++
		}
	}
	if records != 32560 || positive != 7841 {
		t.Errorf("%d records, %d positive, want 32560 and 7841", records, positive)
	}
}

func TestCSVOnRealData(t *testing.T) {
	for _, c := range []struct {
		file, label    string
		comma          byte
		records, dense int
	}{
		{"streams/elec2_8feat.txt.gz", "class", ' ', 45312, 8},
		{"streams/trump_approval.csv.gz", "five_thirty_eight", ',', 1001, 6},
		{"streams/phishing_1250.csv.gz", "is_phishing", ',', 1250, 9},
	} {
		t.Run(c.label, func(t *testing.T) {
			all := lines(t, c.file)
			d, err := NewCSV(Schema{Label: c.label}, strings.Split(all[0], string(c.comma)), c.comma, true)
			if err != nil {
				t.Fatal(err)
			}
			if len(all)-1 != c.records {
				t.Errorf("%d records, want %d", len(all)-1, c.records)
			}
			var e Event
			for _, line := range all[1:] {
				if err := d.Decode([]byte(line), &e); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				if len(e.X.Dense) != c.dense || len(e.X.Sparse) != 0 {
					t.Fatalf("%q: %d dense and %d sparse features", line, len(e.X.Dense), len(e.X.Sparse))
				}
			}
		})
	}
}
