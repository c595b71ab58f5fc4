package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// Claim implements state.Store.
func (s *Store) Claim(ctx context.Context, k state.Key, o state.Owner) (state.Claim, *state.Snapshot, error) {
	if err := k.Validate(); err != nil {
		return state.Claim{}, nil, err
	}
	if err := state.CheckOwner(o); err != nil {
		return state.Claim{}, nil, err
	}
	// The index is in another slot, so it goes first: a partition in it that
	// was never saved is passed over by Partitions, one missing would be lost.
	if err := s.rdb.SAdd(ctx, partitionsKey(k.Model), k.Partition).Err(); err != nil {
		return state.Claim{}, nil, fmt.Errorf("claim of %s: %w", k, err)
	}
	verdict, reply, err := s.verdict(ctx, s.claim, []string{stateKey(k), currentKey(k)}, o.Group, o.Generation, o.Member, o.Assignment, o.Held)
	if err != nil {
		return state.Claim{}, nil, fmt.Errorf("claim of %s: %w", k, err)
	}
	switch verdict {
	case "foreign":
		return state.Claim{}, nil, state.ForeignError(k, parseClaim(reply), o)
	case "stale":
		return state.Claim{}, nil, state.StaleClaimError(k, parseClaim(reply), o)
	case "tied":
		return state.Claim{}, nil, state.TiedClaimError(k, parseClaim(reply), o)
	case "superseded":
		return state.Claim{}, nil, state.SupersededError(k, parseClaim(reply), o)
	}
	fields, _ := reply[0].([]any)
	r, err := parseRecord(k, fields, reply[1])
	if err != nil || r.snapshot == nil {
		return r.claim, nil, err
	}
	if r.snapshot.Blobs, err = s.load(ctx, k, r.snapshot.Refs); err != nil {
		return state.Claim{}, nil, fmt.Errorf("claim of %s: %w", k, err)
	}
	tail, err := s.Audit(ctx, k, -state.AuditTail, state.AuditTail)
	r.snapshot.Audit = tail.Trail()
	return r.claim, r.snapshot, err
}

// load fetches blobs one by one, so that each has the read timeout for itself.
func (s *Store) load(ctx context.Context, k state.Key, refs []state.Sum) ([]state.Blob, error) {
	blobs := make([]state.Blob, 0, len(refs))
	seen := make(map[state.Sum][]byte, len(refs))
	for _, ref := range refs {
		data, ok := seen[ref]
		if !ok {
			var err error
			data, err = s.Blob(ctx, k, ref)
			if errors.Is(err, state.ErrNotFound) {
				return nil, fmt.Errorf("%w: %s: another owner saved meanwhile, or the key was deleted or evicted by hand; "+
					"claim again, and restore the store from a backup if this stays", state.ErrBlobs, ref)
			}
			if err != nil {
				return nil, err
			}
			seen[ref] = data
		}
		blobs = append(blobs, state.Blob{Sum: ref, Data: data})
	}
	return blobs, nil
}

// Save implements state.Store.
func (s *Store) Save(ctx context.Context, k state.Key, c state.Claim, base uint64, snap *state.Snapshot, keep int) error {
	if err := state.CheckSave(k, c, base, snap, keep); err != nil {
		return err
	}
	args, err := saveArgs(k, c, base, snap, keep)
	if err != nil {
		return fmt.Errorf("save of %s: %w", k, err)
	}
	if err := s.upload(ctx, k, snap.Blobs); err != nil {
		return fmt.Errorf("save of %s: %w", k, err)
	}
	keys := []string{stateKey(k), versionsKey(k), currentKey(k), inboxKey(k), partsKey(k), usesKey(k), marksKey(k), auditKey(k)}
	verdict, reply, err := s.verdict(ctx, s.save, keys, args...)
	if err != nil {
		return fmt.Errorf("save of %s: %w", k, err)
	}
	err = refusal(k, c, base, snap, verdict, reply)
	if err == nil {
		s.awaitReplicas(ctx, k)
	}
	return err
}

