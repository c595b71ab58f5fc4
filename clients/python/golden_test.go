package python

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

// hex writes a number so that no bit is lost.
func hex(v float64) string { return strconv.FormatFloat(v, 'x', -1, 64) }

func hexes(vs []float64) []string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = hex(v)
	}
	return out
}

// golden compares v with a golden file.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "")
	if err != nil {
		t.Fatal(err)
	}
	goldenBytes(t, filepath.Join("tests", "golden", name+".json"), append(got, '\n'))
}

func TestGoldenNumbers(t *testing.T) {
	type number struct{ X, Exp, Log, Log1p, Sigmoid, Expm1 string }
	xs := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, 1e-300, 5e-324, 708, 709, 709.79, 710, -708, -709, -745.2, -746, 1e308, math.Inf(1), math.Inf(-1), math.NaN()}
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		xs = append(xs, r.NormFloat64()*math.Ldexp(1, r.IntN(24)-12), r.Float64(), math.Ldexp(r.Float64(), r.IntN(2000)-1000))
	}
	var numbers []number
	for _, x := range xs {
		numbers = append(numbers, number{hex(x), hex(portable.Exp(x)), hex(portable.Log(x)), hex(portable.Log1p(x)), hex(portable.Sigmoid(x)), hex(portable.Expm1(x))})
	}
	golden(t, "numbers", numbers)
	var hashes []string // of the first n of the bytes 0, 1, 2, ...
	var text []byte
	for n := range 130 {
		hashes = append(hashes, fmt.Sprintf("%016x", xxhash.Sum64(text)))
		text = append(text, byte(n))
	}
	golden(t, "hashes", hashes)
}

// feature is a feature as the golden files have it.
type feature struct {
	Hash, Value string
	Field       uint32
}

func features(fs []event.Feature) []feature {
	out := []feature{}
	for _, f := range fs {
		out = append(out, feature{fmt.Sprintf("%016x", f.Hash), hex(f.Value), f.Field})
	}
	return out
}

// decoded is what a decoder makes of a record. Reason is empty for one that is accepted.
type decoded struct {
	Record        []byte // its bytes need not be UTF-8
	Reason        string
	Dense, Sparse []feature
	Categories    [][4]string
	Key, ID       []byte
	Time          int64
	Actions       [][]feature `json:",omitempty"`
	Eligible      []bool      `json:",omitempty"`
}

func decode(t *testing.T, d *event.JSON, record []byte) decoded {
	t.Helper()
	var e event.Event
	out := decoded{Record: record}
	if err := d.Decode(record, &e); err != nil {
		var rej *event.Rejection
		if !errors.As(err, &rej) {
			t.Fatal(err)
		}
		out.Reason = rej.Reason.String()
		return out
	}
	out.Dense, out.Sparse, out.Key, out.ID, out.Time = features(e.X.Dense), features(e.X.Sparse), e.Key, e.ID, e.Time
	for _, a := range e.Actions {
		out.Actions = append(out.Actions, features(slices.Concat(a.Dense, a.Sparse)))
	}
	out.Eligible = append(out.Eligible, e.Eligible...)
	for _, c := range e.Categories {
		out.Categories = append(out.Categories, [4]string{
			fmt.Sprintf("%016x", c.Hash), fmt.Sprint(c.Field), fmt.Sprintf("%016x", c.Target), fmt.Sprintf("%016x", c.Count)})
	}
	return out
}

// Every schema reads every record.
func TestGoldenEvents(t *testing.T) {
	type schema struct {
		Schema  event.Layout
		Records []decoded
	}
	var out []schema
	for _, s := range schemas {
		d, err := event.NewJSON(s, false)
		if err != nil {
			t.Fatal(err)
		}
		g := schema{Schema: event.Layout{Format: "json", Schema: s}}
		for _, r := range records {
			g.Records = append(g.Records, decode(t, d, []byte(r)))
		}
		out = append(out, g)
	}
	golden(t, "events", out)
}

// scored is a model, and what it says of the events.
type scored struct {
	Model, Change string // paths from the root of the repository
	Scores        []string
	Decisions     []int
	Probabilities [][]string
}

// modelEvents are of the fields that the golden models know, and of others.
func modelEvents() []string {
	var out []string
	for i := range 12 {
		out = append(out, fmt.Sprintf(`{"fielda":%d,"fieldb":%d,"fieldc":%d,"city":"%c"}`, i*2%11-4, i*3%11-4, i*4%11-4, 'a'+i%5))
	}
	return append(out,
		`{"fielda":0.1234567,"fieldb":-77.5,"city":["a","b","z"],"other":3}`,
		`{"fieldc":1e9,"city":"e","true":true}`,
		`{"city":"nowhere"}`,
		`{"fielda":-1e-9,"fieldb":4.5e8,"fieldc":-2.25}`)
}

func modelFiles(t *testing.T, family string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "pkg", family, "testdata", "*.model.golden"))
	if err != nil || len(files) == 0 {
		t.Fatalf("golden models of %s: %d, %v", family, len(files), err)
	}
	slices.Sort(files)
	return files
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// events decodes the events of a test.
func events(t *testing.T, s event.Schema, records []string) []event.Event {
	t.Helper()
	out := make([]event.Event, len(records))
	for i, r := range records {
		d, err := event.NewJSON(s, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Decode([]byte(r), &out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestGoldenLinear(t *testing.T) {
	out := models{Schema: event.Layout{Format: "json"}, Events: modelEvents()}
	es := events(t, out.Schema.Schema, out.Events)
	for _, file := range modelFiles(t, "sgd") {
		m, err := sgd.Open(read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		base := file[:len(file)-len(".model.golden")]
		out.Models = append(out.Models, scoreLinear(m, file, "", es))
		if change := base + ".change.golden"; exists(change) {
			if m, err = m.After(read(t, change)); err != nil {
				t.Fatal(err)
			}
			out.Models = append(out.Models, scoreLinear(m, file, change, es), scoreLinear(m, base+".changed.golden", "", es))
		}
	}
	golden(t, "linear", out)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func scoreLinear(m *sgd.Model, file, change string, es []event.Event) scored {
	s := scored{Model: filepath.ToSlash(file), Change: filepath.ToSlash(change)}
	for i := range es {
		p := m.Score(&es[i])
		s.Scores = append(s.Scores, hex(p))
		switch {
		case m.Several():
			class, probs := m.ScoreClasses(&es[i], nil)
			s.Probabilities = append(s.Probabilities, hexes(probs))
			s.Decisions = append(s.Decisions, class)
		case m.Classifies():
			s.Decisions = append(s.Decisions, m.Decide(p))
		}
	}
	return s
}

// The tests in Python read what the tests here have written.
func TestPython(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), python(t), "-m", "unittest", "discover", "-s", "tests", "-t", ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// python returns the path of Python.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("Python 3.10 or later is missing, run 'make provision': %v", err)
	}
	return path
}
