// Package redis keeps state in Redis 6.2 or later, and in what speaks its protocol.
//
// Each write is one Lua script on keys that share a hash tag, so it happens as
// a whole or not at all, on a single server, behind Sentinel and in a Cluster
// alike. Blobs are uploaded before, under keys that expire unless a save
// refers to them. All methods are safe to be tried again after a lost reply,
// which go-redis does by itself. Reads go to primaries: a replica may lag
// behind the claim that was just made.
//
// docs/format/redis.md describes every key.
package redis

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/pkg/state"
)

var (
	//go:embed claim.lua
	claimLua string
	//go:embed save.lua
	saveLua string
	//go:embed send.lua
	sendLua string
	//go:embed force.lua
	forceLua string
	//go:embed adopt.lua
	adoptLua string
	//go:embed extend.lua
	extendLua string
	//go:embed audit.lua
	auditLua string
)

// Store implements state.Store, state.Reader and state.Operator.
type Store struct {
	rdb                      goredis.UniversalClient
	claim, save, send, force *goredis.Script
	adopt, audit, extended   *goredis.Script
	chunk                    int           // largest value of a blob
	encoder                  *zstd.Encoder // compresses large blobs; nil for none
	wait                     Wait
	short                    atomic.Uint64 // saves that too few replicas had in time
}

// New opens a client of its own; Close closes it.
func New(opts Options) (*Store, error) {
	rdb, err := opts.Client()
	if err != nil {
		return nil, err
	}
	s := NewClient(rdb)
	s.wait = opts.Wait
	if opts.Compression == CompressionZstd {
		s.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	}
	return s, err
}

// NewClient uses a client that must read from primaries.
func NewClient(rdb goredis.UniversalClient) *Store {
	return &Store{
		rdb:      rdb,
		claim:    goredis.NewScript(claimLua),
		save:     goredis.NewScript(saveLua),
		send:     goredis.NewScript(sendLua),
		force:    goredis.NewScript(forceLua),
		adopt:    goredis.NewScript(adoptLua),
		extended: goredis.NewScript(extendLua),
		audit:    goredis.NewScript(auditLua),
		chunk:    chunkSize,
	}
}

// Close closes the client.
func (s *Store) Close() error { return s.rdb.Close() }

// The keys of a partition. The braces make one hash slot of them.

func prefix(k state.Key) string                 { return "sl:{" + k.String() + "}:" }
func stateKey(k state.Key) string               { return prefix(k) + "state" }
func versionsKey(k state.Key) string            { return prefix(k) + "v" }
func currentKey(k state.Key) string             { return prefix(k) + "current" }
func inboxKey(k state.Key) string               { return prefix(k) + "inbox" }
func namesKey(k state.Key) string               { return prefix(k) + "names" }
func partsKey(k state.Key) string               { return prefix(k) + "parts" }
func auditKey(k state.Key) string               { return prefix(k) + "audit" }
func usesKey(k state.Key) string                { return prefix(k) + "uses" }
func marksKey(k state.Key) string               { return prefix(k) + "marks" }
func ackKey(k state.Key, id string) string      { return prefix(k) + "ack:" + id }
func blobKey(k state.Key, s state.Sum) string   { return prefix(k) + "b:" + s.String() }
func versionField(n uint64, s state.Sum) string { return strconv.FormatUint(n, 10) + ":" + s.String() }

// The keys of a model.

func partitionsKey(model string) string { return "sl:{" + model + "}:partitions" }
func spreadKey(model string) string     { return "sl:{" + model + "}:spread" }
func channel(model string) string       { return "sl:{" + model + "}:published" }

// verdict runs a script whose reply starts with what came of it.
func (s *Store) verdict(ctx context.Context, script *goredis.Script, keys []string, args ...any) (string, []any, error) {
	reply, err := script.Run(ctx, s.rdb, keys, args...).Slice()
	if err != nil {
		return "", nil, err
	}
	if len(reply) == 0 {
		return "", nil, errors.New("script returned nothing")
	}
	return text(reply[0]), reply[1:], nil
}

// text returns a reply's string; absent ones are empty.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// record is the hash of a partition as HMGET returns it.
type record struct {
	claim    state.Claim
	snapshot *state.Snapshot // nil before the first save
}

// recordFields are the fields that parseRecord expects, in their order; claim.lua has the same list.
var recordFields = [...]string{"group", "generation", "member", "assignment", "claim", "seq", "offset", "epoch", "log", "head", "refs"}

func parseRecord(k state.Key, fields []any, current any) (record, error) {
	if len(fields) != len(recordFields) {
		return record{}, fmt.Errorf("state of %s: %d fields where %d were asked for", k, len(fields), len(recordFields))
	}
	p := parser{k: k}
	var r record
	r.claim = state.Claim{
		Owner: state.Owner{
			Group: text(fields[0]), Generation: int32(p.int("generation", fields[1], 32)),
			Member: text(fields[2]), Assignment: p.uint("assignment", fields[3]),
		},
		Number: p.uint("claim", fields[4]),
	}
	if fields[5] != nil {
		r.snapshot = &state.Snapshot{
			Seq:     p.uint("seq", fields[5]),
			Next:    state.Position{Offset: p.int("offset", fields[6], 64), LeaderEpoch: int32(p.int("epoch", fields[7], 32))},
			Log:     text(fields[8]),
			Head:    []byte(text(fields[9])),
			Refs:    p.sums("refs", text(fields[10])),
			Current: p.pointer(text(current)),
		}
	}
	return r, p.err
}

// parser latches the first error of a record's fields.
type parser struct {
	k   state.Key
	err error
}

func (p *parser) fail(field string, err error) {
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("%s of %s is damaged: %w", field, p.k, err)
	}
}

func (p *parser) int(field string, v any, bits int) int64 {
	n, err := strconv.ParseInt(text(v), 10, bits)
	p.fail(field, err)
	return n
}

func (p *parser) uint(field string, v any) uint64 {
	n, err := strconv.ParseUint(text(v), 10, 64)
	p.fail(field, err)
	return n
}

func (p *parser) sums(field, v string) []state.Sum {
	var out []state.Sum
	for word := range strings.FieldsSeq(v) {
		sum, err := state.ParseSum(word)
		p.fail(field, err)
		out = append(out, sum)
	}
	return out
}

func (p *parser) pointer(v string) *state.Pointer {
	if v == "" {
		return nil
	}
	var out state.Pointer
	p.fail("current", json.Unmarshal([]byte(v), &out))
	return &out
}
