package state

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// Export is a version by itself, to be carried from one store to another:
// docs/format/export.md specifies its bytes.
type Export struct {
	Key      Key // where it comes from
	Version  Version
	Settings string          // of the learner, one key=value a line
	Schema   json.RawMessage // as in Pointer
	Blobs    []Blob          // its parameters: a whole model, or a Manifest and then its parts
}

const exportVersion = 1

// exportHead is the part of an export that people read.
type exportHead struct {
	Model     string          `json:"model"`
	Partition int32           `json:"partition"`
	Version   Version         `json:"version"`
	Schema    json.RawMessage `json:"schema,omitempty"`
	Settings  string          `json:"settings"`
	Blobs     []exportBlob    `json:"blobs"`
}

type exportBlob struct {
	Sum  Sum `json:"sha256"`
	Size int `json:"size"`
}

// ReadExport reads a kept version with all it needs.
func ReadExport(ctx context.Context, r Reader, k Key, v *Version) (*Export, error) {
	f, err := Find(ctx, r, k, Args{Version: v.Number, Sum: v.Sum})
	if err == nil && f.Problem != "" {
		err = fmt.Errorf("version %d of %s: %s", v.Number, k, f.Problem)
	}
	if err != nil {
		return nil, err
	}
	return &Export{Key: k, Version: f.Version, Blobs: f.Blobs}, nil
}

// Append appends the export as a sealed envelope. The same export gives the same bytes.
func (x *Export) Append(b []byte) []byte {
	start := len(b)
	head := exportHead{Model: x.Key.Model, Partition: x.Key.Partition, Version: x.Version, Schema: x.Schema, Settings: x.Settings}
	for i := range x.Blobs {
		head.Blobs = append(head.Blobs, exportBlob{x.Blobs[i].Sum, len(x.Blobs[i].Data)})
	}
	text, err := json.Marshal(head)
	if err != nil { // by a schema that CheckSchema refuses
		panic("state: " + err.Error())
	}
	b = wire.Begin(b, wire.KindExport, exportVersion)
	b = wire.AppendBytes(b, text)
	for i := range x.Blobs {
		b = append(b, x.Blobs[i].Data...)
	}
	return wire.Seal(b, start)
}

// ParseExport reads what Append wrote, and checks every sum in it.
func ParseExport(data []byte) (*Export, error) {
	version, r, err := wire.Open(data, wire.KindExport)
	if err != nil {
		return nil, fmt.Errorf("exported version: %w", err)
	}
	if version != exportVersion {
		return nil, fmt.Errorf("exported version: format %d, this program reads %d: use the version of streamlearner that wrote it", version, exportVersion)
	}
	text := r.Bytes()
	var head exportHead
	if err := json.Unmarshal(text, &head); r.Err() == nil && err != nil {
		r.Fail("manifest: %v", err)
	}
	x := &Export{Key: Key{head.Model, head.Partition}, Version: head.Version, Settings: head.Settings, Schema: head.Schema}
	for _, b := range head.Blobs {
		if r.Err() == nil && (b.Size < 0 || b.Size > r.Len()) {
			r.Fail("blob %s of %d bytes, %d are left", b.Sum, b.Size, r.Len())
			break
		}
		blob := Blob{Sum: b.Sum, Data: r.Take(b.Size)}
		if r.Err() == nil && SumOf(blob.Data) != b.Sum {
			r.Fail("blob %s has sum %s", b.Sum, SumOf(blob.Data))
		}
		x.Blobs = append(x.Blobs, blob)
	}
	if r.Err() == nil {
		x.check(r)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("exported version: %w", err)
	}
	return x, nil
}

// check fails r unless x says what it must, and nothing more.
func (x *Export) check(r *wire.Reader) {
	if err := x.Key.Validate(); err != nil {
		r.Fail("%v", err)
	}
	if err := CheckSchema(x.Schema); err != nil {
		r.Fail("%v", err)
	}
	if len(x.Blobs) == 0 || x.Version.Number == 0 || x.Blobs[0].Sum != x.Version.Sum {
		r.Fail("the first of %d blobs must be the parameters %s of version %d", len(x.Blobs), x.Version.Sum, x.Version.Number)
		return
	}
	var parts []Sum
	if IsManifest(x.Blobs[0].Data) {
		m, err := ParseManifest(x.Blobs[0].Data)
		if err != nil {
			r.Fail("%v", err)
			return
		}
		parts = m.Sums()
	}
	if len(parts) != len(x.Blobs)-1 {
		r.Fail("%d blobs beside the parameters, which have %d parts", len(x.Blobs)-1, len(parts))
		return
	}
	for i, sum := range parts {
		if x.Blobs[i+1].Sum != sum {
			r.Fail("blob %d is %s, the manifest names %s", i+1, x.Blobs[i+1].Sum, sum)
		}
	}
}
