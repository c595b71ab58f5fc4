package conform

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// FlatJSON returns n generated payment events of 20 features in one flat
// object, 361 bytes on average: the event that figures for decoding refer to.
// The label is "is_fraud", the time "ts". Values vary in length and digits, so
// that a processor cannot learn one event by heart.
func FlatJSON(n int, seed uint64) [][]byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, `{"is_fraud":%d,"amount":%.2f,"hour":%d,"age_days":%d,"n_tx_1h":%d,"n_tx_24h":%d,"avg_7d":%.3f,"dist_km":%.2f,"ratio":%.4f,"limit":%d,"score":%.2f,`+
			`"country":"%s","merchant":"merch_%05d","category":"%s","device":"%s","browser":"%s","channel":"%s","currency":"%s","bank":"bank_%02d","card_type":"%s","network":"%s","ts":%d}`,
			r.IntN(2), r.ExpFloat64()*80, r.IntN(24), r.IntN(3000), r.IntN(10), r.IntN(60), r.ExpFloat64()*60, r.ExpFloat64()*20, r.Float64(), 500*(1+r.IntN(20)), r.NormFloat64(),
			pick(r, "DE", "FR", "US", "PL"), r.IntN(90000), pick(r, "electronics", "grocery", "fashion", "travel"), pick(r, "ios", "android", "desktop"),
			pick(r, "safari", "chrome", "firefox"), pick(r, "app", "web"), pick(r, "EUR", "USD", "PLN"), r.IntN(100), pick(r, "debit", "credit", "prepaid"),
			pick(r, "visa", "mastercard", "amex"), 1767225600000+int64(i))
	}
	return out
}

// NestedJSON returns n generated events of 10 numbers and 20 short strings in
// two nested objects, 489 bytes on average. The label is "label", the time "ts".
func NestedJSON(n int, seed uint64) [][]byte {
	r := rand.New(rand.NewPCG(seed, 2))
	out := make([][]byte, n)
	for i := range out {
		var numbers, categories []string
		for k := range 10 {
			numbers = append(numbers, fmt.Sprintf(`"n%d":%.*f`, k, k%5, r.NormFloat64()*100))
		}
		for k := range 20 {
			categories = append(categories, fmt.Sprintf(`"cat_%d":"v%d"`, k, r.IntN(2000)))
		}
		out[i] = fmt.Appendf(nil, `{"label":%d,"numbers":{%s},"category":{%s},"ts":%d}`,
			r.IntN(2), strings.Join(numbers, ","), strings.Join(categories, ","), 1767225600000+int64(i))
	}
	return out
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }
