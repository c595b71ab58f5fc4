package redis_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

var owner = state.Owner{Group: "g", Generation: 1}

func blob(s string) state.Blob { return state.Blob{Sum: state.SumOf([]byte(s)), Data: []byte(s)} }

// snapshot publishes its first blob as version seq.
func snapshot(seq uint64, blobs ...state.Blob) *state.Snapshot {
	s := &state.Snapshot{Seq: seq, Next: state.Position{Offset: int64(seq)}, Head: []byte("head"), Blobs: blobs}
	for _, b := range blobs {
		s.Refs = append(s.Refs, b.Sum)
	}
	s.Current = &state.Pointer{Version: state.Version{Number: seq, Sum: blobs[0].Sum}, Mode: "learning"}
	return s
}

// lossyProxy forwards connections to a server. While armed it lets one request
// that contains word through and closes the connection instead of replying.
type lossyProxy struct {
	addr string
	word string
	lost atomic.Int32 // replies still to be lost
	done atomic.Int32 // replies lost
}

func newLossyProxy(t *testing.T, server, word string) *lossyProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &lossyProxy{addr: l.Addr().String(), word: word}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(client, server) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return p
}

// serve relays requests and replies in turn: with one request in flight a
// connection, whatever the server says is the reply to what was sent last.
func (p *lossyProxy) serve(client net.Conn, server string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer upstream.Close()
	var drop atomic.Bool
	go func() {
		defer upstream.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := client.Read(buf)
			if err != nil {
				return
			}
			if strings.Contains(strings.ToLower(string(buf[:n])), p.word) && p.lost.Add(-1) >= 0 {
				drop.Store(true)
			}
			if _, err := upstream.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := upstream.Read(buf)
		if err != nil {
			return
		}
		if drop.Load() {
			p.done.Add(1)
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// A script whose reply is lost has run. The client sends it again by itself,
// and the second run must change nothing and still succeed.
func TestLostReply(t *testing.T) {
	server := testbed.Redis(t)
	k := state.Key{Model: testbed.Name(t), Partition: 0}
	proxy := newLossyProxy(t, server, "evalsha")
	s := open(t, proxy.addr)
	ctx := t.Context()
	// A first round without losses loads the scripts and shows the direct result.
	warm := state.Key{Model: testbed.Name(t), Partition: 0}
	round := func(k state.Key, lose int32) {
		t.Helper()
		proxy.lost.Store(lose)
		claim, _, err := s.Claim(ctx, k, owner)
		if err != nil || claim.Number != 1 {
			t.Fatalf("claim %+v, %v", claim, err)
		}
		proxy.lost.Store(lose)
		if err := s.Send(ctx, k, state.Command{ID: "c", Kind: "freeze"}); err != nil {
			t.Fatal(err)
		}
		if in, err := s.Inbox(ctx, k); err != nil || len(in) != 1 {
			t.Fatalf("inbox %+v, %v; want the command once", in, err)
		}
		for seq := uint64(1); seq <= 3; seq++ {
			proxy.lost.Store(lose)
			if err := s.Save(ctx, k, claim, seq-1, snapshot(seq, blob("x")), 20); err != nil {
				t.Fatalf("save %d: %v", seq, err)
			}
		}
		got, _, err := s.State(ctx, k)
		if err != nil || got.Seq != 3 {
			t.Fatalf("state %+v, %v; want save 3", got, err)
		}
	}
	round(warm, 0)
	if n := proxy.done.Load(); n != 0 {
		t.Fatalf("%d replies lost in the undisturbed round", n)
	}
	round(k, 1)
	if n := proxy.done.Load(); n != 5 {
		t.Errorf("%d replies lost, want 5: the proxy tested nothing", n)
	}
}

// A server that restarted knows no scripts; the next call brings them again.
func TestScriptsAreLoadedAgain(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, server.Addr())
	k := state.Key{Model: "m", Partition: 0}
	claim, _, err := s.Claim(t.Context(), k, owner)
	if err != nil {
		t.Fatal(err)
	}
	rdb := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	defer rdb.Close()
	if err := rdb.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), k, claim, 0, snapshot(1, blob("x")), 20); err != nil {
		t.Fatal(err)
	}
}

// Blobs that no save refers to expire; those of a save never do, even when an
// owner that was fenced uploads them again.
func TestUploadsExpire(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, server.Addr())
	ctx, k := t.Context(), state.Key{Model: "m", Partition: 0}
	claim, _, err := s.Claim(ctx, k, owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ctx, k, claim, 0, snapshot(1, blob("used")), 20); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Claim(ctx, k, state.Owner{Group: "g", Generation: 2}); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(ctx, k, claim, 1, snapshot(2, blob("used"), blob("zombie's")), 20); !errors.Is(err, state.ErrFenced) {
		t.Fatalf("zombie's save: %v", err)
	}
	if _, err := s.Blob(ctx, k, blob("zombie's").Sum); err != nil {
		t.Fatalf("upload before the script: %v", err)
	}
	server.FastForward(2 * time.Hour)
	if _, err := s.Blob(ctx, k, blob("zombie's").Sum); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("abandoned upload after two hours: %v", err)
	}
	if _, err := s.Blob(ctx, k, blob("used").Sum); err != nil {
		t.Errorf("blob in use after two hours: %v", err)
	}
}

