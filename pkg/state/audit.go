package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// The kinds of audit records.
const (
	AuditInit      = "init"      // a state began, without a stored one
	AuditPublish   = "publish"   // a proven version became the current one
	AuditProven    = "proven"    // a version became a proven one, while readers were held at another
	AuditRollback  = "rollback"  // an operator held readers at a version
	AuditPromotion = "promotion" // an operator let readers go on to a newer version
	AuditFreeze    = "freeze"    // the learner was frozen
	AuditAlarmed   = "alarm"     // a detector alarmed that does not freeze the learner
	AuditWarning   = "warning"   // warnings of the guard of the inputs began
	AuditRestore   = "restore"   // the last good version was put back into the live model
	AuditProbation = "probation" // the challenger was put on probation
	AuditRecovery  = "recovery"  // a freeze or a probation ended, and the learner learns again
	AuditCommand   = "command"   // an operator's command was taken, or refused
	AuditConfig    = "config"    // the settings changed at a restart
	AuditBinary    = "binary"    // another program version or architecture went on
)

// Automation is Who in the records of what nobody ordered.
const Automation = "automation"

// AuditKinds lists the kinds of audit records.
func AuditKinds() []string {
	return []string{
		AuditInit, AuditPublish, AuditProven, AuditRollback, AuditPromotion, AuditFreeze, AuditAlarmed, AuditWarning, AuditRestore, AuditProbation, AuditRecovery,
		AuditCommand, AuditConfig, AuditBinary,
	}
}

const (
	auditFormat = 1
	// maxAuditText is how many bytes of a text that people wrote a record keeps.
	maxAuditText = 2048
	// maxAuditRecord bounds what is taken for a record.
	maxAuditRecord = 1 << 18
	// AuditTail is how many stored records an owner has at hand, so that a tail
	// which the store lost in a failover can be appended again.
	AuditTail = 64
)

// AuditRecord is one record of the audit trail of a partition: something was
// published, frozen, restored or ordered. It depends on the records of the
// partition and on what operators did, never on a clock, so that two owners of
// one range write the same bytes. docs/format/audit.md specifies them.
type AuditRecord struct {
	Format int    `json:"v"`    // 1
	Seq    uint64 `json:"seq"`  // counts from 1
	Prev   Sum    `json:"prev"` // SHA-256 of the bytes of the record before it; zeros in the first
	Kind   string `json:"kind"`
	Who    string `json:"who"` // who ordered it, or Automation
	Why    string `json:"why,omitempty"`
	At     int64  `json:"at"`              // time of the newest event, milliseconds since 1970 UTC
	Given  int64  `json:"given,omitempty"` // when a command was given, milliseconds since 1970 UTC

	Next    Position `json:"next"`           // it happened before the record at this offset
	Fed     uint64   `json:"fed"`            // records fed until then
	Learned uint64   `json:"learned"`        // events learned until then
	Mode    string   `json:"mode"`           // of the learner, after it
	From    string   `json:"from,omitempty"` // mode before a change of mode
	Cause   string   `json:"cause,omitempty"`

	// Version is what was published or restored, with its parent, offsets and
	// the hash of its parameters; absent when that was a fresh model.
	Version *Version    `json:"version,omitempty"`
	Alarm   *AuditAlarm `json:"alarm,omitempty"` // that froze the learner, or that a detector raised which does not
	// Warnings are those of the inputs that began with one block, at most 16: the farthest above their limits.
	Warnings []InputWarning `json:"warnings,omitempty"`

	Command string `json:"command,omitempty"` // kind of an operator's command
	Args    Args   `json:"args,omitzero"`
	ID      string `json:"id,omitempty"`    // of the command
	Error   string `json:"error,omitempty"` // why it was refused

	Config string `json:"config"` // hash of the configuration
	Binary string `json:"binary"` // version of the program
	Arch   string `json:"arch"`   // architecture that it runs on
}

// AuditAlarm is an alarm of a detector.
type AuditAlarm struct {
	Detector  string  `json:"detector"`
	Statistic float64 `json:"statistic"`
	Threshold float64 `json:"threshold"` // 0 for a detector without one

	Evidence *Evidence `json:"evidence,omitempty"` // what moved
}

