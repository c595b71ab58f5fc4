package redis_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// The users that the documentation tells to create can do what they need, and
// nothing else. Here they are for all models, since the suite draws their names.
func TestUsers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "redis.md"))
	if err != nil {
		t.Fatal(err)
	}
	r := testbed.RedisServer(t)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "user "); ok {
			words := strings.Fields(strings.ReplaceAll(rest, "{fraud", "{*"))
			if _, err := testbed.Command(r.Addr, append([]string{"ACL", "SETUSER"}, words...)...); err != nil {
				t.Fatal(err)
			}
		}
	}
	as := func(user string) *redis.Store {
		return openWith(t, redis.Options{Addrs: []string{r.Addr}, Username: user, Password: "secret"})
	}
	writer, reader := as("streamlearner"), as("reader")
	if err := writer.Check(t.Context()); err != nil {
		t.Error(err)
	}
	conform.Store(t, func(*testing.T) conform.StoreUnderTest { return writer })

	ctx, k := t.Context(), state.Key{Model: testbed.Name(t)}
	claim, _, err := writer.Claim(ctx, k, owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Save(ctx, k, claim, 0, snapshot(1, blob("model")), 5); err != nil {
		t.Fatal(err)
	}
	if p, err := reader.Current(ctx, k); err != nil || p.Number != 1 {
		t.Errorf("reader: %+v, %v", p, err)
	}
	if _, err := reader.Blob(ctx, k, blob("model").Sum); err != nil {
		t.Errorf("reader: %v", err)
	}
	if err := reader.Save(ctx, k, claim, 1, snapshot(2, blob("model")), 5); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("the reader saved: %v", err)
	}
	if _, err := testbed.Command(r.Addr, "SET", "other", "1"); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"streamlearner", "reader"} {
		for _, command := range [][]string{{"GET", "other"}, {"FLUSHALL"}, {"KEYS", "*"}, {"CONFIG", "SET", "maxmemory", "1"}, {"ACL", "LIST"}} {
			if out, err := testbed.Command(r.Addr, append([]string{"ACL", "DRYRUN", user}, command...)...); err != nil || strings.HasPrefix(out[0], "OK") {
				t.Errorf("%s may %v: %v, %v", user, command, out, err)
			}
		}
	}
}
