package state

import (
	"context"
	"errors"
	"fmt"
)

// The errors that a store returns, wrapped with what it found.
var (
	ErrNotFound = errors.New("not found")
	// ErrFenced: another owner has claimed the partition. Stop at once and write nothing more.
	ErrFenced = errors.New("fenced")
	// ErrForeign: the partition belongs to another consumer group, or the group's generations
	// started anew. Only `streamlearner snapshot adopt` hands it over.
	ErrForeign = errors.New("state belongs to another group")
	// ErrBase: the stored save is not the one this save builds on. See BaseError.
	ErrBase = errors.New("base mismatch")
	// ErrBlobs: a blob that the save refers to is not in the store; save again with all of Refs in Blobs.
	ErrBlobs = errors.New("blob missing")
	// ErrBackwards: the save would move Next back.
	ErrBackwards = errors.New("offset would go back")
)

// BaseError is an ErrBase that says which save is stored. A stored number
// below one's own means that the store lost its last writes in a failover: the
// live owner writes its state again in full with base Stored.
type BaseError struct{ Stored, Base uint64 }

func (e *BaseError) Error() string {
	return fmt.Sprintf("base mismatch: the store holds save %d, this one builds on %d", e.Stored, e.Base)
}

// Is makes errors.Is(err, ErrBase) true.
func (e *BaseError) Is(target error) bool { return target == ErrBase }

// Store keeps the state of partitions for their owners. Each method is atomic,
// and every implementation passes internal/conform's store suite.
type Store interface {
	// Claim makes o the owner of k and returns its claim with the stored
	// snapshot, which is nil when there is none. Another group is refused with
	// ErrForeign. Refused with ErrFenced are a generation below the stored one,
	// another member in the same generation, an earlier assignment of the same
	// member, and an owner that held a claim (o.Held) before an adoption which
	// another has followed. The same owner may claim again.
	Claim(ctx context.Context, k Key, o Owner) (Claim, *Snapshot, error)

	// Save replaces the state of k by s, stores its blobs, moves the published
	// pointer, answers and removes the commands in s.Done, and drops blobs that
	// nothing refers to any more, and appends s.Audit to the audit chain or
	// refuses all with an AuditError. It is fenced by c and builds on the stored
	// save with number base; s.Seq is base+1. Repeating a save that was stored
	// is a success. keep is how many published versions stay.
	Save(ctx context.Context, k Key, c Claim, base uint64, s *Snapshot, keep int) error

	// Inbox returns the commands that wait for the owner, oldest first.
	Inbox(ctx context.Context, k Key) ([]Command, error)

	AuditReader
}

// AuditReader reads the audit chains of partitions.
type AuditReader interface {
	// Audit returns at most limit records of the chain of k, beginning behind
	// record after or with the oldest one that is kept. A negative after means the
	// newest -after records. A partition without records has an empty chain.
	Audit(ctx context.Context, k Key, after int64, limit int) (Chain, error)
}

// Reader is the side of services and of the command line; it claims nothing.
type Reader interface {
	// Partitions returns the partitions of a model that have a state, ascending.
	Partitions(ctx context.Context, model string) ([]int32, error)
	// Current returns the published pointer; ErrNotFound while there is none.
	Current(ctx context.Context, k Key) (Pointer, error)
	// Versions returns the kept versions, oldest first.
	Versions(ctx context.Context, k Key) ([]Version, error)
	// Marks returns the pins and labels of kept versions.
	Marks(ctx context.Context, k Key) ([]Mark, error)
	// Blob returns the data of a blob, its sum verified.
	Blob(ctx context.Context, k Key, s Sum) ([]byte, error)
	// State returns the stored snapshot without its blobs, and the claim on it.
	State(ctx context.Context, k Key) (*Snapshot, Claim, error)
	AuditReader
	// Watch calls fn whenever a save moved or changed a published pointer of the
	// model, until ctx ends. It is a hint: a reader must also poll Current.
	Watch(ctx context.Context, model string, fn func(Key)) error
}

// SpreadKeeper remembers over how many partitions the records of a model were
// spread when it began: with another number, keys come to other partitions.
type SpreadKeeper interface {
	// KeepSpread keeps n for the model, unless a number is kept already and is
	// not to be replaced, and returns the one that is kept.
	KeepSpread(ctx context.Context, model string, n int32, replace bool) (int32, error)
}

// NameKeeper keeps the names of features beside the state of a partition, for
// people. They are no part of the state: anyone may write them at any time, the
// last one wins, and nothing depends on their being there.
type NameKeeper interface {
	SaveNames(ctx context.Context, k Key, names []byte) error
	// Names returns what was saved last; ErrNotFound while there is nothing.
	Names(ctx context.Context, k Key) ([]byte, error)
}

// Operator gives orders to owners and hands partitions over.
type Operator interface {
	// Send puts a command into the inbox of k. Where nobody has claimed the
	// partition yet it is refused with ErrNotFound, unless it Starts one.
	Send(ctx context.Context, k Key, c Command) error
	// Force moves the published pointer to p, whose version must be kept, and
	// puts c into the inbox, in one step. No save moves the pointer before the
	// one that answers c, so an owner that runs, or the next one, makes it part
	// of its state.
	Force(ctx context.Context, k Key, c Command, p Pointer) error
	// Upload stores a blob for a week, in which the owner takes the command that is about it.
	Upload(ctx context.Context, k Key, b Blob) error
	// Ack returns the answer to a command; ErrNotFound while there is none.
	Ack(ctx context.Context, k Key, id string) (Ack, error)
	// Adopt releases k from its group, so that any group's next claim succeeds.
	// It counts as a claim: whoever held one before is fenced.
	Adopt(ctx context.Context, k Key) error
}

// CommandImport is the kind of the command that brings an exported version.
const CommandImport = "import"

// Starts reports whether c is to be the beginning of a partition.
func (c *Command) Starts() bool { return c.Kind == CommandImport && c.Args.Restore }