// Bytes returns the one encoding of the record, which is what its hash is
// taken of: JSON as json.Marshal writes it. Texts that are too long are cut.
func (r *AuditRecord) Bytes() []byte {
	c := *r
	c.Format = auditFormat
	for _, s := range []*string{&c.Who, &c.Why, &c.Cause, &c.Command, &c.Args.Label, &c.Args.To, &c.Args.Arm, &c.Args.Like, &c.Args.Policy, &c.ID, &c.Error} {
		*s = auditText(*s)
	}
	if c.Alarm != nil {
		a := *c.Alarm
		a.Statistic, a.Threshold = finite(a.Statistic), finite(a.Threshold)
		c.Alarm = &a
	}
	b, err := json.Marshal(&c)
	if err != nil { // nothing in it is beyond JSON
		panic("state: " + err.Error())
	}
	return b
}

// auditText makes s valid UTF-8 of a bounded size.
func auditText(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= maxAuditText {
		return s
	}
	n := maxAuditText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// finite is x, or the nearest number that JSON has.
func finite(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return max(-math.MaxFloat64, min(math.MaxFloat64, x))
}

// ParseAudit reads the bytes of one record. It refuses what is not exactly the
// encoding that Bytes makes.
func ParseAudit(data []byte) (AuditRecord, error) {
	var r AuditRecord
	if len(data) > maxAuditRecord {
		return r, fmt.Errorf("%d bytes are too many for an audit record", len(data))
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("not an audit record: %w", err)
	}
	if r.Format != auditFormat {
		return r, fmt.Errorf("audit record of format %d, this program reads %d: use the version of streamlearner that wrote it", r.Format, auditFormat)
	}
	same, err := json.Marshal(&r)
	if err != nil {
		return r, fmt.Errorf("not an audit record: %w", err)
	}
	if !bytes.Equal(same, data) {
		return r, fmt.Errorf("not an audit record as it is written: spaces, unknown fields, or fields in another order")
	}
	return r, nil
}

// AuditEntry is one record as it is stored.
type AuditEntry struct {
	Kind string
	Sum  Sum // SHA-256 of Data, which the next record carries
	Data []byte
}

// Trail is a stretch of the chain of audit records that a save carries. The
// stored chain must end within it, at a record with the same hash; the records
// after that one are appended.
type Trail struct {
	From    uint64 // number of the record before the first one; 0 for none
	Sum     Sum    // its hash; zeros for none
	Entries []AuditEntry
	// Force appends although the stored chain ends elsewhere: a chain with a gap
	// that anyone can see is better than a learner that stops.
	Force    bool
	Keep     int    // how many of the newest records stay; 0 for all
	Mirrored uint64 // number of the newest record that the mirror is known to have
}

// End returns the number and the hash of the newest record.
func (t *Trail) End() (uint64, Sum) {
	if n := len(t.Entries); n > 0 {
		return t.From + uint64(n), t.Entries[n-1].Sum
	}
	return t.From, t.Sum
}

// After returns the part of t behind record n with at most limit records. Where
// t begins later, it is all of t.
func (t *Trail) After(n uint64, limit int) Trail {
	out := *t
	if end, _ := t.End(); n > t.From {
		skip := min(n, end) - t.From
		out.Sum, out.Entries, out.From = t.Entries[skip-1].Sum, t.Entries[skip:], t.From+skip
	}
	out.Entries = out.Entries[:min(limit, len(out.Entries))]
	return out
}

// overlap returns how many of t's entries a stored chain has, which ends with
// record n of that hash, and whether it ends within t.
func (t *Trail) overlap(n uint64, sum Sum) (int, bool) {
	end, _ := t.End()
	if n < t.From || n > end {
		return int(max(t.From, min(end, n)) - t.From), false
	}
	skip := int(n - t.From)
	at := t.Sum
	if skip > 0 {
		at = t.Entries[skip-1].Sum
	}
	return skip, at == sum
}

// AuditError is a save whose trail does not meet the end of the stored chain.
type AuditError struct {
	Stored uint64 // number of the newest stored record
	Sum    Sum    // its hash
	From   uint64 // where the trail of the save begins
}

func (e *AuditError) Error() string {
	return fmt.Sprintf("audit chain mismatch: the store holds %d records and ends with %s, the save begins after record %d", e.Stored, e.Sum, e.From)
}
