package sgd

import (
	"bufio"
	"compress/gzip"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
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

// readTable reads separated columns. Without a header columns are c0, c1...
// Columns in skip are left out; the label column is turned into a label.
func readTable(t testing.TB, name, sep string, header bool, label string, skip []string, asLabel func(string) float64) table {
	t.Helper()
	rows := lines(t, name)
	var names []string
	if header {
		names, rows = strings.Split(rows[0], sep), rows[1:]
	} else {
		for i := range strings.Split(rows[0], sep) {
			names = append(names, "c"+strconv.Itoa(i))
		}
	}
	var out table
	for _, row := range rows {
		var e event.Event
		e.Reset()
		for i, v := range strings.Split(row, sep) {
			switch {
			case names[i] == label:
				e.Label, e.Labelled = asLabel(v), true
			case !slices.Contains(skip, names[i]):
				e.X.Dense = append(e.X.Dense, event.Feature{Hash: xxhash.Sum64String(names[i]), Value: number(t, v)})
			}
		}
		out = append(out, e)
	}
	return out
}

func number(t testing.TB, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func readLibSVM(t testing.TB, name string) table {
	var out table
	for _, row := range lines(t, name) {
		var e event.Event
		e.Reset()
		fields := strings.Fields(row)
		e.Label, e.Labelled = number(t, fields[0]), true
		for _, f := range fields[1:] {
			k, v, _ := strings.Cut(f, ":")
			e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: xxhash.Sum64String(k), Value: number(t, v)})
		}
		out = append(out, e)
	}
	return out
}

// readVW reads the part of Vowpal Wabbit's text format that its own test files use.
func readVW(t testing.TB, name string) table {
	var out table
	for _, row := range lines(t, name) {
		var e event.Event
		e.Reset()
		parts := strings.Split(row, "|")
		e.Label, e.Labelled = number(t, strings.Fields(parts[0])[0]), true
		if f := strings.Fields(parts[0]); len(f) > 1 {
			e.Weight = number(t, f[1])
		}
		for _, ns := range parts[1:] {
			space, rest, _ := strings.Cut(ns, " ")
			for _, f := range strings.Fields(rest) {
				k, v, ok := strings.Cut(f, ":")
				x := 1.0
				if ok {
					x = number(t, v)
				}
				e.X.Sparse = append(e.X.Sparse, event.Feature{Hash: xxhash.Sum64String(space + "^" + k), Value: x})
			}
		}
		out = append(out, e)
	}
	return out
}

func asNumber(t testing.TB) func(string) float64 {
	return func(s string) float64 { return number(t, s) }
}

// is returns a label function that is 1 for one value and 0 for all others.
func is(value string) func(string) float64 {
	return func(s string) float64 {
		if s == value {
			return 1
		}
		return 0
	}
}

func elec2(t testing.TB) table {
	return readTable(t, "streams/elec2_8feat.txt.gz", " ", true, "class", nil, is("0"))
}

func bike(t testing.TB) table {
	return readTable(t, "streams/bike_sharing_hour.csv.gz", ",", true, "cnt", []string{"instant", "dteday", "casual", "registered"}, asNumber(t))
}

func phishing(t testing.TB) table {
	return readTable(t, "streams/phishing_1250.csv.gz", ",", true, "is_phishing", nil, asNumber(t))
}

func trump(t testing.TB) table {
	return readTable(t, "streams/trump_approval.csv.gz", ",", true, "five_thirty_eight", nil, asNumber(t))
}

func sea(t testing.TB) table {
	return readTable(t, "streams/sea_souza_50k.csv.gz", ",", false, "c3", nil, asNumber(t))
}

// progress is the outcome of one pass of progressive validation.
type progress struct {
	predictions, labels                  []float64
	loss, accuracy, logLoss, mae, weight float64
}

// run learns a stream, predicting each event first.
func run(t testing.TB, m *Model, events table) *progress {
	t.Helper()
	return validate(t, events, m.Learn)
}

// runPredictFirst is run with the predictions of Predict in place of Learn's.
func runPredictFirst(t testing.TB, m *Model, events table) *progress {
	t.Helper()
	return validate(t, events, func(e *event.Event) event.Step {
		s := m.Predict(e)
		if l := m.Learn(e); l.Reject != nil {
			return l
		}
		return s
	})
}

func validate(t testing.TB, events table, step func(e *event.Event) event.Step) *progress {
	t.Helper()
	p := &progress{}
	for i := range events {
		e := &events[i]
		s := step(e)
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
