package event

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" .,!", nil},
		{"Free entry", []string{"free", "entry"}},
		{"don't STOP--now!!", []string{"don", "t", "stop", "now"}},
		{"£1,000 at 5pm_x", []string{"1", "000", "at", "5pm", "x"}},
		{"[a{Z}@`", []string{"a", "z"}},
		{"ÜBER Straße 東京 ٣", []string{"über", "straße", "東京", "٣"}},
		{"e\u0301te\u0301 हिन्दी", []string{"e\u0301te\u0301", "हिन्दी"}}, // marks belong to words
		{"½ ² Ⅷ 😀x", []string{"x"}},                                       // numbers, but no decimal digits
		{"a\xffb\ufffdc", []string{"a", "b", "c"}},
		{"İI", []string{"ii"}}, // one code point by one, in no language
	} {
		b := newBag()
		b.begin()
		b.split([]byte(c.text))
		var got []string
		start := 0
		for _, end := range b.ends {
			got = append(got, string(b.words[start:end]))
			start = end + 1
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", c.text, diff)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		name, record string
		schema       Schema
		want         []Feature
	}{
		{"words", `{"t":"Win a PRIZE, win","c":"Win a"}`, Schema{Text: []string{"t"}}, []Feature{cat("t=win"), cat("t=a"), cat("t=prize"), cat("c=Win a")}},
		{"escapes", `{"t":"a\u0041\tB\n"}`, Schema{Text: []string{"t"}}, []Feature{cat("t=aa"), cat("t=b")}},
		{"nested", `{"m":{"t":"x y"}}`, Schema{Text: []string{"m"}}, []Feature{cat("m.t=x"), cat("m.t=y")}},
		{"the longest entry decides", `{"m":{"t":"x y","u":"x y"}}`, Schema{Text: []string{"m*"}, Categorical: []string{"m.u"}}, []Feature{cat("m.t=x"), cat("m.t=y"), cat("m.u=x y")}},
		{"an array is texts", `{"t":["x y","y z",true,["q r"]]}`, Schema{Text: []string{"t"}},
			[]Feature{cat("t=x"), cat("t=y"), cat("t=y"), cat("t=z"), cat("t=true"), cat("t.3=q"), cat("t.3=r")}},
		{"bigrams", `{"t":"a b a b"}`, Schema{Text: []string{"t"}, Ngrams: 2}, []Feature{cat("t=a"), cat("t=a b"), cat("t=b"), cat("t=b a")}},
		{"trigrams", `{"t":"a-b-c"}`, Schema{Text: []string{"t"}, Ngrams: 3}, []Feature{cat("t=a"), cat("t=a b"), cat("t=a b c"), cat("t=b"), cat("t=b c"), cat("t=c")}},
		{"no words beside others", `{"t":":-)","c":"x"}`, Schema{Text: []string{"t"}}, []Feature{cat("c=x")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := NewJSON(c.schema, false)
			if err != nil {
				t.Fatal(err)
			}
			wantEvent(t, d, c.record, &Event{Weight: 1, X: Vector{Sparse: c.want}})
		})
	}
}

func TestTextOfColumns(t *testing.T) {
	d, err := NewCSV(Schema{Label: "class", Positive: "spam", Text: []string{"text"}}, []string{"class", "text"}, '\t', true)
	if err != nil {
		t.Fatal(err)
	}
	wantEvent(t, d, "spam\tCall 0800 NOW", &Event{Weight: 1, Label: 1, Labelled: true, X: Vector{Sparse: []Feature{cat("text=call"), cat("text=0800"), cat("text=now")}}})
}

// What a text has of distinct words does not depend on the texts before it, nor on its size.
func TestDistinctWords(t *testing.T) {
	d, err := NewJSON(Schema{Text: []string{"t"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	for _, n := range []int{1, 3000, 2, 500} {
		var words []string
		for i := range n {
			words = append(words, fmt.Sprint("w", i))
		}
		text := strings.Join(slices.Concat(words, words), " ")
		if err := d.Decode([]byte(`{"t":"`+text+`"}`), &e); err != nil {
			t.Fatal(err)
		}
		if len(e.X.Sparse) != n {
			t.Errorf("%d features of %d distinct words", len(e.X.Sparse), n)
		}
	}
	limited, err := NewJSON(Schema{Text: []string{"t"}, MaxFeatures: 2}, false)
	if err != nil {
		t.Fatal(err)
	}
	wantRejection(t, limited.Decode([]byte(`{"t":"a b c"}`), &e), TooManyFeatures, "")
}
