package event

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// everyRole has a field of each role, at the top and in objects.
var everyRole = Schema{
	Label: "y", Weight: "w", Time: "tx.t", Key: "k", ID: "i", Arm: "r", Probability: "p",
	Numeric: []string{"n*"}, Categorical: []string{"c*", "a.0"}, Exclude: []string{"x*", "a.b"},
	Text: []string{"m*"}, Ngrams: 2, Log1p: []string{"l*", "n"}, Missing: []string{"a", "n", "m", "c", "tx.due"},
	Cross: [][]string{{"c", "m*"}, {"tx", "*"}},
}

// checkFresh fails unless d, which may have read anything before, decodes text
// as a new decoder does, down to the order of features and the reason to refuse it.
func checkFresh(t fatal, d *JSON, text []byte) {
	t.Helper()
	fresh, err := NewJSON(d.schema, d.needLabel)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var got, want Event
	gotErr, wantErr := d.Decode(text, &got), fresh.Decode(text, &want)
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		t.Fatalf("%q: got %v, a new decoder gives %v", text, gotErr, wantErr)
	}
	if gotErr != nil {
		return
	}
	if diff := diffEvent(&want, &got); diff != "" {
		t.Fatalf("%q: (-new +used)\n%s", text, diff)
	}
}

// records are those of one stream: alike, with something changed in most.
type records struct{ *rand.Rand }

func (r records) pick(s ...string) string { return s[r.IntN(len(s))] }

func (r records) scalar() string {
	switch r.IntN(8) {
	case 0, 1, 2:
		return strconv.Quote(strings.Repeat(r.pick("a", "bc", "7", "é", `\u00e9`), r.IntN(24)))
	case 3:
		return r.pick("null", "true", "false", "0", "-0", "-0.5e1", "00", "1.", ".5", "1e400", "-", "12.34.5", "1234567.8", "12345678", "123456789")
	case 4:
		return strconv.FormatFloat(r.NormFloat64()*100, 'g', 1+r.IntN(17), 64)
	}
	return strconv.FormatFloat(r.NormFloat64()*100, 'f', r.IntN(6), 64)
}

func (r records) object(keys []string, depth int) string {
	var out strings.Builder
	out.WriteString("{")
	comma, colon := r.pick(",", ",", ",", ", ", " ,\n"), r.pick(":", ":", ": ", " :", ":  ")
	for i, k := range keys {
		if i > 0 {
			out.WriteString(comma)
		}
		fmt.Fprintf(&out, `"%s"%s`, k, colon)
		switch {
		case depth < 3 && (strings.HasPrefix(k, "tx") || k == "" && r.IntN(2) == 0):
			out.WriteString(r.object(r.keys(), depth+1))
		case depth < 3 && r.IntN(20) == 0:
			fmt.Fprintf(&out, "[%s,%s, %s]", r.scalar(), r.scalar(), r.object(r.keys(), 3))
		default:
			out.WriteString(r.scalar())
		}
	}
	return out.String() + "}"
}

// keys are those of an object, in their order most of the time.
func (r records) keys() []string {
	all := []string{"y", "w", "t", "k", "due", "amount", "p", "n", "n1", "country", "c1", `\u0061`, "m", "l1", "txn", "a", "x1", "the_name_of_a_field_that_is_long", "", "b", ".t", "tx.t", "txn.c1", "0", "a.0"}
	keep := all[:0:0]
	absent := r.IntN(3) * r.IntN(8)
	for _, k := range all {
		if r.IntN(20) >= absent {
			keep = append(keep, k)
		}
	}
	switch r.IntN(8) {
	case 0:
		r.Shuffle(len(keep), func(i, j int) { keep[i], keep[j] = keep[j], keep[i] })
	case 1:
		if len(keep) > 1 {
			keep[r.IntN(len(keep))] = keep[r.IntN(len(keep))] // a key that occurs twice
		}
	}
	return keep
}

