package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/streamlearner/streamlearner/internal/wire"
)

// CheckOwner returns an error when o cannot claim anything.
func CheckOwner(o Owner) error {
	if o.Group == "" {
		return fmt.Errorf("claim without a consumer group: the empty name stands for a released partition")
	}
	return nil
}

// CheckSave returns an error when the arguments of Store.Save contradict each
// other, whatever is stored. Every Store calls it first.
func CheckSave(k Key, c Claim, base uint64, s *Snapshot, keep int) error {
	if err := k.Validate(); err != nil {
		return err
	}
	if err := CheckOwner(c.Owner); err != nil {
		return err
	}
	switch {
	case s.Seq != base+1:
		return fmt.Errorf("save %d of %s builds on %d: it must be the base plus one", s.Seq, k, base)
	case s.Next.Offset < 0:
		return fmt.Errorf("save %d of %s: next offset %d is negative", s.Seq, k, s.Next.Offset)
	case keep < 1:
		return fmt.Errorf("save %d of %s keeps %d versions: at least 1 must stay", s.Seq, k, keep)
	case s.Current != nil && (s.Current.Number == 0 || s.Current.Sum.IsZero()):
		return fmt.Errorf("save %d of %s publishes version %d with sum %s: both must be set", s.Seq, k, s.Current.Number, s.Current.Sum)
	}
	if s.Current == nil && len(s.Parts) > 0 {
		return fmt.Errorf("save %d of %s lists %d parts of no version", s.Seq, k, len(s.Parts))
	}
	if s.Current != nil {
		if err := CheckSchema(s.Current.Schema); err != nil {
			return fmt.Errorf("save %d of %s: %w", s.Seq, k, err)
		}
	}
	for i := range s.Also {
		if v := &s.Also[i]; s.Current == nil || v.Number == 0 || v.Sum.IsZero() {
			return fmt.Errorf("save %d of %s keeps version %d with sum %s: both must be set, and something be published", s.Seq, k, v.Number, v.Sum)
		}
	}
	if s.KeepFor < 0 || s.Current == nil && len(s.Marks) > 0 {
		return fmt.Errorf("save %d of %s keeps versions for %d ms and marks %d of nothing published", s.Seq, k, s.KeepFor, len(s.Marks))
	}
	for _, a := range s.Done {
		if a.ID == "" {
			return fmt.Errorf("save %d of %s answers a command without an id", s.Seq, k)
		}
	}
	if s.Audit != nil && (s.Audit.From == 0) != s.Audit.Sum.IsZero() {
		return fmt.Errorf("save %d of %s: its audit records follow record %d with hash %s", s.Seq, k, s.Audit.From, s.Audit.Sum)
	}
	return nil
}

// CheckSchema returns an error when b cannot be the schema of a Pointer: it
// must be empty, or a JSON object as json.Marshal writes it, so that every
// store gives back the same bytes.
func CheckSchema(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	same, err := json.Marshal(json.RawMessage(b))
	if err != nil {
		return fmt.Errorf("schema %q is no JSON: %w", b, err)
	}
	if b[0] != '{' || !bytes.Equal(same, b) {
		return fmt.Errorf("schema %s must be a JSON object as json.Marshal writes it, without spaces", b)
	}
	return nil
}

// CheckCommand returns an error when c cannot be sent.
func CheckCommand(c Command) error {
	if c.ID == "" || c.Kind == "" {
		return fmt.Errorf("command with id %q and kind %q: both must be set", c.ID, c.Kind)
	}
	return nil
}

// CheckForce returns an error when readers cannot be moved to p by c.
func CheckForce(c Command, p Pointer) error {
	if err := CheckCommand(c); err != nil {
		return err
	}
	if p.Number == 0 || p.Sum.IsZero() || !c.Args.Forced {
		return fmt.Errorf("forced command %s to version %d with sum %s: both must be set, and Args.Forced", c.ID, p.Number, p.Sum)
	}
	return CheckSchema(p.Schema)
}

// Digest identifies what a save writes, apart from Seq, Protect and the bytes of its
// blobs, which their sums identify. Stores compare it to recognise a repeated save.
func (s *Snapshot) Digest() Sum {
	b := wire.AppendVarint(nil, s.Next.Offset)
	b = wire.AppendVarint(b, int64(s.Next.LeaderEpoch))
	b = wire.AppendUvarint(b, uint64(len(s.Head)))
	h := sha256.New()
	h.Write(b)
	h.Write(s.Head)
	for _, ref := range s.Refs {
		h.Write(ref[:])
	}
	// Neither type holds anything that JSON cannot express; CheckSave has seen the schema.
	tail, err := json.Marshal(struct {
		Current *Pointer
		Parts   []Sum
		Also    []Kept
		Marks   []Mark
		KeepFor int64
		Done    []Ack
	}{s.Current, s.Parts, s.Also, s.Marks, s.KeepFor, s.Done})
	if err != nil {
		panic("state: " + err.Error())
	}
	h.Write(tail)
	if s.Audit != nil {
		n, sum := s.Audit.End()
		h.Write(wire.AppendUvarint(nil, n))
		h.Write(sum[:])
	}
	return Sum(h.Sum(nil))
}
