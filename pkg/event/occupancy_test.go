package event

import (
	"fmt"
	"math"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// The estimates agree with what is counted when features are thrown into slots.
func TestOccupancy(t *testing.T) {
	const slots = 1 << 14
	for _, n := range []int{1, 500, 5_000, 40_000} {
		in := map[uint64]int{}
		for i := range n {
			in[xxhash.Sum64String(fmt.Sprint("f=", i))%slots]++
		}
		shared := 0
		for _, k := range in {
			if k > 1 {
				shared += k
			}
		}
		o := Occupancy{Used: len(in), Slots: slots}
		if got := o.Features(); math.Abs(got-float64(n)) > 0.02*float64(n)+1 {
			t.Errorf("%d features: estimated %v", n, got)
		}
		if got, want := o.CollisionShare(), float64(shared)/float64(n); math.Abs(got-want) > 0.025 {
			t.Errorf("%d features: collision share %v, counted %v", n, got, want)
		}
	}
	o := Occupancy{Used: 4000, Slots: slots} // about 4600 features: 2^17 slots give 3.4%, 2^16 6.8%
	if got := o.Bits(); got != 17 {
		t.Errorf("%d bits", got)
	}
	full := Occupancy{Used: slots, Slots: slots}
	if n := full.Features(); math.IsInf(n, 0) || n < slots || full.Bits() <= 14 {
		t.Errorf("full: %v features, %d bits", n, full.Bits())
	}
	exact := Occupancy{Used: 12}
	if exact.Features() != 12 || exact.CollisionShare() != 0 || exact.Bits() != 0 {
		t.Errorf("without hashing: %v, %v, %d", exact.Features(), exact.CollisionShare(), exact.Bits())
	}
}
