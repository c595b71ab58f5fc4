package state_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/streamlearner/streamlearner/internal/conform"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/state"
)

func blobOf(data []byte) state.Blob { return state.Blob{Sum: state.SumOf(data), Data: data} }

// exported is a version whose parameters are a base and a change.
func exported() *state.Export {
	base, change := blobOf([]byte("base")), blobOf([]byte("a change"))
	m := state.Manifest{Changed: 8, Parts: []state.Part{{Sum: base.Sum, Size: 4}, {Sum: change.Sum, Size: 8, Span: 1}}}
	head := blobOf(m.Append(nil))
	return &state.Export{
		Key: state.Key{Model: "fraud", Partition: 3},
		Version: state.Version{
			Number: 12, Sum: head.Sum, Parent: 11, Created: 1_700_000_000_000, Next: state.Position{Offset: 48000, LeaderEpoch: 2},
			Learned: 47980, Config: "c0ffee", Binary: "v0.1.0", Arch: "amd64", Guarded: true, Loss: 0.3125,
		},
		Settings: "learner.bits=18\n", Schema: []byte(`{"format":"json"}`),
		Blobs: []state.Blob{head, base, change},
	}
}

func TestExportGolden(t *testing.T) {
	x := exported()
	got := x.Append(nil)
	conform.Golden(t, "export", got, *rewrite)
	back, err := state.ParseExport(got)
	if diff := cmp.Diff(x, back); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Whatever is damaged is found, and whatever lies about its own content.
func TestExportIsChecked(t *testing.T) {
	good := exported().Append(nil)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x20
		if _, err := state.ParseExport(bad); !errors.Is(err, wire.ErrCorrupt) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := state.ParseExport(good[:i]); !errors.Is(err, wire.ErrCorrupt) {
			t.Fatalf("cut after %d bytes: %v", i, err)
		}
	}
	for want, edit := range map[string]func(*state.Export){
		"must be the parameters": func(x *state.Export) { x.Blobs = x.Blobs[1:] },
		"of version 0":           func(x *state.Export) { x.Version.Number = 0 },
		"which have 2 parts":     func(x *state.Export) { x.Blobs = x.Blobs[:2] },
		"the manifest names":     func(x *state.Export) { x.Blobs[1], x.Blobs[2] = x.Blobs[2], x.Blobs[1] },
		"model name":             func(x *state.Export) { x.Key.Model = "" },
		"must be a JSON object":  func(x *state.Export) { x.Schema = []byte(`1`) },
		"has sum":                func(x *state.Export) { x.Blobs[1].Data = []byte("Base") },
		"bytes, ":                func(x *state.Export) { x.Blobs[2].Data = append(x.Blobs[2].Data, 0) },
	} {
		x := exported()
		edit(x)
		data := x.Append(nil)
		if want == "bytes, " { // the last blob is longer than the file
			data = wire.Seal(data[:len(data)-wire.ChecksumLen-2], 0)
		}
		if _, err := state.ParseExport(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func FuzzParseExport(f *testing.F) {
	f.Add(exported().Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := state.ParseExport(data)
		if err != nil {
			return
		}
		again, err := state.ParseExport(x.Append(nil))
		if diff := cmp.Diff(x, again); err != nil || diff != "" {
			t.Errorf("%v (-first +again):\n%s", err, diff)
		}
	})
}