// mutate changes, removes or inserts a byte, or cuts the record off.
func (r records) mutate(text []byte) []byte {
	i := r.IntN(len(text))
	switch r.IntN(4) {
	case 0:
		return text[:i]
	case 1:
		return slices.Delete(text, i, i+1)
	case 2:
		return slices.Insert(text, i, r.pick(`"`, `\`, ",", "}", "{", " ", "e", ".", "0", "\x00", "\xff")[0])
	}
	text[i] ^= 1 << r.IntN(8)
	return text
}

// What a decoder has learned of the keys of a stream must not show.
func TestUsedDecoderEqualsNewOne(t *testing.T) {
	for name, s := range map[string]Schema{"plain": {}, "every role": everyRole, "few features": {MaxFeatures: 12}} {
		t.Run(name, func(t *testing.T) {
			d, err := NewJSON(s, false)
			if err != nil {
				t.Fatal(err)
			}
			r := records{rand.New(rand.NewPCG(1, 2))}
			for range 1000 {
				text := []byte(r.object(r.keys(), 1))
				if r.IntN(3) == 0 {
					text = r.mutate(text)
				}
				checkFresh(t, d, slices.Clip(text))
			}
		})
	}
}

func FuzzJSONUsedDecoder(f *testing.F) {
	r := records{rand.New(rand.NewPCG(3, 4))}
	for _, s := range jsonSeeds {
		f.Add([]byte(s), []byte(r.object(r.keys(), 1)))
	}
	f.Fuzz(func(t *testing.T, before, text []byte) {
		for _, s := range []Schema{{}, everyRole} {
			d, err := NewJSON(s, false)
			if err != nil {
				t.Fatal(err)
			}
			checkFresh(t, d, before)
			checkFresh(t, d, text)
			checkFresh(t, d, before)
		}
	})
}

// A stream whose members are absent at times is read by guesses alone once all
// of them were seen, however they alternate.
func TestAbsentMembersAreGuessed(t *testing.T) {
	d, err := NewJSON(Schema{}, false)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{`{"a":1,"o":{"x":1,"z":2},"d":4}`, `{"a":1,"b":2,"c":3,"d":4}`, `{"a":1,"b":2,"o":{"x":1,"y":2,"z":3},"d":4}`, `{"o":{"z":3},"d":4}`}
	var e Event
	for range 3 {
		for _, text := range texts {
			if err := d.Decode([]byte(text), &e); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.path = append(d.path[:0], "untouched"...) // a key that is looked up is put there
	for _, text := range texts {
		if err := d.Decode([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if string(d.path) != "untouched" {
			t.Errorf("%s: a key was looked up: %q", text, d.path)
		}
	}
}

// Where keys come in no order they are not guessed, and guessed again soon after
// an order has come back.
func TestGuessesPauseWithoutOrder(t *testing.T) {
	d, err := NewJSON(Schema{}, false)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(9, 10))
	members := strings.Split(`"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12`, ",")
	guessed := func(records int, mixed bool) (n int) {
		for range records {
			if mixed {
				r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
			}
			checkFresh(t, d, []byte("{"+strings.Join(members, ",")+"}"))
			if d.guesses {
				n++
			}
		}
		return n
	}
	if n := guessed(1000, true); n > 50 {
		t.Errorf("guessed in %d of 1000 records without order, want at most 50", n)
	}
	if n := guessed(3*maxPause, false); n < maxPause/2 {
		t.Errorf("guessed in %d of %d records of one order, want at least %d", n, 3*maxPause, maxPause/2)
	}
	if n := guessed(100, false); n != 100 {
		t.Errorf("guessed in %d of 100 records after an order was found, want all", n)
	}
}

// Two ways to one path must not be taken for each other: after {"":{"b":1}} the
// key "b" of the record itself is not that of the object.
func TestAmbiguousPathsAreLookedUp(t *testing.T) {
	d, err := NewJSON(Schema{}, false)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, text := range []string{`{"":{"b":1,"z":2}}`, `{".b":1,"b":2}`, `{"b":1,"z":2}`, `{".b":1,"z":2,"b":3}`, `{"a":{"b.c":1,"d":2}}`, `{"a.b":{"c":1,"d":2},"d":3}`} {
			checkFresh(t, d, []byte(text))
		}
	}
}

// Records of ever new and long keys must not fill the memory.
func TestMembersAreBounded(t *testing.T) {
	d, err := NewJSON(Schema{}, false)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	for i := range 200 {
		text := fmt.Sprintf(`{"%06d%s":%s1}`, i, strings.Repeat("k", 50_000), strings.Repeat(" ", 50_000))
		if err := d.Decode([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if d.bytes > maxMemberBytes+len(text) {
			t.Fatalf("holds %d bytes of keys, want at most %d", d.bytes, maxMemberBytes)
		}
	}
}

func TestPrefixHashEqualsXXHash(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for size := range 100 {
		for n := range 40 {
			text := make([]byte, size+n)
			for i := range text {
				text[i] = byte(r.Uint32())
			}
			p := newPrefixHash(text[:size])
			if 8*n > int(p.room) {
				continue
			}
			want := xxhash.Sum64(text)
			for _, behind := range []int{0, 20} { // bytes behind the text
				b := append(bytes.Clone(text[size:]), make([]byte, behind)...)
				for i := range behind {
					b[n+i] = 0xff
				}
				if got := p.sum(b, 0, n); got != want {
					t.Fatalf("%d + %d bytes: %x, want %x", size, n, got, want)
				}
			}
			if n < 8 {
				if got := p.sumWord(word(text[size:], 0), uint(8*n)); got != want {
					t.Fatalf("%d + %d bytes in a word: %x, want %x", size, n, got, want)
				}
			}
		}
	}
}

func TestShortNumberEqualsStrconv(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const characters = "0123456789.-eE+,} \x00\xb0"
	taken := 0
	for range 300_000 {
		text := make([]byte, 9+r.IntN(4))
		for i := range text {
			text[i] = characters[r.IntN(len(characters))]
		}
		if r.IntN(2) == 0 { // a number, with something behind
			copy(text, strconv.FormatFloat(r.NormFloat64()*math.Pow10(r.IntN(8)-1), 'f', r.IntN(8), 64)+",")
		}
		v, n := shortNumber(text, 0)
		_, end := scanNumber(text, 0)
		if n == 0 {
			if end > 0 && end-bytes.Count(text[:end], []byte("-")) <= 8 && !bytes.ContainsAny(text[:end], "eE") && text[min(end, len(text)-1)] != '.' {
				t.Fatalf("%q: not read, but is a number of %d bytes", text, end)
			}
			continue
		}
		taken++
		want, err := strconv.ParseFloat(string(text[:n]), 64)
		if err != nil || n != end || math.Float64bits(v) != math.Float64bits(want) {
			t.Fatalf("%q: %v of %d bytes, want %v of %d (%v)", text, v, n, want, end, err)
		}
	}
	if taken < 100_000 {
		t.Errorf("only %d of the texts were numbers", taken)
	}
}

func TestJSONFieldReadsItsTextAlone(t *testing.T) {
	f, err := NewJSONField("o.y")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{`{"o":{"y":"a b","z":1},"y":2}`, "a b"}, {`{"o":{"y":-1.50}}`, "-1.50"}, {`{"o.y":true}`, "true"}, {`{"o":{"y":0,"y":1}}`, "1"},
		{`{"o":{"y":"\u00e9"},"x":1e999}`, "é"}, {`{"x":3,"o":{"x":[4,"y"]}}`, ""}, {`{"o":{"y":null}}`, ""}, {`{"o":{"y":[1]}}`, ""}, {`{"o":{"y":7},`, ""}, {`{}`, ""},
	} {
		if got := f.Text([]byte(c[0])); string(got) != c[1] {
			t.Errorf("%s: got %q, want %q", c[0], got, c[1])
		}
	}
}
