package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// The labels that an owner maintains by itself.
const (
	LabelLastGood = "last-good" // the newest proven version: what a freeze restores
	LabelChampion = "champion"  // the version that readers are served
)

// ModeHeld is the mode of a Pointer at a version that an operator holds readers
// at, whatever the learner behind it does.
const ModeHeld = "held"

// MaxMarks bounds the versions with a pin or a label of people.
const MaxMarks = 64

// Kept is a version that a save adds to the kept ones, with the parts of its
// parameters when they are a Manifest.
type Kept struct {
	Version
	Parts []Sum
}

// Mark is what is said of a kept version. A version with a mark stays, however old it is.
type Mark struct {
	Number uint64   `json:"n"`
	Sum    Sum      `json:"sha256"`
	Pinned bool     `json:"pinned,omitempty"`
	Labels []string `json:"labels,omitempty"` // ascending; a label names one version
}

// Of reports whether m is about v.
func (m *Mark) Of(v *Version) bool { return m.Number == v.Number && m.Sum == v.Sum }

// Same reports whether v and o are one version.
func (v *Version) Same(o *Version) bool { return v.Number == o.Number && v.Sum == o.Sum }

// ValidateLabel returns an error unless people may give the label to a version.
func ValidateLabel(label string) error {
	switch label {
	case LabelLastGood, LabelChampion, "current", "oldest":
		return fmt.Errorf("label %s: has a meaning of its own; choose another", label)
	}
	const most = 64
	if label == "" || len(label) > most {
		return fmt.Errorf("label %q: must have 1 to %d characters", label, most)
	}
	digits := true
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return fmt.Errorf("label %q: must match [a-z0-9_-]+", label)
		}
		digits = digits && c >= '0' && c <= '9'
	}
	if digits {
		return fmt.Errorf("label %s: is a number, which names a version already", label)
	}
	return nil
}

// ErrVersion is wrapped by FindVersion when no kept version is meant.
var ErrVersion = errors.New("no such version")

// FindVersion returns the kept version that ref names: a number, or a label. Of
// two versions with one number, as after a failover, the served one counts, else the last.
func FindVersion(kept []Version, marks []Mark, ref string) (*Version, error) {
	n, err := strconv.ParseUint(ref, 10, 64)
	if err != nil {
		return labelled(kept, marks, ref)
	}
	var found *Version
	for i := range kept {
		v := &kept[i]
		if v.Number != n {
			continue
		}
		if found = v; hasLabel(marks, v, LabelChampion) {
			break
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: version %d is not kept; kept are %s", ErrVersion, n, numbers(kept))
	}
	return found, nil
}

func labelled(kept []Version, marks []Mark, label string) (*Version, error) {
	for i := range marks {
		if !slices.Contains(marks[i].Labels, label) {
			continue
		}
		for k := range kept {
			if marks[i].Of(&kept[k]) {
				return &kept[k], nil
			}
		}
		return nil, fmt.Errorf("%w: version %d, which has the label %s, is gone", ErrVersion, marks[i].Number, label)
	}
	return nil, fmt.Errorf("%w: no version has the label %q, and it is no number", ErrVersion, label)
}

func hasLabel(marks []Mark, v *Version, label string) bool {
	return slices.ContainsFunc(marks, func(m Mark) bool { return m.Of(v) && slices.Contains(m.Labels, label) })
}

// VersionAt returns the newest kept version that has learned nothing younger
// than the event time t, in milliseconds since 1970 UTC.
func VersionAt(kept []Version, t int64) (*Version, error) {
	var found *Version
	for i := range kept {
		if v := &kept[i]; v.Created <= t && (found == nil || compareVersions(*v, *found) > 0) {
			found = v
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: every kept version has learned younger events; kept are %s", ErrVersion, numbers(kept))
	}
	return found, nil
}

func numbers(kept []Version) string {
	if len(kept) == 0 {
		return "none"
	}
	var out []byte
	for i := range kept {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = strconv.AppendUint(out, kept[i].Number, 10)
	}
	return string(out)
}

func compareVersions(a, b Version) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.Sum[:], b.Sum[:]))
}

