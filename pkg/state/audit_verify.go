package state

import "fmt"

// Chain is the stored part of an audit chain.
type Chain struct {
	Length   uint64 // number of the newest record, by the store's own account
	Sum      Sum    // its hash, by the same account
	Mirrored uint64 // number of the newest record that the mirror is known to have
	Records  [][]byte
}

// Trail returns the records as the beginning of what an owner appends. Records
// that do not fit each other or the account are left out; Verify names them.
func (c *Chain) Trail() *Trail {
	t := &Trail{From: c.Length, Sum: c.Sum, Mirrored: c.Mirrored}
	entries := make([]AuditEntry, 0, len(c.Records))
	first := *t
	fault := c.verify(func(r *AuditRecord, sum Sum, data []byte) {
		if len(entries) == 0 {
			first.From, first.Sum = r.Seq-1, r.Prev
		}
		entries = append(entries, AuditEntry{Kind: r.Kind, Sum: sum, Data: data})
	})
	if fault != nil {
		return t
	}
	first.Entries = entries
	return &first
}

// The ways in which a chain can be broken.
const (
	FaultEdited    = "edited"    // a record is not what its successor says, or is no record
	FaultMissing   = "missing"   // records between two others are gone
	FaultReordered = "reordered" // records stand in another order, or twice
	FaultTruncated = "truncated" // the newest records are gone
	FaultForked    = "forked"    // there are two records of one number
)

// AuditFault is the first thing that is wrong with a chain.
type AuditFault struct {
	Seq    uint64 `json:"seq"` // number of the first record concerned
	Fault  string `json:"fault"`
	Detail string `json:"detail"`
}

func (f *AuditFault) Error() string {
	return fmt.Sprintf("record %d is %s: %s", f.Seq, f.Fault, f.Detail)
}

// Verify checks the records against each other and against the account that
// the store gives of their end. It returns nil when they agree. The first
// record may have any number, since old ones are dropped.
func (c *Chain) Verify() *AuditFault {
	return c.verify(func(*AuditRecord, Sum, []byte) {})
}

// verify is Verify, and calls fn with each record that fits the one before it.
func (c *Chain) verify(fn func(r *AuditRecord, sum Sum, data []byte)) *AuditFault {
	var want uint64
	var last Sum
	for i, data := range c.Records {
		r, err := ParseAudit(data)
		switch {
		case err != nil && i == 0:
			return &AuditFault{Seq: c.Length + 1 - min(c.Length+1, uint64(len(c.Records))), Fault: FaultEdited, Detail: err.Error()}
		case err != nil:
			return &AuditFault{Seq: want, Fault: FaultEdited, Detail: err.Error()}
		case i == 0 && r.Seq == 0:
			return &AuditFault{Fault: FaultEdited, Detail: "records count from 1"}
		case i == 0 && (r.Seq == 1) != r.Prev.IsZero():
			return &AuditFault{Seq: r.Seq, Fault: FaultEdited, Detail: fmt.Sprintf("it names %s as the record before it", r.Prev)}
		case i > 0 && r.Seq != want:
			return c.misplaced(i, want, r.Seq)
		case i > 0 && r.Prev != last:
			return &AuditFault{Seq: want - 1, Fault: FaultEdited, Detail: fmt.Sprintf("its SHA-256 is %s, record %d says %s", last, want, r.Prev)}
		}
		want, last = r.Seq+1, SumOf(data)
		fn(&r, last, data)
	}
	return c.verifyEnd(want, last)
}

// misplaced says what it means that entry i, where want was expected, has number got.
func (c *Chain) misplaced(i int, want, got uint64) *AuditFault {
	if got < want {
		return &AuditFault{Seq: got, Fault: FaultReordered, Detail: fmt.Sprintf("it stands where record %d belongs", want)}
	}
	for _, data := range c.Records[i:] {
		if r, err := ParseAudit(data); err == nil && r.Seq == want {
			return &AuditFault{Seq: want, Fault: FaultReordered, Detail: fmt.Sprintf("record %d stands in its place", got)}
		}
	}
	return &AuditFault{Seq: want, Fault: FaultMissing, Detail: fmt.Sprintf("record %d follows record %d", got, want-1)}
}

// verifyEnd checks the end of records that fit each other; next is the number after them.
func (c *Chain) verifyEnd(next uint64, last Sum) *AuditFault {
	if len(c.Records) == 0 {
		next = 1
	}
	switch {
	case next <= c.Length:
		return &AuditFault{Seq: next, Fault: FaultTruncated, Detail: fmt.Sprintf("the state names record %d as the newest one", c.Length)}
	case next > c.Length+1:
		return &AuditFault{Seq: c.Length + 1, Fault: FaultEdited, Detail: fmt.Sprintf("the state names record %d as the newest one", c.Length)}
	case len(c.Records) > 0 && last != c.Sum:
		return &AuditFault{Seq: c.Length, Fault: FaultEdited, Detail: fmt.Sprintf("its SHA-256 is %s, the state says %s", last, c.Sum)}
	}
	return nil
}

// Compare checks the records against those of a mirror, which may hold a
// record several times, and older ones. Records above Mirrored need not be in
// the mirror yet. The records themselves must have passed Verify.
func (c *Chain) Compare(mirror [][]byte) *AuditFault {
	copies := map[uint64]Sum{}
	var oldest, newest uint64
	for i, data := range mirror {
		r, err := ParseAudit(data)
		if err != nil {
			return &AuditFault{Fault: FaultEdited, Detail: fmt.Sprintf("entry %d of the mirror: %v", i+1, err)}
		}
		sum := SumOf(data)
		if other, ok := copies[r.Seq]; ok && other != sum {
			return &AuditFault{Seq: r.Seq, Fault: FaultForked, Detail: "the mirror holds two records of this number: a failover lost the first one, or somebody wrote the other"}
		}
		copies[r.Seq] = sum
		if oldest == 0 || r.Seq < oldest {
			oldest = r.Seq
		}
		newest = max(newest, r.Seq)
	}
	for _, data := range c.Records {
		r, err := ParseAudit(data)
		if err != nil {
			return &AuditFault{Fault: FaultEdited, Detail: err.Error()}
		}
		sum, ok := copies[r.Seq]
		switch {
		case ok && sum != SumOf(data):
			return &AuditFault{Seq: r.Seq, Fault: FaultEdited, Detail: fmt.Sprintf("its SHA-256 is %s, the mirror has %s", SumOf(data), sum)}
		case !ok && oldest > 0 && r.Seq > oldest && r.Seq < newest:
			return &AuditFault{Seq: r.Seq, Fault: FaultMissing, Detail: "the mirror has records before and after it, but not this one"}
		case !ok && r.Seq <= c.Mirrored && r.Seq > newest:
			return &AuditFault{Seq: r.Seq, Fault: FaultTruncated, Detail: fmt.Sprintf("the mirror had records up to %d, now it ends with %d", c.Mirrored, newest)}
		}
	}
	if newest > c.Length {
		return &AuditFault{Seq: c.Length + 1, Fault: FaultTruncated, Detail: fmt.Sprintf("the mirror has records up to %d", newest)}
	}
	return nil
}
