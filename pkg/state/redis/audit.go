package redis

import (
	"context"
	"fmt"
	"strconv"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// Audit implements state.AuditReader.
func (s *Store) Audit(ctx context.Context, k state.Key, after int64, limit int) (state.Chain, error) {
	if err := k.Validate(); err != nil {
		return state.Chain{}, err
	}
	_, reply, err := s.verdict(ctx, s.audit, []string{stateKey(k), auditKey(k)}, after, limit)
	if err != nil {
		return state.Chain{}, fmt.Errorf("audit trail of %s: %w", k, err)
	}
	p := parser{k: k}
	c := state.Chain{Length: p.uint("records", reply[0]), Mirrored: p.uint("mirrored", reply[2])}
	if sum := text(reply[1]); sum != "" {
		var err error
		c.Sum, err = state.ParseSum(sum)
		p.fail("record", err)
	}
	records, _ := reply[3].([]any)
	for _, r := range records {
		c.Records = append(c.Records, []byte(text(r)))
	}
	return c, p.err
}

// auditArgs are the arguments of save.lua for the audit chain: where the
// records begin, and for each its hash and its bytes.
func auditArgs(t *state.Trail) []any {
	if t == nil {
		return []any{"", "", "", "", "", 0}
	}
	force := "0"
	if t.Force {
		force = "1"
	}
	args := []any{t.From, t.Sum.String(), force, t.Keep, t.Mirrored, len(t.Entries)}
	for i := range t.Entries {
		args = append(args, t.Entries[i].Sum.String(), t.Entries[i].Data)
	}
	return args
}

// brokenChain is the error of a save that save.lua refused for its audit records.
func brokenChain(k state.Key, t *state.Trail, reply []any) error {
	stored, err := strconv.ParseUint(text(reply[0]), 10, 64)
	if err != nil {
		return fmt.Errorf("save of %s: stored number of audit records is damaged: %w", k, err)
	}
	sum, err := state.ParseSum(text(reply[1]))
	if err != nil {
		return fmt.Errorf("save of %s: stored end of the audit chain is damaged: %w", k, err)
	}
	return state.BrokenChainError(k, stored, sum, t.From)
}
