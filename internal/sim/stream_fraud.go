package sim

import (
	"math"
	"strconv"
)

// FraudStream is a stream of card payments labelled as fraud or not: one JSON
// object of about 360 bytes per payment with 8 numeric and 12 categorical
// fields, the ids tx_id, card (also the record's key) and ts, and the label
// is_fraud, 0 or 1.
//
// The truth is logistic: linear in hour, tx_1h, tx_24h, age, km, risk and the
// categories, and in the logarithms of amount and ratio, which a linear learner
// on the raw numbers only approximates. Log-odds have a standard deviation of
// about 1.8, so the best area under the ROC curve is about 0.87.
//
// Set the knobs before the first Next.
type FraudStream struct {
	Changes   []Change  // concept changes
	Poison    []Episode // label flips
	Malformed float64   // rate of events that no decoder accepts
	Extreme   float64   // rate of events with an amount of 1e12
	Start     int64     // ts of the first event, milliseconds since 1970 UTC
	Step      int64     // milliseconds between events

	draws      *draws
	n          uint64
	intercept  float64
	concept    concept
	categories []category
	numbers    []number
	value      []float64 // of the numeric fields, as written
	standard   []float64 // of the numeric fields, as the truth sees them
	chosen     []int     // value of each category
	card       []byte
	truth      Truth
}

const (
	fraudRate  = 0.07 // share of label 1 before any change
	fraudCards = 5000
	fraudSD    = 1.8 // standard deviation of the log-odds
)

// number is a numeric field. draw returns a value and its standardised form,
// which has mean 0 and variance 1.
type number struct {
	name     string
	decimals decimals
	draw     func(d *draws) (value, standard float64)
}

func fraudNumbers() []number {
	return []number{
		{"amount", 2, logNormal(math.Log(42), 1.1)},
		{"hour", 0, func(d *draws) (float64, float64) {
			h := float64(d.IntN(24))
			return h, (h - 11.5) / math.Sqrt((24*24-1)/12.)
		}},
		{"tx_1h", 0, geometric(0.6)},
		{"tx_24h", 0, geometric(0.15)},
		{"ratio", 2, logNormal(0, 0.6)},
		{"age", 0, func(d *draws) (float64, float64) {
			u := d.Float64()
			return 2000 * u, (u - 0.5) * math.Sqrt(12)
		}},
		{"km", 1, func(d *draws) (float64, float64) {
			x := d.ExpFloat64()
			return 15 * x, x - 1
		}},
		{"risk", 3, func(d *draws) (float64, float64) {
			u := (d.Float64() + d.Float64()) / 2
			return u, (u - 0.5) * math.Sqrt(24)
		}},
	}
}

func logNormal(mu, sigma float64) func(*draws) (float64, float64) {
	return func(d *draws) (float64, float64) {
		g := d.NormFloat64()
		return math.Exp(mu + sigma*g), g
	}
}

// geometric counts failures before a success of probability p.
func geometric(p float64) func(*draws) (float64, float64) {
	mean, sd := (1-p)/p, math.Sqrt(1-p)/p
	perLog := 1 / math.Log1p(-p)
	return func(d *draws) (float64, float64) {
		k := math.Floor(math.Log(1-d.Float64()) * perLog)
		return k, (k - mean) / sd
	}
}

func fraudCategories() []category {
	return []category{
		newCategory("country", "DE", "FR", "US", "GB", "PL", "IT", "ES", "NL", "SE", "BR", "IN", "JP", "CN", "TR", "ZA"),
		newCategory("merchant", numbered("m", 500)...),
		newCategory("mcc", "5411", "5812", "5541", "5999", "4121", "5732", "7011", "4814", "5311", "7995", "6011", "5912"),
		newCategory("device", "ios", "android", "web", "pos"),
		newCategory("channel", "chip", "online", "nfc", "moto"),
		newCategory("currency", "EUR", "USD", "GBP", "PLN", "SEK", "JPY"),
		newCategory("card_type", "debit", "credit", "prepaid"),
		newCategory("issuer", numbered("b", 40)...),
		newCategory("os_version", "17.2", "14", "16.7", "13", "12", "18.0"),
		newCategory("email_domain", "gmail", "gmx", "yahoo", "own", "temp"),
		newCategory("tier", "std", "gold", "new"),
		newCategory("auth", "3ds", "pin", "none", "cvv"),
	}
}