// refusal turns what save.lua returned into an error.
func refusal(k state.Key, c state.Claim, base uint64, snap *state.Snapshot, verdict string, reply []any) error {
	switch verdict {
	case "ok":
		return nil
	case "fenced":
		return state.FencedSaveError(k, parseClaim(reply), c)
	case "base":
		stored, err := strconv.ParseUint(text(reply[0]), 10, 64)
		if err != nil {
			return fmt.Errorf("save of %s: stored number is damaged: %w", k, err)
		}
		return fmt.Errorf("save of %s: %w", k, &state.BaseError{Stored: stored, Base: base})
	case "audit":
		return brokenChain(k, snap.Audit, reply)
	case "backwards":
		stored, err := strconv.ParseInt(text(reply[0]), 10, 64)
		if err != nil {
			return fmt.Errorf("save of %s: stored offset is damaged: %w", k, err)
		}
		return state.BackwardsError(k, stored, snap.Next.Offset)
	case "blobs":
		sum, err := state.ParseSum(text(reply[0]))
		if err != nil {
			return fmt.Errorf("save of %s: missing blob: %w", k, err)
		}
		return state.MissingBlobError(k, sum)
	}
	return fmt.Errorf("save of %s: script returned %q", k, verdict)
}

// parseClaim reads the holder out of a refusal, for its message only.
func parseClaim(reply []any) state.Claim {
	generation, _ := strconv.ParseInt(text(reply[1]), 10, 32)
	assignment, _ := strconv.ParseUint(text(reply[3]), 10, 64)
	number, _ := strconv.ParseUint(text(reply[4]), 10, 64)
	return state.Claim{
		Owner:  state.Owner{Group: text(reply[0]), Generation: int32(generation), Member: text(reply[2]), Assignment: assignment},
		Number: number,
	}
}

// saveArgs are the arguments of save.lua, in its order.
func saveArgs(k state.Key, c state.Claim, base uint64, snap *state.Snapshot, keep int) ([]any, error) {
	var current, marks string
	var versions []state.Kept
	if p := snap.Current; p != nil {
		full, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		current, versions = string(full), append([]state.Kept{{Version: p.Version, Parts: snap.Parts}}, snap.Also...)
	}
	var marked []string // fields of v
	for i := range snap.Marks {
		marked = append(marked, versionField(snap.Marks[i].Number, snap.Marks[i].Sum))
	}
	for _, a := range snap.Protect {
		marked = append(marked, versionField(a.Version, a.Sum))
	}
	if len(snap.Marks) > 0 {
		b, err := json.Marshal(snap.Marks)
		if err != nil {
			return nil, err
		}
		marks = string(b)
	}
	digest := snap.Digest()
	args := []any{
		prefix(k), c.Group, c.Generation, fmt.Sprintf("%d %d %s", c.Number, c.Assignment, c.Member),
		base, snap.Seq, digest[:],
		snap.Next.Offset, snap.Next.LeaderEpoch, snap.Head, joinSums(snap.Refs),
		keep, snap.KeepFor, current, marks, strings.Join(marked, " "),
		channel(k.Model), k.Partition, snap.Log, snap.Rewind, len(versions),
	}
	for i := range versions {
		manifest, err := json.Marshal(versions[i].Version)
		if err != nil {
			return nil, err
		}
		args = append(args, versionField(versions[i].Number, versions[i].Sum), manifest, joinSums(versions[i].Parts))
	}
	args = append(args, auditArgs(snap.Audit)...)
	for _, a := range snap.Done {
		answer, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		args = append(args, a.ID, answer)
	}
	return args, nil
}

// joinSums writes sums in hexadecimal, separated by spaces.
func joinSums(sums []state.Sum) string {
	var b strings.Builder
	for i, s := range sums {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.String())
	}
	return b.String()
}
