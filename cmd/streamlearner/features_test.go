package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/sim"
)

// written writes records to a file.
func written(t *testing.T, n int, record func(i int) string) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		b.WriteString(record(i) + "\n")
	}
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Products by names, by *, and of three, as --set takes them: each event has the values
// a, b, c and n of four fields, so the numbers of features that were seen are known.
func TestReplayProducts(t *testing.T) {
	path := written(t, 400, func(i int) string {
		return fmt.Sprintf(`{"a":"%d","b":"%d","c":"%d","n":%d,"y":%d}`, i%2, i/2%2, i/4%2, 1+i%7, i%2)
	})
	const single = 2 + 2 + 2 + 1
	for set, products := range map[string]int{
		`features.cross=a*b`:                       4,
		`features.cross=a*b, a*b*c`:                4 + 8,
		`features.cross=[["a","*"]]`:               4 + 4 + 2,
		`features.cross=[["*","*"]]`:               3*4 + 3*2,
		`features.cross=[["*","*","*"]]`:           8 + 3*4,
		`features.cross=[["a","b"],["*","c"]]`:     4 + 4 + 4 + 2,
		`features.cross=[["a","b*","n"]]`:          4,
		`features.cross=[["a","b","c","*"]]`:       8,
		`features.cross=[["a","b"],["b","a","n"]]`: 4 + 4,
	} {
		r := replayedFile(t, path, "--label", "y", "--set", "learner.bits=0", "--set", set)
		if r.Used == nil || *r.Used != single+products || r.Learned != 400 {
			t.Errorf("%s: %d features learned of %d events, want %d", set, *r.Used, r.Learned, single+products)
		}
	}
	var errs bytes.Buffer
	p := program{in: bytes.NewReader(nil), out: &bytes.Buffer{}, err: &errs}
	code := p.run(t.Context(), []string{"replay", "--label", "y", "--set", `features.cross=[["*","*"]]`, "--set", "features.max_features=9", path})
	if code == exitOK || !strings.Contains(errs.String(), "too_many_features: more than 9 features; raise features.max_features") {
		t.Errorf("4 features and their 6 products with max_features 9: exit code %d: %s", code, errs.String())
	}
}

// A table that is too small is said to be, with the remedy; without hashing nothing is shared.
func TestReplayCollisions(t *testing.T) {
	path := written(t, 3000, func(i int) string { return fmt.Sprintf(`{"a":"%d","y":%d}`, i, i%2) })
	var out, warnings bytes.Buffer
	p := program{in: bytes.NewReader(nil), out: &out, err: &warnings}
	if code := p.run(t.Context(), []string{"replay", "--label", "y", "--set", "learner.bits=12", path}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, warnings.String())
	}
	if got := warnings.String(); !strings.Contains(got, "features share a weight: raise learner.bits to 16") {
		t.Errorf("warned %q", got)
	}
	if !strings.Contains(out.String(), "of 4096 slots") {
		t.Errorf("%s", out.String())
	}
	r := replayedFile(t, path, "--label", "y", "--set", "learner.bits=0")
	if *r.Features != 3000 || *r.Used != 3000 || *r.Slots != 0 || *r.CollisionShare != 0 || r.Bits != 0 {
		t.Errorf("without hashing: %v features, %d used, %d slots, share %v", *r.Features, *r.Used, *r.Slots, *r.CollisionShare)
	}
	rare := replayedFile(t, path, "--label", "y", "--set", "features.min_count=2", "--set", "learner.bits=0")
	if *rare.Used > 30 {
		t.Errorf("%d of 3000 features that come once are learned with min_count 2", *rare.Used)
	}
	old := replayedFile(t, path, "--label", "y", "--set", "features.expire_after=100", "--set", "learner.bits=0")
	if *old.Used != 100 {
		t.Errorf("%d features are left of the last 100 events", *old.Used)
	}
}

// Users whose records are keyed by user can be factorized, and encoded.
func TestReplayKeyAsFeature(t *testing.T) {
	stream := sim.Ratings(5, 50, 40, 2)
	path := written(t, 4000, func(int) string { return string(stream.Next(nil)) })
	rmse := func(set ...string) float64 {
		args := []string{"--label", "rating", "--set", "source.key=user", "--set", "features.exclude=ts"}
		for _, s := range set {
			args = append(args, "--set", s)
		}
		return figure(t, replayedFile(t, path, args...).Metrics.RMSE)
	}
	without, with := rmse(), rmse("features.categorical=user")
	pairs := rmse("features.categorical=user", "learner.kind=factor", "learner.factor.model=mf", "learner.factor.user=user", "learner.factor.item=item",
		"learner.factor.loss=squared")
	if !(with < without && pairs < with) {
		t.Errorf("RMSE %.4f without users, %.4f with them, %.4f by factors of users", without, with, pairs)
	}
	if encoded := rmse("features.target=user,item"); !(encoded < without) {
		t.Errorf("RMSE %.4f with encodings, %.4f without users", encoded, without)
	}
}
