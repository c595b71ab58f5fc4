package learner_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

var otherSettings = flag.String("set", "", "settings of the guarded learner in TestRealStreams, key=value,...")

// table is a recorded stream as rows of text, the label in the last column.
type table struct {
	name string
	rows [][]string
}

// recorded reads one of the public streams beside the repository.
func recorded(t *testing.T, name, file, separator string, header bool) table {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "streams", file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was read only
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s, out := bufio.NewScanner(z), table{name: name}
	for s.Scan() {
		if header {
			header = false
			continue
		}
		out.rows = append(out.rows, strings.Split(s.Text(), separator))
	}
	if err := s.Err(); err != nil || len(out.rows) < 40_000 {
		t.Fatalf("%s: %d rows, %v", file, len(out.rows), err)
	}
	return out
}

// episode is what goes wrong with a stretch of a stream.
type episode struct {
	name     string
	from, to int
	spoil    func(i int, row []string)
}

func flipLabel(row []string) {
	last := len(row) - 1
	row[last] = map[string]string{"0": "1", "1": "0"}[row[last]]
}

// episodes are those that the documentation has figures of. The last column but
// one is the source: one of five, at random.
func episodes(from, to, broken int) []episode {
	return []episode{
		{"labels flipped", from, to, func(_ int, row []string) { flipLabel(row) }},
		{"a source with flipped labels", from, to, func(_ int, row []string) {
			if row[len(row)-2] == "s4" {
				flipLabel(row)
			}
		}},
		{"a field times 10", from, to, func(_ int, row []string) {
			x, err := strconv.ParseFloat(row[broken], 64)
			if err != nil {
				panic(err)
			}
			row[broken] = strconv.FormatFloat(10*x, 'g', -1, 64)
		}},
	}
}

// row renders a row as a record, with a source before the label.
func (s *table) row(i int, e *episode) []byte {
	row := append([]string(nil), s.rows[i]...)
	last := len(row) - 1
	row = append(row[:last], fmt.Sprintf("s%d", (i*7919)%104_729%5), row[last])
	if e != nil && i >= e.from && i < e.to {
		e.spoil(i, row)
	}
	return []byte(strings.Join(row, ","))
}

