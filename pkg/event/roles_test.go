package event

import (
	"fmt"
	"testing"
)

// Names of fields are short and alike. Of 1.3 million such names, a 64-bit hash
// that is as good as random collides with probability 5e-8, and in its low 20
// bits, which choose the slot, fills a share 1-exp(-m/2^20) of the slots.
func TestPathHashSpreadsSimilarNames(t *testing.T) {
	const buckets = 1 << 20
	seen := map[uint64]string{}
	hit := make([]bool, buckets)
	filled := 0
	for i := range 100_000 {
		for _, format := range []string{"%d", "f%d", "%dx", "v.%d", "num.n%d", "cat_%03d", "features^%d", "order.items.%d.price", "%07d_a_field_name_of_some_length",
			"%016d", "%017d", "a_prefix_of_31_bytes_for_a_field%d", "%d.suffix_that_is_equal_in_all_these_names"} {
			name := fmt.Sprintf(format, i)
			h := pathHash([]byte(name))
			if other, ok := seen[h]; ok && other != name {
				t.Fatalf("%q and %q have one hash", name, other)
			}
			seen[h] = name
			if !hit[h%buckets] {
				hit[h%buckets] = true
				filled++
			}
		}
	}
	// m = 1.29 million different names (some formats agree): 0.71 expected.
	if share := float64(filled) / buckets; share < 0.70 || share > 0.72 {
		t.Errorf("%d names fill a share of %.4f of the slots, want 0.71", len(seen), share)
	}
}

// One character more and another one changed do not cancel out.
func TestPathHashDependsOnTheLength(t *testing.T) {
	for n := 8; n < 40; n++ {
		name := []byte("score_of_the_merchant_and_of_all_that_it_sells"[:n])
		shorter := append(append([]byte{}, name[:n-8]...), name[n-7:]...)
		for c := range 256 {
			if shorter[n-8] = byte(c); pathHash(shorter) == pathHash(name) {
				t.Errorf("%q and %q have one hash", name, shorter)
			}
		}
	}
}

func TestPathHashDependsOnEveryByte(t *testing.T) {
	for n := 1; n <= 70; n++ {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + i%26)
		}
		whole := pathHash(b)
		if pathHash(b[:n-1]) == whole {
			t.Errorf("length %d: the last byte does not matter", n)
		}
		for i := range b {
			b[i] ^= 1
			if pathHash(b) == whole {
				t.Errorf("length %d: byte %d does not matter", n, i)
			}
			b[i] ^= 1
		}
	}
}
