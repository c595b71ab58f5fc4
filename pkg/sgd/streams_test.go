package sgd

import (
	"bufio"
	"compress/gzip"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// dataDir holds the public streams that the figures in this package are about.
const dataDir = "../../../shared/data"

// table is a set of events in file order.
type table []event.Event

// lines returns the lines of a file, unpacked.
func lines(t testing.TB, name string) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(dataDir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		out = append(out, sc.Text())
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// splitCSV returns the fields of a row without the quotes around them.
func splitCSV(row string) []string {
	fields := strings.Split(row, ",")
	for i := range fields {
		fields[i] = strings.Trim(fields[i], `"`)
	}
	return fields
}

// decode returns the events of rows.
func decode(t testing.TB, d event.Decoder, err error, rows []string) table {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	out := make(table, len(rows))
	for i, row := range rows {
		if err := d.Decode([]byte(row), &out[i]); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	return out
}

// readCSV reads delimited columns. Without a header columns are c0, c1...
func readCSV(t testing.TB, name string, comma byte, header bool, s event.Schema) table {
	t.Helper()
	rows := lines(t, name)
	columns := strings.Split(rows[0], string(comma))
	if header {
		rows = rows[1:]
	} else {
		for i := range columns {
			columns[i] = "c" + strconv.Itoa(i)
		}
	}
	d, err := event.NewCSV(s, columns, comma, true)
	return decode(t, d, err, rows)
}

// elec2 has class 0, which means UP, as the positive one.
func elec2(t testing.TB) table {
	return readCSV(t, "streams/elec2_8feat.txt.gz", ' ', true, event.Schema{Label: "class", Positive: "0"})
}

func bike(t testing.TB) table {
	return readCSV(t, "streams/bike_sharing_hour.csv.gz", ',', true, event.Schema{Label: "cnt", Exclude: []string{"instant", "dteday", "casual", "registered"}})
}

func phishing(t testing.TB) table {
	return readCSV(t, "streams/phishing_1250.csv.gz", ',', true, event.Schema{Label: "is_phishing"})
}

func trump(t testing.TB) table {
	return readCSV(t, "streams/trump_approval.csv.gz", ',', true, event.Schema{Label: "five_thirty_eight"})
}

func chicks(t testing.TB) table {
	return readCSV(t, "streams/chick-weights.csv", ',', true, event.Schema{Label: "weight"})
}

func sea(t testing.TB) table {
	return readCSV(t, "streams/sea_souza_50k.csv.gz", ',', false, event.Schema{Label: "c3"})
}

func a9a(t testing.TB) table {
	d, err := event.NewLibSVM(event.Schema{}, true)
	return decode(t, d, err, lines(t, "streams/a9a.libsvm.gz"))
}

func vw(t testing.TB, name string) table {
	d, err := event.NewVW(event.Schema{}, true)
	return decode(t, d, err, lines(t, name))
}

// spam has the distinct words of a message, runs of letters, digits and _ in lower case, as its features.
func spam(t testing.TB) table {
	var out table
	words := regexp.MustCompile(`\w+`)
	for _, row := range lines(t, "streams/sms_spam.tsv.gz")[1:] {
		class, text, _ := strings.Cut(row, "\t")
		e := event.Event{Weight: 1, Labelled: true}
		if class == "spam" {
			e.Label = 1
		}
		seen := map[string]bool{}
		for _, word := range words.FindAllString(strings.ToLower(text), -1) {
			if seen[word] {
				continue
			}
			seen[word] = true
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: xxhash.Sum64String("SMS=" + word), Value: 1})
		}
		out = append(out, e)
	}
	return out
}

// progress is the outcome of one pass of progressive validation.
type progress struct {
	predictions, labels                  []float64
	loss, accuracy, logLoss, mae, weight float64
}

// run learns a stream, predicting each event first.
func run(t testing.TB, m *Model, events table) *progress {
	t.Helper()
	p := &progress{}
	for i := range events {
		e := &events[i]
		s := m.Learn(e)
		if s.Reject != nil {
			t.Fatalf("event %d: %v", i, s.Reject)
		}
		if !finite(s.Prediction) || !finite(s.Loss) {
			t.Fatalf("event %d: %+v", i, s)
		}
		p.predictions, p.labels = append(p.predictions, s.Prediction), append(p.labels, s.Label)
		p.loss += e.Weight * s.Loss
		p.weight += e.Weight
		if (s.Prediction >= .5) == (s.Label == 1) {
			p.accuracy++
		}
		p.mae += math.Abs(s.Prediction - s.Label)
		q := max(1e-15, min(1-1e-15, s.Prediction))
		if s.Label != 1 {
			q = 1 - q
		}
		p.logLoss -= math.Log(q)
	}
	n := float64(len(events))
	p.accuracy, p.logLoss, p.mae, p.loss = p.accuracy/n, p.logLoss/n, p.mae/n, p.loss/p.weight
	return p
}

// auc is the area under the ROC curve, ties averaged (Mann-Whitney).
func (p *progress) auc() float64 {
	idx := make([]int, len(p.labels))
	for i := range idx {
		idx[i] = i
	}
	sort.Slice(idx, func(a, b int) bool { return p.predictions[idx[a]] < p.predictions[idx[b]] })
	var ranks, pos float64
	for i := 0; i < len(idx); {
		j := i
		for j < len(idx) && p.predictions[idx[j]] == p.predictions[idx[i]] {
			j++
		}
		for _, k := range idx[i:j] {
			if p.labels[k] == 1 {
				ranks += float64(i+j+1) / 2
				pos++
			}
		}
		i = j
	}
	return (ranks - pos*(pos+1)/2) / (pos * (float64(len(idx)) - pos))
}

func newModel(t testing.TB, edit func(*Config)) *Model {
	t.Helper()
	c := Default()
	if edit != nil {
		edit(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