func (s *table) config(t *testing.T, sets ...string) learner.Config {
	t.Helper()
	columns := make([]string, len(s.rows[0])+1)
	for i := range columns {
		columns[i] = fmt.Sprintf("c%d", i)
	}
	columns[len(columns)-2], columns[len(columns)-1] = "source", "y"
	m, err := configs.DefaultModel().With(append([]string{
		"source.format=csv", "source.label=y", "source.columns=" + strings.Join(columns, ","), "guard.source.field=source",
	}, sets...))
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.LearnerConfig("test")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// outcome is how a learner and its readers fared, on the true events.
type outcome struct {
	live, served         float64 // share of right predictions
	liveLoss, servedLoss float64
	afterServe           float64 // mean loss of the served one from the beginning of the episode on
	changes              []learner.Transition
}

// run feeds a stream with an episode and judges the live model (the challenger
// while frozen) and the published one by the stream without it.
func (s *table) run(t *testing.T, c learner.Config, e *episode) outcome {
	t.Helper()
	l := newLearner(t, c)
	reader, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	var out outcome
	var ev event.Event
	published := uint64(0)
	for i := range s.rows {
		if err := c.Decoder.Decode(s.row(i, nil), &ev); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		live, served := l.LiveModel().Predict(&ev), reader.Predict(&ev)
		out.liveLoss += live.Loss
		out.servedLoss += served.Loss
		if i >= e.from {
			out.afterServe += served.Loss
		}
		if (live.Prediction >= .5) == (ev.Label > 0) {
			out.live++
		}
		if (served.Prediction >= .5) == (ev.Label > 0) {
			out.served++
		}
		o := l.Feed(learner.Record{Offset: int64(i), Value: s.row(i, e)})
		if o.Change != nil {
			out.changes = append(out.changes, *o.Change)
		}
		if current := l.Stats().Published; current != published {
			published = current
			publish(t, reader, l.Snapshot())
		}
	}
	n := float64(len(s.rows))
	out.live, out.served, out.liveLoss, out.servedLoss = out.live/n, out.served/n, out.liveLoss/n, out.servedLoss/n
	out.afterServe /= float64(len(s.rows) - e.from)
	return out
}

// publish makes a reader have the current version.
func publish(t *testing.T, reader learner.Model, s *state.Snapshot) {
	t.Helper()
	for _, b := range s.Blobs {
		if b.Sum == s.Current.Sum {
			if err := reader.UnmarshalBinary(bytes.Clone(b.Data)); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the current version is not in the snapshot")
}

// On streams with real changes of the concept a learner under automatic recovery learns as well as one
// without a guard, and what is poisoned in between does not reach the readers. docs/guard.md has the table:
//
//	go test ./pkg/learner -run TestRealStreams -v
//
// With -args -set KEY=VALUE,... it prints that of other settings, and asks nothing of them.
func TestRealStreams(t *testing.T) {
	const from, to = 18_000, 21_000 // the guard is armed at 15,000
	var sets []string
	if *otherSettings != "" {
		sets = strings.Split(*otherSettings, ",")
	}
	out := new(strings.Builder)
	row := func(stream, learner string, o *outcome) {
		fmt.Fprintf(out, "| %s | %s | %.4f | %.4f | %.4f | %.4f | %.4f | %s |\n", stream, learner, o.live, o.served, o.liveLoss, o.servedLoss, o.afterServe, o.path())
	}
	for _, s := range []struct {
		table
		broken int // field that breaks
	}{
		{recorded(t, "SEA", "sea_souza_50k.csv.gz", ",", false), 0},
		{recorded(t, "Elec2", "elec2_8feat.txt.gz", " ", true), 4},
	} {
		nothing := &episode{from: from, to: from}
		bare := s.run(t, s.config(t, "guard.enabled=false"), nothing)
		clean := s.run(t, s.config(t, sets...), nothing)
		row(s.name, "no guard", &bare)
		row(s.name, "auto", &clean)
		if sets == nil && clean.live < bare.live-0.01 {
			t.Errorf("%s: the learner is right in %.4f, without a guard in %.4f: more than a point less", s.name, clean.live, bare.live)
		}
		for _, e := range episodes(from, to, s.broken) {
			bare := s.run(t, s.config(t, "guard.enabled=false"), &e)
			got := s.run(t, s.config(t, sets...), &e)
			row(s.name+", "+e.name, "no guard", &bare)
			row(s.name+", "+e.name, "auto", &got)
			if sets != nil {
				continue
			}
			if got.afterServe > 1.05*clean.afterServe || got.servedLoss > 1.05*clean.servedLoss {
				t.Errorf("%s, %s: the served model loses %.4f from there on, in the clean run %.4f: more than 5%% more", s.name, e.name, got.afterServe, clean.afterServe)
			}
			if len(got.changes) == 0 || got.changes[0].Tainted != 0 || got.changes[0].Suspect.First < from-2_000 {
				t.Errorf("%s, %s: %+v: want a freeze that restores what no suspect record has reached", s.name, e.name, got.changes)
			}
		}
	}
	t.Logf("\n| stream | guard | live accuracy | served accuracy | live loss | served loss | served loss from record 18,000 on | what happened |\n|---|---|---|---|---|---|---|---|\n%s", out)
}

// path tells the changes of mode in short.
func (o *outcome) path() string {
	var out []string
	for i := range o.changes {
		c := &o.changes[i]
		out = append(out, fmt.Sprintf("%d %s (%s)", c.Offset, c.To, c.Cause))
	}
	return strings.Join(out, ", ")
}
