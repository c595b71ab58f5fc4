package event

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func FuzzParseText(f *testing.F) {
	for _, s := range []string{"0", "-0", "+1", "1.5", ".5", "5.", "1e5", "1E-400", "1e400", "007", "9007199254740993", "18446744073709551616", "0.1e-22",
		"123456789012345678901234567890", "1e", "e1", ".", "", "+", "0x10", "1_0", "nan", "inf", "4503599627370496.5", "1e99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseText([]byte(s))
		want, err := strconv.ParseFloat(s, 64)
		// What strconv accepts besides decimals: hexadecimals, underscores, names.
		decimal := !strings.ContainsAny(s, "xX_nNiI")
		if overflow := err != nil && math.IsInf(want, 0); ok != (decimal && (err == nil || overflow)) {
			t.Fatalf("%q: accepted %v, strconv says %v", s, ok, err)
		}
		if ok && math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%q: got %v, want %v", s, got, want)
		}
	})
}

// The category of a number is its ECMAScript text, which is also how
// encoding/json writes it.
func FuzzCategoryText(f *testing.F) {
	for _, v := range []float64{0, 1, -1, 1.5, 1e-6, 9.9e-7, 1e20, 1e21, 1.25e-9, 1e-10, 1e100, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1)} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v float64) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if v == 0 {
			want = []byte("0")
		}
		if got := appendCategory(nil, []byte(strconv.FormatFloat(v, 'e', -1, 64)), v); string(got) != string(want) {
			t.Fatalf("%v: got %s, want %s", v, got, want)
		}
	})
}

func TestNonFiniteNames(t *testing.T) {
	for text, want := range map[string]bool{"nan": true, "NaN": true, "-inf": true, "+Infinity": true, "INF": true, "": false, "-": false, "infant": false, "nane": false, "na": false} {
		if got := isNonFiniteName([]byte(text)); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestMillis(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want int64
		ok   bool
	}{
		{0, 0, true}, {1, 1000, true}, {-1.5, -1500, true}, {1700000000.1234, 1700000000123, true},
		{99999999999, 99999999999000, true}, {100000000000, 100000000000, true}, {-2e11, -200000000000, true},
		{maxMillis, maxMillis, true}, {maxMillis + 1, 0, false}, {1.7e15, 0, false}, {math.Inf(1), 0, false}, {math.NaN(), 0, false},
	} {
		if got, ok := millis(c.v); got != c.want || ok != c.ok {
			t.Errorf("%v: got %d, %v, want %d, %v", c.v, got, ok, c.want, c.ok)
		}
	}
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999999999+14:00", "2023-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59",
		"1900-02-28T12:00:00.5-05:30", "2000-12-31T00:00:00.1234Z", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:04:05.Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseTime([]byte(s))
		want, err := time.Parse(time.RFC3339, s)
		if err == nil {
			// Go also takes hours of one digit, a comma before the fraction and offsets of 24 hours.
			if !rfc3339.MatchString(s) {
				return
			}
			if !ok || got != want.UnixMilli() {
				t.Fatalf("%q: got %d, %v, want %d", s, got, ok, want.UnixMilli())
			}
			return
		}
		// What the standard allows and Go does not: lower case, a space, a leap second.
		if ok && !strings.ContainsAny(s, "tz ") && s[17:19] != "60" {
			t.Fatalf("%q: got %d, Go says %v", s, got, err)
		}
	})
}

func TestParseTimeBeyondGo(t *testing.T) {
	for s, want := range map[string]int64{
		"2026-01-02 03:04:05z":      1767323045000,
		"2026-01-02t03:04:05+00:00": 1767323045000,
		"2016-12-31T23:59:60Z":      1483228800000,
	} {
		if got, ok := parseTime([]byte(s)); !ok || got != want {
			t.Errorf("%q: got %d, %v, want %d", s, got, ok, want)
		}
	}
}
