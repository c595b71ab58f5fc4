package event

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestClasses(t *testing.T) {
	d, err := NewJSON(Schema{Label: "y", Classes: []string{"ham", "spam", "1", "2.5", "true"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		label string
		want  float64
	}{{`"ham"`, 0}, {`" spam "`, 1}, {`1`, 2}, {`1.0`, 2}, {`"1e0"`, 2}, {`"2.50"`, 3}, {`2.5`, 3}, {`true`, 4}, {`"true"`, 4}} {
		wantEvent(t, d, `{"y":`+c.label+`,"a":1}`, &Event{Weight: 1, Label: c.want, Labelled: true, X: Vector{Dense: []Feature{num("a", 1)}}})
	}
	var e Event
	for label, reason := range map[string]Reason{`"eggs"`: LabelInvalid, `"SPAM"`: LabelInvalid, `3`: LabelInvalid, `false`: LabelInvalid, `1e999`: LabelInvalid, `["ham"]`: LabelInvalid, `null`: LabelMissing, `" "`: LabelMissing} {
		wantRejection(t, d.Decode([]byte(`{"y":`+label+`,"a":1}`), &e), reason, "y")
	}
	if err := d.Decode([]byte(`{"y":"eggs","a":1}`), &e); !strings.Contains(err.Error(), `"eggs"`) || !strings.Contains(err.Error(), `["ham" "spam" "1" "2.5" "true"]`) {
		t.Errorf("%v: must name the label and the classes", err)
	}
	scoring, err := NewJSON(Schema{Label: "y", Classes: []string{"ham", "spam"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	wantEvent(t, scoring, `{"y":"eggs","a":1}`, &Event{Weight: 1, X: Vector{Dense: []Feature{num("a", 1)}}})
}

func TestManyClasses(t *testing.T) {
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("class %d", i))
	}
	d, err := NewCSV(Schema{Label: "y", Classes: names}, []string{"y", "a"}, ',', true)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range names {
		wantEvent(t, d, n+",1", &Event{Weight: 1, Label: float64(i), Labelled: true, X: Vector{Dense: []Feature{num("a", 1)}}})
	}
	var e Event
	if err := d.Decode([]byte("class 1000,1"), &e); err == nil || !strings.Contains(err.Error(), "980 more") || len(err.Error()) > 500 {
		t.Errorf("%v: must name some classes and how many there are", err)
	}
}

func TestClassesOfTextFormats(t *testing.T) {
	vw, err := NewVW(Schema{Classes: []string{"1", "2", "3"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	wantEvent(t, vw, `3 |f a`, &Event{Weight: 1, Label: 2, Labelled: true, X: Vector{Sparse: []Feature{hot("f^a", 1)}}})
	var e Event
	wantRejection(t, vw.Decode([]byte(`4 |f a`), &e), LabelInvalid, "label")
}

func TestClassWeights(t *testing.T) {
	for _, c := range []struct {
		name, record string
		schema       Schema
		want         float64
	}{
		{"negative", `{"y":0,"a":1}`, Schema{ClassWeights: []float64{0.5, 8}}, 0.5},
		{"positive", `{"y":1,"a":1}`, Schema{ClassWeights: []float64{0.5, 8}}, 8},
		{"minus one", `{"y":-1,"a":1}`, Schema{ClassWeights: []float64{0.5, 8}}, 0.5},
		{"times the weight", `{"y":true,"w":3,"a":1}`, Schema{Weight: "w", ClassWeights: []float64{0.5, 8}}, 24},
		{"the weight may come last", `{"a":1,"y":true,"w":3}`, Schema{Weight: "w", ClassWeights: []float64{0.5, 8}}, 24},
		{"by name", `{"y":"no","a":1}`, Schema{Positive: "yes", ClassWeights: []float64{0.5, 8}}, 0.5},
		{"third class", `{"y":"c","a":1}`, Schema{Classes: []string{"a", "b", "c"}, ClassWeights: []float64{1, 2, 0}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.schema.Label = "y"
			d, err := NewJSON(c.schema, true)
			if err != nil {
				t.Fatal(err)
			}
			var e Event
			if err := d.Decode([]byte(c.record), &e); err != nil || e.Weight != c.want {
				t.Errorf("weight %v, %v; want %v", e.Weight, err, c.want)
			}
		})
	}
	d, err := NewJSON(Schema{Label: "y", Weight: "w", ClassWeights: []float64{1, 1e300}}, true)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	wantRejection(t, d.Decode([]byte(`{"y":1,"w":1e300,"a":1}`), &e), WeightInvalid, "w")
}

// A share of p of the negatives is kept, always the same ones; what they weigh
// together is what all of them weigh, up to the error of the sample.
func TestSampleNegatives(t *testing.T) {
	const n, p = 20_000, 0.1
	for _, s := range []Schema{{Label: "y", ID: "id", SampleNegatives: p}, {Label: "y", SampleNegatives: p}} {
		d, err := NewJSON(s, true)
		if err != nil {
			t.Fatal(err)
		}
		again, err := NewJSON(s, true)
		if err != nil {
			t.Fatal(err)
		}
		var e, o Event
		kept := 0
		for i := range n {
			record := fmt.Appendf(nil, `{"y":0,"id":"tx-%d","a":1}`, i)
			if err := d.Decode(record, &e); err != nil {
				t.Fatal(err)
			}
			if err := again.Decode(record, &o); err != nil || o.Weight != e.Weight {
				t.Fatalf("%s: weight %v, then %v, %v", record, e.Weight, o.Weight, err)
			}
			if e.Weight != 0 && e.Weight != 10 {
				t.Fatalf("%s: weight %v, want 0 or 1/p", record, e.Weight)
			}
			if e.Weight > 0 {
				kept++
			}
			if i < 100 {
				if err := d.Decode(fmt.Appendf(nil, `{"y":1,"id":"tx-%d","a":1}`, i), &e); err != nil || e.Weight != 1 {
					t.Fatalf("a positive record has weight %v, %v", e.Weight, err)
				}
			}
		}
		if deviation := math.Abs(float64(kept)-n*p) / math.Sqrt(n*p*(1-p)); deviation > 4 {
			t.Errorf("%d of %d negatives kept, %.1f standard deviations from %v", kept, n, deviation, n*p)
		}
	}
	byID, err := NewJSON(Schema{Label: "y", ID: "id", SampleNegatives: 0.5}, true)
	if err != nil {
		t.Fatal(err)
	}
	var a, b Event
	for i := range 50 { // whatever else is in the record
		if err := byID.Decode(fmt.Appendf(nil, `{"y":0,"id":%d,"a":1}`, i), &a); err != nil {
			t.Fatal(err)
		}
		if err := byID.Decode(fmt.Appendf(nil, `{"z":2,"id":%d,"y":-1}`, i), &b); err != nil || a.Weight != b.Weight {
			t.Errorf("id %d: weights %v and %v, %v", i, a.Weight, b.Weight, err)
		}
	}
}
