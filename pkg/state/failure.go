package state

import "fmt"

// The constructors below give every Store the same words for the same failure.

// ForeignError is a claim by o on what another group holds.
func ForeignError(k Key, stored Claim, o Owner) error {
	return fmt.Errorf("claim of %s by group %q: %w: it was claimed by group %q; "+
		"if that group is retired, run `streamlearner snapshot adopt %s`", k, o.Group, ErrForeign, stored.Group, k)
}

// StaleClaimError is a claim by o on what a later generation of its group holds.
func StaleClaimError(k Key, stored Claim, o Owner) error {
	return fmt.Errorf("claim of %s in generation %d of group %q: %w: generation %d has claimed it since; if the group was deleted and counts anew, "+
		"or kafka.group_protocol was changed, stop the other processes and run `streamlearner snapshot adopt %s`",
		k, o.Generation, o.Group, ErrFenced, stored.Generation, k)
}

// TiedClaimError is a claim by o where another member has claimed in the same
// generation. A coordinator that keeps its records never assigns a partition so.
func TiedClaimError(k Key, stored Claim, o Owner) error {
	return fmt.Errorf("claim of %s by member %q in generation %d of group %q: %w: member %q has claimed it in the same generation (claim %d), "+
		"so the group was deleted, its coordinator has lost records, or kafka.group_protocol was changed; stop that member, then run `streamlearner snapshot adopt %s`",
		k, o.Member, o.Generation, o.Group, ErrFenced, stored.Member, stored.Number, k)
}

// SupersededError is a claim by o that held the partition before it was
// adopted and claimed by another.
func SupersededError(k Key, stored Claim, o Owner) error {
	return fmt.Errorf("claim of %s in generation %d of group %q: %w: it lost its claim %d to `snapshot adopt`, and claim %d (generation %d) followed; "+
		"this process is to be stopped", k, o.Generation, o.Group, ErrFenced, o.Held, stored.Number, stored.Generation)
}

// FencedSaveError is a save under claim c where another one is stored.
func FencedSaveError(k Key, stored, c Claim) error {
	return fmt.Errorf("save of %s under claim %d (group %q, generation %d, member %q): %w: the store holds claim %d (group %q, generation %d, member %q)",
		k, c.Number, c.Group, c.Generation, c.Member, ErrFenced, stored.Number, stored.Group, stored.Generation, stored.Member)
}

// BackwardsError is a save whose next offset lies below the stored one.
func BackwardsError(k Key, stored, next int64) error {
	return fmt.Errorf("save of %s: %w: the store stands at offset %d, the save at %d", k, ErrBackwards, stored, next)
}

// BrokenChainError is a save whose audit records do not continue the stored chain.
func BrokenChainError(k Key, stored uint64, sum Sum, from uint64) error {
	return fmt.Errorf("save of %s: %w", k, &AuditError{Stored: stored, Sum: sum, From: from})
}

// MissingBlobError is a save that refers to a blob that is not stored.
func MissingBlobError(k Key, s Sum) error {
	return fmt.Errorf("save of %s: %w: %s; save again with every blob", k, ErrBlobs, s)
}

// ForceError is a forced move of readers to a version that is not kept.
func ForceError(k Key, v *Version) error {
	return fmt.Errorf("moving readers of %s to version %d: %w: it is not kept any more", k, v.Number, ErrNotFound)
}

// CheckBlob returns an error when data is not what s names.
func CheckBlob(k Key, s Sum, data []byte) error {
	if got := SumOf(data); got != s {
		return fmt.Errorf("blob %s of %s is damaged: its %d bytes have sum %s; restore it from a backup of the store", s, k, len(data), got)
	}
	return nil
}
