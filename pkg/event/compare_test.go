package event

import (
	"errors"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func num(name string, v float64) Feature { return Feature{xxhash.Sum64String(name), v} }
func cat(name string) Feature            { return Feature{xxhash.Sum64String(name), 1} }

// diffEvent compares events and lets nil and empty slices be equal.
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
