package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
	goredis "github.com/redis/go-redis/v9"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// A blob of up to chunkSize bytes is the value of its key. A larger one lies in
// chunks of that size, since Redis serves nobody else while it takes in or
// sends a value; its key holds an index of the chunks, which is written last.
// docs/format/redis.md specifies both.

const (
	chunkSize   = 512 << 10
	indexPrefix = "SLCHUNKS "

	// uploadTTL is how long a blob waits for the save that refers to it. Its
	// chunks outlive its index, so that an index is never without them.
	uploadTTL = time.Hour
	chunkTTL  = 2 * uploadTTL

	// readAhead is how many chunks are asked for at once.
	readAhead = 4
)

// The ways to store the chunks of a large blob.
const (
	CompressionNone = "none"
	CompressionZstd = "zstd"
)

// index is what the key of a large blob holds: prefix, number of chunks, a tag
// that is part of their keys, compression and uncompressed size in decimal, separated by spaces.
type index struct {
	chunks      int
	tag         string
	compression string
	size        int
}

func (x index) String() string {
	return fmt.Sprintf("%s%d %s %s %d", indexPrefix, x.chunks, x.tag, x.compression, x.size)
}

func parseIndex(v []byte) (x index, err error) {
	_, err = fmt.Sscanf(string(v[len(indexPrefix):]), "%d %s %s %d", &x.chunks, &x.tag, &x.compression, &x.size)
	const most = 1 << 20 // chunks, 512 GiB
	if err == nil && (x.chunks < 1 || x.chunks > most || x.size < 0 || x.compression != CompressionNone && x.compression != CompressionZstd) {
		err = errors.New("numbers out of range, or an unknown compression")
	}
	return x, err
}

func chunkKey(k state.Key, s state.Sum, tag string, i int) string {
	return blobKey(k, s) + ":" + tag + ":" + strconv.Itoa(i)
}

// upload stores the blobs that Redis lacks. It never touches one that exists:
// giving an expiry to a blob in use would lose it later.
func (s *Store) upload(ctx context.Context, k state.Key, blobs []state.Blob) error {
	if len(blobs) == 0 {
		return nil
	}
	const longest = 128 // bytes of an index, and more
	begins := make([]*goredis.StringCmd, len(blobs))
	_, err := s.rdb.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for i := range blobs {
			begins[i] = p.GetRange(ctx, blobKey(k, blobs[i].Sum), 0, longest)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range blobs {
		b, begin := &blobs[i], begins[i].Val()
		err := error(nil)
		switch {
		case begin == "":
			err = s.uploadOne(ctx, k, b, false)
		case strings.HasPrefix(begin, indexPrefix):
			err = s.complete(ctx, k, b, begin)
		}
		if err != nil {
			return fmt.Errorf("blob %s: %w", b.Sum, err)
		}
	}
	return nil
}

// complete uploads a large blob again whose index is there, if chunks are not:
// those of a blob that was dropped expire one by one, and an index may have been
// uploaded meanwhile by somebody who found them.
func (s *Store) complete(ctx context.Context, k state.Key, b *state.Blob, raw string) error {
	x, err := parseIndex([]byte(raw))
	if err != nil {
		return fmt.Errorf("index %q: %w", raw, err)
	}
	keys := make([]string, x.chunks)
	for i := range keys {
		keys[i] = chunkKey(k, b.Sum, x.tag, i)
	}
	n, err := s.rdb.Exists(ctx, keys...).Result()
	if err != nil || n == int64(len(keys)) {
		return err
	}
	return s.uploadOne(ctx, k, b, true)
}

// uploadOne stores a blob. With again its index is replaced, and chunks stay:
// the index may be in use.
func (s *Store) uploadOne(ctx context.Context, k state.Key, b *state.Blob, again bool) error {
	if len(b.Data) <= s.chunk && !bytes.HasPrefix(b.Data, []byte(indexPrefix)) {
		return s.put(ctx, blobKey(k, b.Sum), b.Data, uploadTTL)
	}
	stored, x := b.Data, index{compression: CompressionNone, size: len(b.Data)}
	if s.encoder != nil {
		stored, x.compression = s.encoder.EncodeAll(b.Data, nil), CompressionZstd
	}
	x.chunks = (len(stored) + s.chunk - 1) / s.chunk
	// Two writers may compress one blob to different bytes: the tag keeps their chunks apart.
	x.tag = fmt.Sprintf("%016x", xxhash.Sum64(stored))
	for i := range x.chunks {
		chunk := stored[i*s.chunk : min((i+1)*s.chunk, len(stored))]
		ttl := chunkTTL
		if again {
			ttl = 0
		}
		if err := s.put(ctx, chunkKey(k, b.Sum, x.tag, i), chunk, ttl); err != nil {
			return err
		}
	}
	if again {
		return s.rdb.SetArgs(ctx, blobKey(k, b.Sum), x.String(), goredis.SetArgs{KeepTTL: true}).Err()
	}
	return s.put(ctx, blobKey(k, b.Sum), []byte(x.String()), uploadTTL)
}

// put sets a key unless it exists.
func (s *Store) put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	err := s.rdb.SetArgs(ctx, key, value, goredis.SetArgs{Mode: "NX", TTL: ttl}).Err()
	if errors.Is(err, goredis.Nil) {
		return nil
	}
	return err
}

// Blob implements state.Reader.
func (s *Store) Blob(ctx context.Context, k state.Key, sum state.Sum) ([]byte, error) {
	data, err := s.rdb.Get(ctx, blobKey(k, sum)).Bytes()
	if err == nil && bytes.HasPrefix(data, []byte(indexPrefix)) {
		data, err = s.gather(ctx, k, sum, data)
	}
	if errors.Is(err, goredis.Nil) {
		err = state.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s of %s: %w", sum, k, err)
	}
	return data, state.CheckBlob(k, sum, data)
}

// gather reads the chunks of a large blob.
func (s *Store) gather(ctx context.Context, k state.Key, sum state.Sum, raw []byte) ([]byte, error) {
	x, err := parseIndex(raw)
	if err != nil {
		return nil, fmt.Errorf("index %q: %w", raw, err)
	}
	var stored []byte
	if x.compression == CompressionNone {
		stored = make([]byte, 0, min(x.size, x.chunks*s.chunk))
	}
	for from := 0; from < x.chunks; from += readAhead {
		chunks := make([]*goredis.StringCmd, 0, readAhead)
		_, err := s.rdb.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for i := from; i < min(from+readAhead, x.chunks); i++ {
				chunks = append(chunks, p.Get(ctx, chunkKey(k, sum, x.tag, i)))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, c := range chunks {
			stored = append(stored, c.Val()...)
		}
	}
	if x.compression == CompressionNone {
		return stored, nil
	}
	return decompress(stored, x.size)
}

func decompress(stored []byte, size int) ([]byte, error) {
	const frame = 1 << 20 // what a decoder needs besides its output
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(size)+frame))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(stored, nil)
}
