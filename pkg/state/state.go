package state

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Key names one model partition. Its text form is "fraud/3"; every key that a
// store keeps for it shares the hash tag "{fraud/3}".
type Key struct {
	Model     string // matches [a-z0-9_-]+
	Partition int32
}

func (k Key) String() string { return fmt.Sprintf("%s/%d", k.Model, k.Partition) }

// Sum is a SHA-256, the identity of a blob.
type Sum [sha256.Size]byte

// SumOf returns the identity of data.
func SumOf(data []byte) Sum { return sha256.Sum256(data) }

func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// IsZero reports whether s is the zero value, which stands for "none".
func (s Sum) IsZero() bool { return s == Sum{} }

// Blob is an immutable, content-addressed part of a state: a model, a detector
// reference. Data must not be changed once the blob exists.
type Blob struct {
	Sum  Sum
	Data []byte
}

// Owner is one assignment of a partition by the Kafka group coordinator. Two
// assignments never are the same owner, not even two to the same member in one
// generation, which a member has that rejoins in place (KIP-848).
type Owner struct {
	Group      string // consumer group
	Generation int32  // generation of the group, or epoch of the member, when the partition was assigned
	Member     string // member of the group; its coordinator names no two alike
	Assignment uint64 // counts the assignments of the member's process
	// Held is the number of the claim that this assignment held before; 0 when
	// it has held none. It is asked by Claim and stored nowhere.
	Held uint64
}

// Same reports whether p is the same assignment.
func (o Owner) Same(p Owner) bool {
	o.Held, p.Held = 0, 0
	return o == p
}

// Claim is what a store hands out to an owner; every save carries it and is
// refused with ErrFenced when the stored one is another.
type Claim struct {
	Owner
	Number uint64 // counts the claims of the partition
}

// Position is the next record to be read.
type Position struct {
	Offset      int64 `json:"offset"`
	LeaderEpoch int32 `json:"leader_epoch"` // of the record before it; -1 when unknown
}

// Snapshot is the whole state of a partition at an offset boundary.
//
// Head is opaque to the store. It names its large parts by Sum; Refs lists all
// of them. In a save Blobs holds those that the store may lack, in a loaded
// snapshot all of Refs in their order.
type Snapshot struct {
	Seq   uint64 // number of the save, base + 1; no part of Head
	Next  Position
	Head  []byte
	Refs  []Sum
	Blobs []Blob

	// Current is what readers are to be served from now on; nil while nothing
	// has been proven. Its version is stored if the store lacks it.
	Current *Pointer
	// Parts lists what Current needs besides the blob of its parameters: their
	// parts when they are a Manifest, and its State with all that this names.
	// They are kept as long as the version is.
	Parts []Sum
	// Also lists further versions to keep: under a hold the newest proven one,
	// and imported ones. They are stored if the store lacks them.
	Also []Kept
	// Marks are all pins and labels, by version. Versions with a mark stay.
	Marks []Mark
	// KeepFor is the span of event time in milliseconds over which old versions
	// are kept, sparsely; 0 for none. See Retain.
	KeepFor int64
	// Protect lists versions, by number and sum, that this save must not drop
	// since a command that waits is about them. It is no part of what is stored.
	Protect []Args

	// Log names the log that Next counts in, so that a topic made anew is told
	// from the one that was learned; opaque, empty when unknown, no part of Head.
	Log string
	// Rewind allows Next to lie before the stored one: an operator decided so.
	Rewind bool

	// Done answers the operator commands that this save consumes.
	Done []Ack

	// Audit is what goes to the audit chain: in a save the records that the store
	// may lack, in a claimed snapshot the newest stored ones. In a save nil
	// leaves the chain alone.
	Audit *Trail
}

// Version is an immutable published model. Its identity is (Number, Sum).
type Version struct {
	Number   uint64   `json:"n"`
	Sum      Sum      `json:"sha256"`         // blob of the model's parameters, or of their Manifest
	State    Sum      `json:"state,omitzero"` // blob of the whole state that it was taken from; zero for none
	Parent   uint64   `json:"parent"`         // version that it grew from; 0 for none
	Created  int64    `json:"created"`        // time of its last record, milliseconds since 1970 UTC
	Next     Position `json:"next"`           // it has learned the records before this one
	Learned  uint64   `json:"learned"`        // events learned
	Config   string   `json:"config"`         // hash of the configuration
	Binary   string   `json:"binary"`         // version of the program
	Arch     string   `json:"arch"`           // architecture that computed it
	Guarded  bool     `json:"guarded"`        // an armed guard watched all of its quarantine
	MaxAgeMS int64    `json:"max_age"`        // age after which a reader must call it stale; 0 for never
	Loss     float64  `json:"loss"`           // running progressive loss when it was taken, half-life 1,000 events
}

// Pointer is what `current` holds: the version that readers load, the mode of
// the learner behind it, and how events are read.
type Pointer struct {
	Version
	Mode string `json:"mode"` // learning, frozen, recovering or held
	// Policy says what readers of a bandit do with it: PolicyShadow or
	// PolicyBaseline; empty for PolicyOnline.
	Policy string `json:"policy,omitempty"`
	// Schema tells readers how a record becomes an event, in the JSON of
	// event.Layout; empty when nothing is said. Stores treat it as bytes that
	// pass CheckSchema and that nobody changes.
	Schema json.RawMessage `json:"schema,omitempty"`
}

// What readers do with the policy of a bandit.
const (
	PolicyOnline   = "online"   // choose by it
	PolicyShadow   = "shadow"   // choose the baseline, and log what the policy would have chosen
	PolicyBaseline = "baseline" // choose the baseline
)

// Policies lists what readers may be told to do with the policy of a bandit.
func Policies() []string { return []string{PolicyOnline, PolicyShadow, PolicyBaseline} }

// ReaderPolicy is Policy with its name where it is empty.
func (p *Pointer) ReaderPolicy() string { return cmp.Or(p.Policy, PolicyOnline) }

// WithPolicy returns p with readers told to do that.
func (p Pointer) WithPolicy(policy string) Pointer {
	if p.Policy = policy; policy == PolicyOnline {
		p.Policy = ""
	}
	return p
}

// Equal reports whether p and o say the same.
func (p Pointer) Equal(o Pointer) bool {
	return p.Version == o.Version && p.Mode == o.Mode && p.Policy == o.Policy && bytes.Equal(p.Schema, o.Schema)
}

// Command is an operator's order to one partition, put into the partition's
// inbox and taken by its owner at an offset boundary.
type Command struct {
	ID   string `json:"id"`   // unique; an id that the journal holds already is not applied again
	Kind string `json:"kind"` // see pkg/learner's Command kinds
	Who  string `json:"who"`
	Why  string `json:"why"`
	At   int64  `json:"at"` // when it was given, milliseconds since 1970 UTC; for people only
	Args Args   `json:"args,omitzero"`
}

// Ack answers a command after the save that made it part of the state.
type Ack struct {
	ID     string `json:"id"`
	Offset int64  `json:"offset"`          // offset boundary at which it took effect
	Error  string `json:"error,omitempty"` // why it was refused; empty when it was applied
}