// Retain returns which of the kept versions stay, which are in ascending order:
// the newest keep; those that stays says so of; and, with a span keepFor of
// event time in milliseconds, of older ones the first in each keep-th part of
// that span. So at most about twice keep stay, however fast versions arrive.
// It is the rule of every Store.
func Retain(kept []Version, keep int, keepFor int64, stays func(*Version) bool) []Version {
	surplus := len(kept) - keep
	newest := int64(math.MinInt64)
	for i := range kept {
		newest = max(newest, kept[i].Created)
	}
	width := math.Max(1, math.Floor(float64(keepFor)/float64(keep)))
	seen := map[float64]bool{}
	var out []Version
	for i := range kept {
		v := &kept[i]
		stay := i >= surplus || stays(v)
		if i < surplus && keepFor > 0 && float64(v.Created) > float64(newest)-float64(keepFor) {
			slot := math.Floor(float64(v.Created) / width)
			stay = stay || !seen[slot]
			seen[slot] = true
		}
		if stay {
			out = append(out, *v)
		}
	}
	return out
}

// Args say what a command is about, beyond its kind.
type Args struct {
	Version uint64 `json:"version,omitempty"` // number of a kept version; 0 for none
	Sum     Sum    `json:"sha256,omitzero"`   // its parameters; of an import, the exported file
	Label   string `json:"label,omitempty"`
	Restore bool   `json:"restore,omitempty"` // put the version into the model that learns, too
	Forced  bool   `json:"forced,omitempty"`  // readers were moved before the owner took the command
	// Challenger of an unfreeze: put the challenger on probation instead of going back to the last good version.
	Challenger bool   `json:"challenger,omitempty"`
	To         string `json:"to,omitempty"`     // of a seek: start, end or an offset; the owner's shell makes Offset of it
	Offset     int64  `json:"offset,omitempty"` // of a seek: the next record from now on
	Lost       bool   `json:"lost,omitempty"`   // of a seek: Kafka has another log than the one that was learned; the shell says so

	// Of commands about the arms of a bandit, see event.ArmChange.
	Arm   string  `json:"arm,omitempty"`
	Like  string  `json:"like,omitempty"`
	Cap   float64 `json:"cap,omitempty"`
	Price float64 `json:"price,omitempty"`
	// Policy is what readers of a bandit are to do with it, one of Policies.
	Policy string `json:"policy,omitempty"`
}

// Found is what an owner's shell has found in the store of the version that a
// command is about.
type Found struct {
	Version Version
	Blobs   []Blob // its parameters: a whole model, or a Manifest and its parts
	Problem string // why it was not found; empty when it was
}

// Find looks for what a command is about. An error means that the store did
// not answer; what is not there is a Problem.
func Find(ctx context.Context, r Reader, k Key, a Args) (*Found, error) {
	f := &Found{}
	if a.Version != 0 {
		kept, err := r.Versions(ctx, k)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(kept, func(v Version) bool { return v.Number == a.Version && v.Sum == a.Sum })
		if i < 0 {
			f.Problem = fmt.Sprintf("version %d with parameters %.12s is not kept; kept are %s", a.Version, a.Sum, numbers(kept))
			return f, nil
		}
		f.Version = kept[i]
	}
	sums := []Sum{a.Sum}
	for i := 0; i < len(sums); i++ {
		data, err := r.Blob(ctx, k, sums[i])
		if errors.Is(err, ErrNotFound) {
			f.Problem = fmt.Sprintf("blob %s is not stored", sums[i])
			return f, nil
		}
		if err != nil {
			return nil, err
		}
		f.Blobs = append(f.Blobs, Blob{Sum: sums[i], Data: data})
		if i == 0 && IsManifest(data) {
			sums = append(sums, manifestSums(data)...)
		}
	}
	return f, nil
}

// manifestSums lists the parts of a manifest; none of a damaged one, which
// whoever opens the parameters refuses.
func manifestSums(data []byte) []Sum {
	m, err := ParseManifest(data)
	if err != nil {
		return nil
	}
	return m.Sums()
}
