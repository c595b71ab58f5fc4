package serve

import "testing"

// The cases of testMurmur2 in Kafka's UtilsTest
// (https://github.com/apache/kafka/blob/trunk/clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java).
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
}

func TestPartitionOf(t *testing.T) {
	for n := int32(1); n <= 7; n++ {
		// -973932308 & 0x7fffffff = 1173551340
		if got, want := PartitionOf([]byte("21"), n), 1173551340%n; got != want {
			t.Errorf("of %d: %d, want %d", n, got, want)
		}
	}
}
