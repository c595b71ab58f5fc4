package event

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// The hashes were computed with a program written from the specification of
// XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), not
// with the library used here. Another hash would make every stored and
// published model meaningless.
func TestHashContract(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint64{
		"amount":         0x5b2d12cd16c20179,
		"order.amount":   0xd1797661725f40c2,
		"country=DE":     0x7ae3674c8475273f,
		"café=☕":         0x110075c7bcc5efb5,
		"title=new york": 0xca3aa935d820ac06,
		"income?":        0xd2e6ee5b59ab88a2,
		"ts#hour_sin":    0xbc8d62dfb6492c3e,
	} {
		if got := xxhash.Sum64String(name); got != want {
			t.Errorf("%s: %016x, want %016x", name, got, want)
		}
		if !strings.Contains(string(doc), fmt.Sprintf("%016x", want)) {
			t.Errorf("%s: the package comment does not state the hash %016x", name, want)
		}
	}
	d, err := NewJSON(Schema{Cross: [][]string{{"amount", "country"}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	if err := d.Decode([]byte(`{"country":"DE","amount":2.5}`), &e); err != nil {
		t.Fatal(err)
	}
	const product uint64 = 0xacbecafa93755344
	if got := e.X.Sparse[1]; got.Hash != product || got.Value != 2.5 || !strings.Contains(string(doc), fmt.Sprintf("%x", product)) {
		t.Errorf("product %+v, want the hash %x, also in the package comment, and the value 2.5", got, product)
	}
}

func ExampleJSON() {
	d, err := NewJSON(Schema{Label: "fraud", Categorical: []string{"zip"}}, true)
	if err != nil {
		fmt.Println(err)
		return
	}
	var e Event
	if err := d.Decode([]byte(`{"fraud": true, "order": {"amount": 12.5}, "country": "DE", "zip": 10115, "tags": ["sale", "new"]}`), &e); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("label", e.Label)
	for _, name := range []string{"order.amount", "country=DE", "zip=10115", "tags=sale", "tags=new"} {
		for _, f := range append(e.X.Dense, e.X.Sparse...) {
			if f.Hash == xxhash.Sum64String(name) {
				fmt.Println(name, f.Value)
			}
		}
	}
	// Output:
	// label 1
	// order.amount 12.5
	// country=DE 1
	// zip=10115 1
	// tags=sale 1
	// tags=new 1
}
