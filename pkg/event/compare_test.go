package event

import (
	"errors"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// num is the feature of a numeric field.
func num(path string, v float64) Feature {
	return Feature{xxhash.Sum64String(path), v, uint32(xxhash.Sum64String(path))}
}

// cat is the feature of a category "path=text".
func cat(name string) Feature {
	path, _, _ := strings.Cut(name, "=")
	return Feature{xxhash.Sum64String(name), 1, uint32(xxhash.Sum64String(path))}
}

// diffEvent compares events and lets nil and empty slices be equal.
func diffEvent(want, got *Event) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

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
