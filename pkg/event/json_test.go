package event

import (
	"errors"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// flat20 is a flat event with 20 features, 361 bytes.
const flat20 = `{"is_fraud":1,"amount":129.95,"hour":14,"age_days":812,"n_tx_1h":3,"n_tx_24h":11,"avg_7d":57.125,"dist_km":3.72,"ratio":0.8312,"limit":2500,"score":-1.25,"country":"DE","merchant":"merch_00049213x","category":"electronics","device":"ios","browser":"safari","channel":"app","currency":"EUR","bank":"b_217","card_type":"debit","network":"visa","ts":1767225600000}`

// nested30 has 10 numbers and 20 short strings in two nested objects, 489 bytes.
const nested30 = `{"label":1,"num":{"n0":0.4127,"n1":-1.382,"n2":12.5,"n3":3,"n4":0.0021,"n5":812.25,"n6":-0.75,"n7":44,"n8":1.0625,"n9":7.125},"cat":{"c00":"v17","c01":"v3","c02":"v112","c03":"v9","c04":"v45","c05":"v8","c06":"v71","c07":"v2","c08":"v33","c09":"v6","c10":"v1204","c11":"v5","c12":"v90","c13":"v14","c14":"v4","c15":"v66","c16":"v7","c17":"v28","c18":"v10","c19":"v55"},"ts":1767225600000,"id":"tx-00918273-44aa6f1b3c","card":"c-44821","region":"eu-central","shop":"s-118","currency":"EUR"}`

func num(name string, v float64) Feature { return Feature{xxhash.Sum64String(name), v} }
func cat(name string) Feature            { return Feature{xxhash.Sum64String(name), 1} }

// want compares events and lets nil and empty slices be equal.
func diffEvent(want, got *Event) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

// wantRejection checks that err is a Rejection for the reason.
func wantRejection(t *testing.T, err error, reason Reason, field string) {
	t.Helper()
	var r *Rejection
	if !errors.As(err, &r) {
		t.Fatalf("got error %v, want a rejection: %s", err, reason)
	}
	if r.Reason != reason || r.Field != field || r.Detail == "" {
		t.Fatalf("got %v, want reason %s, field %q and a detail", err, reason, field)
	}
}

func BenchmarkJSON(b *testing.B) {
	for _, c := range []struct {
		name, text string
		schema     Schema
		features   int
	}{
		{"flat20_361B", flat20, Schema{Label: "is_fraud", Time: "ts"}, 20},
		{"nested30_489B", nested30, Schema{Label: "label", Time: "ts", ID: "id", Key: "card", Exclude: []string{"region", "shop", "currency"}}, 30},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, err := NewJSON(c.schema, true)
			if err != nil {
				b.Fatal(err)
			}
			text := []byte(c.text)
			var e Event
			if err := d.Decode(text, &e); err != nil || e.X.Len() != c.features {
				b.Fatalf("%v: %d features, want %d", err, e.X.Len(), c.features)
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(text, &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestBenchmarkEventsHaveTheStatedSize(t *testing.T) {
	if len(flat20) != 361 || len(nested30) != 489 {
		t.Errorf("flat20 has %d bytes and nested30 %d, want 361 and 489", len(flat20), len(nested30))
	}
}