// Fraud returns the stream of a seed, without any change, poison or bad event.
func Fraud(seed uint64) *FraudStream {
	f := &FraudStream{Start: 1_767_225_600_000, Step: 20, draws: newDraws(seed), categories: fraudCategories(), numbers: fraudNumbers()}
	f.value, f.standard = make([]float64, len(f.numbers)), make([]float64, len(f.numbers))
	f.chosen = make([]int, len(f.categories))
	f.draws.at(math.MaxUint64)
	f.concept = newConcept(newPlane(f.draws, fraudSD, len(f.numbers), f.categories))
	f.calibrate()
	return f
}

// calibrate sets the intercept so that the base rate over a sample of scores is
// fraudRate.
func (f *FraudStream) calibrate() {
	const sample, steps = 4096, 40
	scores := make([]float64, sample)
	for i := range scores {
		f.draws.at(math.MaxUint64 - 1 - uint64(i))
		f.drawFields()
		scores[i] = f.concept.score(f.standard, f.chosen)
	}
	low, high := -20., 20.
	for range steps {
		f.intercept = (low + high) / 2
		sum := 0.
		for _, z := range scores {
			sum += sigmoid(z + f.intercept)
		}
		if sum > fraudRate*sample {
			high = f.intercept
		} else {
			low = f.intercept
		}
	}
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

func (f *FraudStream) drawFields() {
	for i := range f.numbers {
		v, s := f.numbers[i].draw(f.draws)
		f.value[i], f.standard[i] = f.numbers[i].decimals.round(v), s
	}
	for k := range f.categories {
		f.chosen[k] = f.categories[k].draw(f.draws)
	}
}

// Next appends the next event to dst.
func (f *FraudStream) Next(dst []byte) []byte {
	n := f.n
	f.n++
	f.concept.turnTo(n, f.Changes)
	f.draws.at(n)
	f.drawFields()
	f.card = strconv.AppendInt(append(f.card[:0], 'c'), 10_000+int64(f.draws.IntN(fraudCards)), 10)
	p := sigmoid(f.intercept + f.concept.score(f.standard, f.chosen))
	label := 0.
	if f.draws.Float64() < p {
		label = 1
	}
	f.truth = Truth{N: n, Mean: p, Label: label}
	if poisoned(f.Poison, n, f.draws.Float64()) {
		f.truth.Kind, f.truth.Label = Poisoned, 1-label
	}
	switch u := f.draws.Float64(); {
	case u < f.Malformed:
		f.truth.Kind = Malformed
		return f.malformed(dst, n)
	case u < f.Malformed+f.Extreme:
		f.truth.Kind = Extreme
		f.value[0] = 1e12
	}
	return f.json(dst, n)
}

// Key returns the key of the last event, its card, until the next call of Next.
func (f *FraudStream) Key() []byte { return f.card }

// Truth returns what is known about the last event.
func (f *FraudStream) Truth() Truth { return f.truth }

func (f *FraudStream) json(dst []byte, n uint64) []byte {
	dst = append(dst, `{"tx_id":"t`...)
	dst = strconv.AppendUint(dst, 10_000_000+n, 10)
	dst = append(dst, `","ts":`...)
	dst = strconv.AppendInt(dst, f.Start+int64(n)*f.Step, 10)
	dst = append(dst, `,"card":"`...)
	dst = append(dst, f.card...)
	dst = append(dst, `","is_fraud":`...)
	dst = append(dst, '0'+byte(f.truth.Label))
	for i := range f.numbers {
		dst = appendName(dst, f.numbers[i].name)
		dst = f.numbers[i].decimals.append(dst, f.value[i])
	}
	dst = appendCategories(dst, f.categories, f.chosen)
	return append(dst, '}')
}

// malformed appends an event with one of five faults, in turn by its number.
func (f *FraudStream) malformed(dst []byte, n uint64) []byte {
	start := len(dst)
	switch n % 5 {
	case 0: // cut off
		dst = f.json(dst, n)
		return dst[:start+(len(dst)-start)/2]
	case 1: // a number that no float64 can hold
		return append(dst, `{"is_fraud":0,"amount":1e999}`...)
	case 2: // not a JSON token
		return append(dst, `{"is_fraud":0,"amount":NaN}`...)
	case 3: // no label
		return append(dst, `{"amount":12.5,"country":"DE"}`...)
	default: // a label that means nothing
		return append(dst, `{"is_fraud":[],"amount":12.5}`...)
	}
}

func appendName(dst []byte, name string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	return append(dst, '"', ':')
}

func appendCategories(dst []byte, categories []category, chosen []int) []byte {
	for k := range categories {
		dst = appendName(dst, categories[k].name)
		dst = append(dst, '"')
		dst = append(dst, categories[k].values[chosen[k]]...)
		dst = append(dst, '"')
	}
	return dst
}
