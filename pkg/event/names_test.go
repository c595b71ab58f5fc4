package event

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
)

// A decoder that keeps names makes the same events as one that does not, and
// every name that is no product's hashes to its feature.
func TestNamesOfAllFormats(t *testing.T) {
	rich := Schema{
		Label: "y", Time: "ts", Cyclic: []string{"ts"}, Missing: []string{"income"}, Text: []string{"title"}, Ngrams: 2,
		Categorical: []string{"zip"}, Log1p: []string{"n"}, Cross: [][]string{{"country", "amount"}, {"country", "zip", "tags"}},
	}
	flat := rich
	flat.Cross = [][]string{{"country", "amount"}}
	flat.Text, flat.Ngrams = nil, 0
	sparse := Schema{Cross: [][]string{{"a*", "b*"}}}
	for _, tc := range []struct {
		format, record string
		open           func() (Named, error)
		want           []string
	}{
		{"json", `{"y":1,"ts":"2024-02-03T04:05:06Z","country":"DE","amount":2.5,"zip":10115,"n":3,"new":true,"title":"New York new","tags":["a","b"],"o":{"p":[1,{"q":"é"}]}}`,
			func() (Named, error) { return NewJSON(rich, true) },
			[]string{"amount", "n", "country=DE", "zip=10115", "new=true", "title=new york", "tags=a", "o.p.0", "o.p.1.q=é", "income?", "ts#hour_sin"}},
		{"json again", `{"y":1,"ts":0,"country":"DE","country":"FR","amount":1}`, func() (Named, error) { return NewJSON(rich, true) }, []string{"country=FR", "amount"}},
		{"csv", "1,2024-02-03T04:05:06Z,DE,2.5,10115,3,,x",
			func() (Named, error) {
				return NewCSV(flat, []string{"y", "ts", "country", "amount", "zip", "n", "income", "w"}, ',', true)
			}, []string{"amount", "country=DE", "zip=10115", "income?", "w=x", "ts#weekday_cos"}},
		{"libsvm", "1 3:0.5 7:1", func() (Named, error) { return NewLibSVM(Schema{}, true) }, []string{"3", "7"}},
		{"vw", "1 |a x:2 y |b z", func() (Named, error) { return NewVW(sparse, true) }, []string{"a^x", "a^y", "b^z"}},
		{"vwjson", `{"_label":1,"a":{"x":2,"s":"t"},"f":1}`, func() (Named, error) { return NewVWJSON(Schema{}, true) }, []string{"a^x", "f"}},
	} {
		t.Run(tc.format, func(t *testing.T) {
			plain, err := tc.open()
			if err != nil {
				t.Fatal(err)
			}
			named, _ := tc.open()
			named.KeepNames()
			var a, b Event
			for range 2 { // the second record finds roles and names of the first
				if err := plain.Decode([]byte(tc.record), &a); err != nil {
					t.Fatal(err)
				}
				if err := named.Decode([]byte(tc.record), &b); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(a, b); diff != "" {
					t.Fatalf("another event with names:\n%s", diff)
				}
			}
			if plain.Names() != nil {
				t.Error("a plain decoder keeps names")
			}
			checkNames(t, &b.X, named.Names(), tc.want)
		})
	}
}

func checkNames(t *testing.T, x *Vector, names map[uint64]string, want []string) {
	t.Helper()
	var got []string
	for _, f := range append(slices.Clone(x.Dense), x.Sparse...) {
		name, ok := names[f.Hash]
		if !ok {
			t.Errorf("feature %016x has no name", f.Hash)
		}
		if xxhash.Sum64String(name) == f.Hash {
			got = append(got, name)
		} else if !isProduct(f.Hash, names) {
			t.Errorf("%q is the name of %016x, but hashes to %016x", name, f.Hash, xxhash.Sum64String(name))
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("no feature %q among %q", w, got)
		}
	}
}

func product(names ...string) string {
	slices.Sort(names)
	return strings.Join(names, " * ")
}

// isProduct reports whether a hash is that of the product of two or three named features, whose names it joins.
func isProduct(hash uint64, names map[uint64]string) bool {
	for a := range names {
		for b := range names {
			pair := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, a), b)
			if a < b && xxhash.Sum64(pair) == hash {
				return names[hash] == product(names[a], names[b])
			}
			for c := range names {
				if a < b && b < c && xxhash.Sum64(binary.LittleEndian.AppendUint64(pair, c)) == hash {
					return names[hash] == product(names[a], names[b], names[c])
				}
			}
		}
	}
	return false
}