// However many saves there were, the keys are those of the newest one.
func TestKeysDoNotPileUp(t *testing.T) {
	for chunk, perBlob := range map[int]int{64: 1, 1: 3} { // the index and two chunks
		server := miniredis.RunT(t)
		s := open(t, server.Addr())
		s.SetChunk(chunk)
		ctx, k := t.Context(), state.Key{Model: "m", Partition: 7}
		claim, _, err := s.Claim(ctx, k, owner)
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(1); seq <= 50; seq++ {
			model, part, reference := blob("m"+string(rune('A'+seq))), blob("p"+string(rune('A'+seq))), blob("r"+string(rune('A'+seq)))
			snap := snapshot(seq, model, part, reference)
			snap.Parts = []state.Sum{part.Sum}
			if err := s.Save(ctx, k, claim, seq-1, snap, 2); err != nil {
				t.Fatal(err)
			}
		}
		server.FastForward(time.Second) // chunks go by expiry
		// Blobs: those of save 50, and version 49 with its part.
		want := slices.Repeat([]string{"sl:{m/7}:b:"}, 5*perBlob)
		want = append(want, "sl:{m/7}:current", "sl:{m/7}:parts", "sl:{m/7}:state", "sl:{m/7}:uses", "sl:{m/7}:v", "sl:{m}:partitions")
		var got []string
		for _, key := range server.Keys() {
			if i := strings.Index(key, ":b:"); i > 0 {
				key = key[:i+3]
			}
			got = append(got, key)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("chunks of %d: keys %q, want %q", chunk, got, want)
		}
		for key, want := range map[string]int{"sl:{m/7}:parts": 2, "sl:{m/7}:uses": 4} {
			if fields, err := server.HKeys(key); err != nil || len(fields) != want {
				t.Errorf("chunks of %d: %s has %d fields, %v; want %d", chunk, key, len(fields), err, want)
			}
		}
	}
}

// What is damaged or gone is reported as such and never taken for a fresh start.
func TestDamage(t *testing.T) {
	b := blob("parameters")
	for name, c := range map[string]struct {
		damage func(*miniredis.Miniredis)
		want   string
	}{
		"blob gone":      {func(m *miniredis.Miniredis) { m.Del("sl:{m/0}:b:" + b.Sum.String()) }, "blob missing"},
		"blob changed":   {func(m *miniredis.Miniredis) { must(m.Set("sl:{m/0}:b:"+b.Sum.String(), "other")) }, "is damaged"},
		"offset":         {func(m *miniredis.Miniredis) { m.HSet("sl:{m/0}:state", "offset", "1e3") }, "offset of m/0 is damaged"},
		"refs":           {func(m *miniredis.Miniredis) { m.HSet("sl:{m/0}:state", "refs", "abc") }, "refs of m/0 is damaged"},
		"current":        {func(m *miniredis.Miniredis) { must(m.Set("sl:{m/0}:current", "{")) }, "current of m/0 is damaged"},
		"type of a key":  {func(m *miniredis.Miniredis) { m.Del("sl:{m/0}:state"); must(m.Set("sl:{m/0}:state", "x")) }, "WRONGTYPE"},
		"server is away": {func(m *miniredis.Miniredis) { m.Close() }, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			server := miniredis.RunT(t)
			s := open(t, server.Addr())
			k := state.Key{Model: "m", Partition: 0}
			claim, _, err := s.Claim(t.Context(), k, owner)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Save(t.Context(), k, claim, 0, snapshot(1, b), 20); err != nil {
				t.Fatal(err)
			}
			c.damage(server)
			if _, snap, err := s.Claim(t.Context(), k, owner); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("claim returned %+v, %v; want an error with %q", snap, err, c.want)
			}
		})
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestCheck(t *testing.T) {
	if err := open(t, miniredis.RunT(t).Addr()).Check(t.Context()); err != nil {
		t.Errorf("server that does not tell its policy: %v", err)
	}
	server := testbed.RedisServer(t)
	s := open(t, server.Addr)
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("noeviction: %v", err)
	}
	rdb := goredis.NewClient(&goredis.Options{Addr: server.Addr})
	defer rdb.Close()
	if err := rdb.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "set maxmemory-policy noeviction") {
		t.Errorf("allkeys-lru: %v", err)
	}
	server.Kill()
	if err := s.Check(t.Context()); err == nil {
		t.Error("a dead server passed")
	}
}

// A deadline ends a save at a server that hangs, so that a revoke is not held up.
func TestDeadline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, c) // reads and never answers
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, _, err = open(t, l.Addr().String()).Claim(ctx, state.Key{Model: "m"}, owner)
	if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		t.Errorf("claim took %v and returned %v", took, err)
	}
}

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		opts redis.Options
		want string
	}{
		"no address":         {redis.Options{}, "redis.addrs is empty"},
		"database":           {redis.Options{Addrs: []string{"a:1", "b:1"}, DB: 2}, "redis.db: 2"},
		"missing authority":  {redis.Options{Addrs: []string{"a:1"}, TLS: redis.TLS{Enabled: true, CAFile: "no-such-file"}}, "redis.tls.ca_file"},
		"no certificate":     {redis.Options{Addrs: []string{"a:1"}, TLS: redis.TLS{Enabled: true, CAFile: "options.go"}}, "holds no PEM"},
		"half a certificate": {redis.Options{Addrs: []string{"a:1"}, TLS: redis.TLS{Enabled: true, CertFile: "x"}}, "set both or none"},
	} {
		if _, err := redis.New(c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}
