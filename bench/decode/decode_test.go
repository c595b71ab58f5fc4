package decode

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/bytedance/sonic/ast"
	"github.com/cespare/xxhash/v2"
	"github.com/valyala/fastjson"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// vectorizer makes the feature vector of a record that has no configured
// fields: the least that a decoder on top of a parser must do. It checks no
// repeated keys, no roles and no limits, which the product's decoder does.
type vectorizer interface {
	decode(record []byte, v *event.Vector) error
}

// features is the state that the vectorizers share.
type features struct {
	v    *event.Vector
	path []byte
}

func (f *features) begin(v *event.Vector) {
	v.Reset()
	f.v, f.path = v, f.path[:0]
}

func (f *features) number(x float64) {
	f.v.Dense = append(f.v.Dense, event.Feature{Hash: xxhash.Sum64(f.path), Value: x})
}

func (f *features) category(text string) {
	n := len(f.path)
	f.path = append(append(f.path, '='), text...)
	f.v.Sparse = append(f.v.Sparse, event.Feature{Hash: xxhash.Sum64(f.path), Value: 1})
	f.path = f.path[:n]
}

// product is the decoder of streamlearner.
type product struct {
	d *event.JSON
	e event.Event
}

func (p *product) decode(record []byte, v *event.Vector) error {
	err := p.d.Decode(record, &p.e)
	*v = p.e.X
	return err
}

// tree uses valyala/fastjson: a reused parser, then a walk of its tree.
type tree struct {
	features
	parser fastjson.Parser
	visit  func(key []byte, v *fastjson.Value)
}

func newTree() *tree {
	t := &tree{}
	t.visit = t.member
	return t
}

func (t *tree) decode(record []byte, v *event.Vector) error {
	root, err := t.parser.ParseBytes(record)
	if err != nil {
		return err
	}
	object, err := root.Object()
	if err != nil {
		return err
	}
	t.begin(v)
	object.Visit(t.visit)
	return nil
}

func (t *tree) member(key []byte, v *fastjson.Value) {
	n := len(t.path)
	if n > 0 {
		t.path = append(t.path, '.')
	}
	t.path = append(t.path, key...)
	switch v.Type() {
	case fastjson.TypeNumber:
		t.number(v.GetFloat64())
	case fastjson.TypeString:
		t.category(string(v.GetStringBytes()))
	case fastjson.TypeTrue:
		t.category("true")
	case fastjson.TypeFalse:
		t.category("false")
	case fastjson.TypeObject:
		v.GetObject().Visit(t.visit)
	}
	t.path = t.path[:n]
}

// visitor uses bytedance/sonic: callbacks while it scans, no tree.
type visitor struct {
	features
	ends []int // length of the path outside of each open object
	base int   // length of the path of the object that is read
}

func (s *visitor) decode(record []byte, v *event.Vector) error {
	s.begin(v)
	s.ends, s.base = s.ends[:0], 0
	// Strings of the visitor point into the record, and none is kept.
	return ast.Preorder(unsafe.String(unsafe.SliceData(record), len(record)), s, nil)
}

func (s *visitor) OnObjectBegin(int) error {
	s.ends = append(s.ends, s.base)
	s.base = len(s.path)
	return nil
}

func (s *visitor) OnObjectKey(key string) error {
	s.path = s.path[:s.base]
	if s.base > 0 {
		s.path = append(s.path, '.')
	}
	s.path = append(s.path, key...)
	return nil
}

func (s *visitor) OnObjectEnd() error {
	s.path = s.path[:s.base]
	s.base = s.ends[len(s.ends)-1]
	s.ends = s.ends[:len(s.ends)-1]
	return nil
}

func (s *visitor) OnFloat64(v float64, _ json.Number) error { s.number(v); return nil }
func (s *visitor) OnInt64(v int64, _ json.Number) error     { s.number(float64(v)); return nil }
func (s *visitor) OnString(text string) error               { s.category(text); return nil }
func (s *visitor) OnBool(v bool) error                      { s.category(strconv.FormatBool(v)); return nil }
func (s *visitor) OnNull() error                            { return nil }
func (s *visitor) OnArrayBegin(int) error                   { return nil }
func (s *visitor) OnArrayEnd() error                        { return nil }

// standard uses encoding/json: a map of any.
type standard struct{ features }

func (s *standard) decode(record []byte, v *event.Vector) error {
	var root map[string]any
	if err := json.Unmarshal(record, &root); err != nil {
		return err
	}
	s.begin(v)
	s.object(root)
	return nil
}

func (s *standard) object(o map[string]any) {
	n := len(s.path)
	for key, v := range o {
		if n > 0 {
			s.path = append(s.path, '.')
		}
		s.path = append(s.path, key...)
		switch v := v.(type) {
		case float64:
			s.number(v)
		case string:
			s.category(v)
		case bool:
			s.category(strconv.FormatBool(v))
		case map[string]any:
			s.object(v)
		}
		s.path = s.path[:n]
	}
}

// contenders returns all that are compared, in the order of the output.
func contenders(tb testing.TB) []contender {
	d, err := event.NewJSON(event.Schema{}, false)
	if err != nil {
		tb.Fatal(err)
	}
	return []contender{
		{"streamlearner", &product{d: d}},
		{"fastjson", newTree()},
		{"sonic_preorder", &visitor{}},
		{"encoding_json", &standard{}},
	}
}

type contender struct {
	name string
	vectorizer
}

func inputs() map[string][][]byte {
	return map[string][][]byte{"flat_361B": conform.FlatJSON(1000, 1), "nested_489B": conform.NestedJSON(1000, 1)}
}

// A comparison is fair only when all make the same features.
func TestContendersAgree(t *testing.T) {
	for name, records := range inputs() {
		for _, r := range records {
			var want map[event.Feature]int
			for _, c := range contenders(t) {
				var v event.Vector
				if err := c.decode(r, &v); err != nil {
					t.Fatalf("%s: %s: %v", name, c.name, err)
				}
				got := map[event.Feature]int{}
				for _, f := range append(v.Dense, v.Sparse...) {
					got[f]++
				}
				if want == nil {
					want = got
				}
				if len(got) != v.Len() || len(got) != len(want) {
					t.Fatalf("%s: %s has %d features, want %d", name, c.name, v.Len(), len(want))
				}
				for f := range want {
					if got[f] != 1 {
						t.Fatalf("%s: %s lacks the feature %v of %s", name, c.name, f, r)
					}
				}
			}
		}
	}
}

// BenchmarkDecode lets the contenders take turns, each with all records, and
// reports the best turn of each in nanoseconds per event: on a machine that
// does other work too, the best turns can be compared while means cannot.
func BenchmarkDecode(b *testing.B) {
	in := inputs()
	for _, name := range []string{"flat_361B", "nested_489B"} {
		b.Run(name, func(b *testing.B) {
			records, all := in[name], contenders(b)
			best := make([]time.Duration, len(all))
			var v event.Vector
			for b.Loop() {
				for i, c := range all {
					start := time.Now()
					for _, r := range records {
						if err := c.decode(r, &v); err != nil {
							b.Fatal(err)
						}
					}
					if d := time.Since(start); best[i] == 0 || d < best[i] {
						best[i] = d
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, c := range all {
				b.ReportMetric(float64(best[i])/float64(len(records)), c.name+"_ns/event")
			}
		})
	}
}
