package bandit

import (
	"fmt"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Status is where an arm stands in its life.
type Status uint8

// The statuses of an arm.
const (
	ArmActive   Status = iota // may be chosen
	ArmNew                    // may be chosen, and has a share of its own until it was learned often enough
	ArmDraining               // was removed: not chosen any more, its late rewards are still learned
	ArmRemoved                // its rewards are refused and what it has learned is gone; it keeps its place
)

func (s Status) String() string { return [...]string{"active", "new", "draining", "removed"}[s] }

// Arm is what the table says of an arm.
type Arm struct {
	Name   string
	Status Status
	Cap    float64 // largest probability; 1 for none
	Price  float64 // 0 for none
	Events uint64  // learned since the arm was added
	Reward float64 // sum of their rewards, each once whatever its weight
	// Until is an event time, milliseconds since 1970. Draining: rewards of events up to it are learned. Active and new: of
	// events up to it, from before the arm was removed and came back, no reward can be corrected; 0 where it did not.
	Until int64

	Rails []Watched // what the guard rails know of it, in their order
	Out   string    // metric of the guard rail that took it out; empty for none
	// Could is in how many events learned of any arm this one could be chosen, while it was open; Chosen in how many of them
	// it was, and Inverse the sum of 1/propensity over those.
	Could, Chosen uint64
	Inverse       float64

	over evidence // that it is chosen too often
}

// open reports whether decisions may choose the arm, as far as its status goes.
func (a *Arm) open() bool { return a.Status == ArmActive || a.Status == ArmNew }

// arms is the table of a bandit's arms. The index of an arm is its place in the
// table, by which all statistics are kept. Arms are only ever
// appended, so that an index keeps its meaning.
type arms struct {
	list     []Arm
	hashes   []uint64 // of the names
	baseline int      // index; -1 for none
	newest   int64    // newest event time learned
}

func newArms(c *Config) *arms {
	t := &arms{baseline: -1, newest: math.MinInt64}
	for _, n := range c.ArmNames() {
		l := c.limit(n)
		t.add(Arm{Name: n, Cap: l.cap(), Price: l.Price, Rails: make([]Watched, len(c.GuardRails))})
	}
	if t.baseline = t.find(c.Baseline); c.Continuous() {
		t.baseline = c.baselineBin()
	}
	return t
}

func (t *arms) len() int { return len(t.list) }

func (t *arms) add(a Arm) {
	t.list, t.hashes = append(t.list, a), append(t.hashes, xxhash.Sum64String(a.Name))
}

// find returns the index of an arm; -1 when there is none of that name.
func (t *arms) find(name string) int {
	return slices.IndexFunc(t.list, func(a Arm) bool { return a.Name == name })
}

func (t *arms) clone() *arms {
	out := *t
	out.list, out.hashes = slices.Clone(t.list), slices.Clone(t.hashes)
	for i := range out.list {
		out.list[i].Rails = slices.Clone(out.list[i].Rails)
	}
	return &out
}

func (t *arms) names() []string {
	out := make([]string, len(t.list))
	for i := range t.list {
		out[i] = t.list[i].Name
	}
	return out
}

// learned counts an event of an arm. It reports whether the table says anything else of
// any arm since, and which ones have gone.
func (t *arms) learned(e *event.Event, propensity float64, c *Config) (changed bool, gone []int) {
	t.weigh(e.Arm, propensity, e.Eligible)
	a, time := &t.list[e.Arm], e.Time
	a.Events++
	if sum := a.Reward + e.Label; finite(sum) {
		a.Reward = sum
	}
	if a.Status == ArmNew && a.Events >= uint64(c.NewEvents) {
		a.Status, changed = ArmActive, true
	}
	if time <= t.newest {
		return changed, nil
	}
	t.newest = time
	for i := range t.list {
		if a := &t.list[i]; a.Status == ArmDraining && a.Until < time {
			a.Status, changed = ArmRemoved, true
			gone = append(gone, i)
		}
	}
	return changed, gone
}

// append writes the number of arms, the table, the index of the baseline plus one and the newest event time.
func (t *arms) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(t.list)))
	for i := range t.list {
		a := &t.list[i]
		b = append(wire.AppendString(b, a.Name), byte(a.Status))
		b = wire.AppendFloat64(wire.AppendFloat64(b, a.Cap), a.Price)
		b = wire.AppendFloat64(wire.AppendUvarint(b, a.Events), a.Reward)
		b = a.over.append(wire.AppendVarint(b, a.Until))
		b = wire.AppendUvarint(wire.AppendUvarint(b, a.Could), a.Chosen)
		b = wire.AppendString(wire.AppendFloat64(b, a.Inverse), a.Out)
		b = wire.AppendUvarint(b, uint64(len(a.Rails)))
		for k := range a.Rails {
			b = a.Rails[k].append(b)
		}
	}
	return wire.AppendVarint(wire.AppendUvarint(b, uint64(t.baseline+1)), t.newest)
}

func readArms(r *wire.Reader) *arms {
	t := &arms{}
	const least = 39 + 8*len(stakes)
	n := r.Count(least)
	if n > maxArms {
		r.Fail("%d arms, at most %d", n, maxArms)
		n = 0
	}
	seen := make(map[string]bool, n)
	for range n {
		a := Arm{Name: r.String(), Status: Status(r.Byte()), Cap: r.Finite(), Price: r.Finite(), Events: r.Uvarint(), Reward: r.Finite(), Until: r.Varint(), over: readEvidence(r)}
		a.Could, a.Chosen, a.Inverse, a.Out = r.Uvarint(), r.Uvarint(), r.Finite(), r.String()
		a.Rails = readRails(r)
		if r.Err() == nil && (a.Status > ArmRemoved || !(a.Cap > 0 && a.Cap <= 1) || !(a.Price >= 0) || !(a.Inverse >= 0 && a.Inverse <= mostEvidence) || a.Name == "" || seen[a.Name]) {
			r.Fail("arm %q has status %d, cap %v and price %v", a.Name, a.Status, a.Cap, a.Price)
		}
		if r.Err() != nil {
			break
		}
		seen[a.Name] = true
		t.add(a)
	}
	t.baseline = int(r.Uvarint()) - 1
	t.newest = r.Varint()
	if r.Err() == nil && (t.baseline < -1 || t.baseline >= len(t.list)) {
		r.Fail("baseline %d of %d arms", t.baseline, len(t.list))
	}
	return t
}

// follows returns an error unless t is o with arms added.
func (t *arms) follows(o *arms) error {
	for i := range o.list {
		if i >= t.len() || t.list[i].Name != o.list[i].Name {
			return fmt.Errorf("arms %q do not begin with the arms %q: what is learned is kept by the places of the arms, so parameters of another table can only begin "+
				"a partition that has learned nothing, by 'streamlearner snapshot import --init-from'", t.names(), o.names())
		}
	}
	return nil
}
