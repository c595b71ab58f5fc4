package learner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/internal/inputs"
	"github.com/streamlearner/streamlearner/pkg/drift"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// Config is what a Learner is made of.
type Config struct {
	// Model makes a fresh model. It is called again for the champion, which is
	// scored beside the learner while that is frozen.
	Model func() (Model, error)
	// Decoder turns the value of a record into an event.
	Decoder event.Decoder
	// Join makes events of decisions and the rewards that come later. Nil: every record is an event.
	Join *JoinConfig
	// MaxAhead is how far, in milliseconds, the time of an event may lie ahead of its record's
	// own; 0 for any. With Join that of JoinConfig counts.
	MaxAhead int64
	Guard    GuardConfig
	Snapshot SnapshotConfig
	// Signals is needed with Guard.Detectors alone.
	Signals Signals
	// Inputs is needed with Guard.Inputs alone.
	Inputs inputs.Deps
	// Evaluate names the candidate policies of a bandit that are evaluated on what it learns.
	Evaluate Evaluation

	// Settings are all settings that shape the state, one "key=value" a line,
	// sorted. A stored state of other settings is resumed only when they differ
	// in Compatible keys.
	Settings string
	// Defaults are the same lines with the default values: a key that a stored
	// state does not know yet had its default.
	Defaults string
	// Binary and Arch are the version of the program and the architecture it
	// runs on, recorded with every version it publishes.
	Binary, Arch string
	// Audit makes the learner keep the audit trail of its partition. A replay,
	// which publishes nothing, does without.
	Audit bool
	// WholeBytes is up to which size a model is stored as a whole; a larger one
	// as a base and changes. Fanout is how many changes of one size are merged.
	// Both decide what the blobs of a state are, and so the identity of its
	// versions, but not what is learned. Zero means 1 MiB, and 16; tests make them small.
	WholeBytes, Fanout int
	// Schema is published with every version, so that readers make the same
	// events of records: the JSON of the event.Layout behind Decoder, as
	// json.Marshal writes it. It is not interpreted and no part of the state.
	// Empty: readers must know by themselves.
	Schema []byte
	// Arms says how records are read with other arms than those that were
	// configured. Nil where nothing depends on the arms.
	Arms func(names []string) (Reading, error)
}

// The ways back from a freeze.
const (
	RecoveryManual   = "manual"   // only an operator unfreezes
	RecoveryCooldown = "cooldown" // see GuardConfig.CooldownEvents
	RecoveryAuto     = "auto"     // see GuardConfig.RecoveryMinEvents
)

// GuardConfig are the settings of the guard. All thresholds count events.
type GuardConfig struct {
	// ScoreConfig configures the detector on gradient direction and loss.
	drift.ScoreConfig `koanf:",squash"`

	// Source names who supplied a record. Default: nothing does.
	Source SourceConfig `koanf:"source"`
	// Inputs guard what is fed, see docs/inputs.md.
	Inputs inputs.Config `koanf:"inputs"`
	// Enabled switches the statistical detector; the hard guard stays on. Default true.
	Enabled bool `koanf:"enabled"`
	// ReferenceAfter is how many events are learned before the first detector
	// reference is frozen. Default 5,000: earlier the weights still move a lot. What
	// they are wrong by looks like a change when the inputs change; more makes
	// harmless changes of the inputs freeze less often.
	ReferenceAfter uint64 `koanf:"reference_after"`
	// ReferenceEvery is how many events an armed reference watches before its
	// successor is calibrated beside it. Default 50,000.
	ReferenceEvery uint64 `koanf:"reference_every"`
	// MaxRejectRate is the share of refused records in a block of 1,000 at
	// which the learner freezes. Default 0.5; 1 switches it off.
	MaxRejectRate float64 `koanf:"max_reject_rate"`
	// Recovery is the way back from a freeze: auto (default), cooldown or manual.
	Recovery string `koanf:"recovery"`
	// RecoveryMinEvents is how many records a freeze lasts at least under
	// recovery auto before the challenger, which restarted from the last good
	// version and went on learning, is put on probation: when it has proven
	// better than that version on many keys. Default 20,000.
	RecoveryMinEvents uint64 `koanf:"recovery_min_events"`
	// QuietEvents is how many records the detector must have stayed below a tenth
	// of its threshold before the stream counts as what it was. Then the learner resumes from the
	// last good version: under recovery auto at once, unless the challenger is
	// better, under cooldown at the end of it. Default 5,000.
	QuietEvents uint64 `koanf:"quiet_events"`
	// CooldownEvents is how many records a freeze lasts under recovery cooldown.
	// Then, unless the stream is quiet, the challenger is put on probation. Under
	// auto it takes the place of QuietEvents where no detector watched before
	// the freeze. Default 20,000.
	CooldownEvents uint64 `koanf:"cooldown_events"`
	// ProbationEvents is how many events a challenger has to be at least as
	// good as the last good version before it is trusted. Default 10,000.
	ProbationEvents uint64 `koanf:"probation_events"`
	// BackoffEvents: a freeze within so many records of a recovery, and a failed
	// probation, double the waits of a freeze, up to 16 times; so many records of
	// learning halve them again. Default 20,000.
	BackoffEvents uint64 `koanf:"backoff_events"`
	// Trusted are the events that alone decide whether a challenger is better, in
	// the comparison and on probation. Default: all events count.
	Trusted TrustedConfig `koanf:"trusted"`
	// MaxFreezeEvents is how many records a freeze may last before it is reported
	// as overdue. Nothing else comes of it. Default 100,000; 0 for never.
	MaxFreezeEvents uint64 `koanf:"max_freeze_events"`
	// Detectors are additional detectors on single signals. Default none.
	Detectors []DetectorConfig `koanf:"detectors"`
}

// SourceConfig says where a record names its source, who supplied it: a partner, a
// producer, a labelling team. At most one of the three is given.
type SourceConfig struct {
	// Field is the field of the record with the name; see event.Schema.Source.
	Field string `koanf:"field"`
	// Header is the key of the header with the name, of the Kafka record.
	Header string `koanf:"header"`
	// Topic makes the topic that a record was copied from its source, as the header
	// HeaderRelayed tells. Records that were not copied have none.
	Topic bool `koanf:"topic"`
}

// NeedsHeaders reports whether records must come with their headers.
func (c SourceConfig) NeedsHeaders() bool { return c.Header != "" || c.Topic }

// HeaderRelayed is the header that the copying of records adds to them: topic/partition/offset of
// where a record was. Of several the last one counts: a producer of these topics cannot forge it.
const HeaderRelayed = "sl-relayed-from"

// source returns the source that the headers of a record name.
func (c SourceConfig) source(r *Record) []byte {
	if !c.Topic {
		return r.header(c.Header)
	}
	topic, _, _ := bytes.Cut(r.header(HeaderRelayed), []byte("/"))
	return topic
}

// TrustedConfig names events whose labels are known to be right, by who supplied
// them or whom they are about. An event counts when either list has it.
type TrustedConfig struct {
	// Sources are values of guard.source.
	Sources []string `koanf:"sources"`
	// Keys are values of source.key.
	Keys []string `koanf:"keys"`
}

// known reports whether any events are named, so that the others do not count.
func (c *TrustedConfig) known() bool { return len(c.Sources)+len(c.Keys) > 0 }

// trusts reports whether an event counts.
func (c *TrustedConfig) trusts(e *event.Event) bool {
	for _, s := range c.Sources {
		if string(e.Source) == s {
			return true
		}
	}
	for _, k := range c.Keys {
		if string(e.Key) == k {
			return true
		}
	}
	return !c.known()
}

// Known reports whether records name their source.
func (c SourceConfig) Known() bool { return c != SourceConfig{} }

// SnapshotConfig are the settings of checkpoints and versions.
type SnapshotConfig struct {
	// Every is how many records lie between two checkpoints. Default 1,000.
	Every uint64 `koanf:"every"`
	// Quarantine is how many records must follow a checkpoint without an alarm
	// before it is published. Default 2,000, above the delay of the detector.
	Quarantine uint64 `koanf:"quarantine"`
	// Keep is how many published versions stay in the store. Default 20.
	Keep int `koanf:"keep"`
	// KeepFor is a span of event time in milliseconds over which one version
	// stays in each Keep-th part, beside the newest Keep; 0 (default) for none.
	KeepFor int64 `koanf:"keep_for"`
	// MaxAge is the age in milliseconds after which readers call a published
	// version stale; 0 (default) for never.
	MaxAge int64 `koanf:"max_age"`
}

// DefaultGuard returns the defaults of the guard.
func DefaultGuard() GuardConfig {
	return GuardConfig{
		ScoreConfig:       drift.DefaultScoreConfig(),
		Inputs:            inputs.Default(),
		Enabled:           true,
		ReferenceAfter:    5_000,
		ReferenceEvery:    50_000,
		MaxRejectRate:     0.5,
		Recovery:          RecoveryAuto,
		RecoveryMinEvents: 20_000,
		QuietEvents:       5_000,
		CooldownEvents:    20_000,
		ProbationEvents:   10_000,
		BackoffEvents:     20_000,
		MaxFreezeEvents:   100_000,
	}
}

// DefaultSnapshot returns the defaults of checkpoints.
func DefaultSnapshot() SnapshotConfig {
	return SnapshotConfig{Every: 1_000, Quarantine: 2_000, Keep: 20}
}

// Validate returns an error that names the key, the value and what is allowed.
func (c *GuardConfig) Validate() error {
	if err := c.ScoreConfig.Validate(); err != nil {
		return err
	}
	if err := c.Inputs.Validate(c.Source.Known()); err != nil {
		return err
	}
	switch {
	case c.Source.Field != "" && c.Source.Header != "":
		return fmt.Errorf("guard.source.header: %q: must be empty with guard.source.field (%q): one of them names the source", c.Source.Header, c.Source.Field)
	case c.Source.Topic && c.Source.Field+c.Source.Header != "":
		return fmt.Errorf("guard.source.topic: true: must be false with guard.source.field (%q) or guard.source.header (%q): one of them names the source", c.Source.Field, c.Source.Header)
	case len(c.Trusted.Sources) > 0 && !c.Source.Known():
		return fmt.Errorf("guard.trusted.sources: %q: guard.source.field or guard.source.header must say where records name their source, or guard.source.topic that their topic is it", c.Trusted.Sources)
	case slices.Contains(c.Trusted.Sources, "") || slices.Contains(c.Trusted.Keys, ""):
		return fmt.Errorf("guard.trusted: %q, %q: must not be empty texts, which are those of records that name no source or key", c.Trusted.Sources, c.Trusted.Keys)
	case c.ReferenceAfter == 0:
		return fmt.Errorf("guard.reference_after: 0: must be at least 1 event")
	case c.ReferenceEvery < uint64(c.Window):
		return fmt.Errorf("guard.reference_every: %d: must be at least guard.window (%d)", c.ReferenceEvery, c.Window)
	case !(c.MaxRejectRate > 0 && c.MaxRejectRate <= 1):
		return fmt.Errorf("guard.max_reject_rate: %v: must be above 0 and at most 1", c.MaxRejectRate)
	case c.Recovery != RecoveryAuto && c.Recovery != RecoveryManual && c.Recovery != RecoveryCooldown:
		return fmt.Errorf("guard.recovery: %q: must be %s, %s or %s", c.Recovery, RecoveryAuto, RecoveryCooldown, RecoveryManual)
	case c.RecoveryMinEvents == 0:
		return fmt.Errorf("guard.recovery_min_events: 0: must be at least 1 event")
	case c.QuietEvents < uint64(c.Block):
		return fmt.Errorf("guard.quiet_events: %d: must be at least guard.block (%d)", c.QuietEvents, c.Block)
	case c.BackoffEvents == 0:
		return fmt.Errorf("guard.backoff_events: 0: must be at least 1 event")
	case c.CooldownEvents == 0:
		return fmt.Errorf("guard.cooldown_events: 0: must be at least 1 event")
	case c.ProbationEvents == 0:
		return fmt.Errorf("guard.probation_events: 0: must be at least 1 event")
	}
	for _, w := range [...]struct {
		key string
		n   uint64
	}{{"recovery_min_events", c.RecoveryMinEvents}, {"quiet_events", c.QuietEvents}, {"cooldown_events", c.CooldownEvents}} {
		if w.n > maxWait {
			return fmt.Errorf("guard.%s: %d: must be at most %d", w.key, w.n, uint64(maxWait))
		}
	}
	return nil
}

// maxWait keeps the product of a wait and its factor within 64 bits.
const maxWait = 1 << 56

// maxPending bounds the checkpoints that wait in quarantine, each a copy of the model.
const maxPending = 64

// Validate returns an error that names the key, the value and what is allowed.
func (c *SnapshotConfig) Validate() error {
	switch {
	case c.Every == 0:
		return fmt.Errorf("snapshot.every: 0: must be at least 1 event")
	case c.Quarantine/c.Every >= maxPending:
		return fmt.Errorf("snapshot.quarantine: %d: must be less than %d times snapshot.every (%d), since every checkpoint in quarantine is kept",
			c.Quarantine, maxPending, c.Every)
	case c.Keep < 1:
		return fmt.Errorf("snapshot.keep: %d: must be at least 1 version", c.Keep)
	case c.KeepFor < 0:
		return fmt.Errorf("snapshot.keep_for: %d: must not be negative", c.KeepFor)
	case c.MaxAge < 0:
		return fmt.Errorf("snapshot.max_age: %d: must not be negative", c.MaxAge)
	}
	return nil
}

func (c *Config) hash() string {
	s := sha256.Sum256([]byte(c.Settings))
	return hex.EncodeToString(s[:8])
}

// Compatible reports whether a stored state may be resumed under another value
// of the setting: nothing in the state has the shape or meaning of the old one.
func Compatible(key string) bool {
	if strings.HasPrefix(key, "guard.inputs.") && key != "guard.inputs.logged" {
		return true
	}
	switch key {
	case "guard.false_freeze_every", "guard.reference_every", "guard.max_reject_rate", "guard.recovery", "guard.recovery_min_events", "guard.quiet_events",
		"guard.cooldown_events", "guard.probation_events", "guard.backoff_events", "guard.max_freeze_events", "guard.trusted.sources", "guard.trusted.keys",
		"guard.detectors", "guard.source.header", "snapshot.every", "snapshot.quarantine", "snapshot.keep", "snapshot.keep_for", "snapshot.max_age",
		"source.join.window", "source.join.lateness", "source.join.late_for", "source.join.max_open", "source.join.max_ahead", "source.join.default_reward", "source.max_ahead",
		"learner.bandit.arms", "learner.bandit.limits", "learner.bandit.baseline", "learner.bandit.baseline_floor", "learner.bandit.price_step",
		"learner.bandit.price_floor", "learner.bandit.new_share", "learner.bandit.new_events", "learner.bandit.new_prior", "learner.bandit.drain",
		"learner.bandit.conservative", "learner.bandit.guard_rails",
		"evaluate.candidates", "evaluate.every", "evaluate.clip":
		return true
	}
	return false
}

// diffSettings lists the lines in which the stored settings differ from those
// of now, and whether all of them are compatible. Where the stored ones lack a
// key, the default counts.
func diffSettings(stored, now, defaults string) (diff []string, compatible bool) {
	a, b := withDefaults(parseSettings(stored), parseSettings(defaults)), parseSettings(now)
	compatible = true
	note := func(key, was, is string) {
		diff = append(diff, fmt.Sprintf("%s: stored %s, configured %s", key, was, is))
		compatible = compatible && Compatible(key)
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].key < b[0].key:
			note(a[0].key, a[0].value, noSetting)
			a = a[1:]
		case len(a) == 0 || b[0].key < a[0].key:
			note(b[0].key, noSetting, b[0].value)
			b = b[1:]
		default:
			if a[0].value != b[0].value {
				note(a[0].key, a[0].value, b[0].value)
			}
			a, b = a[1:], b[1:]
		}
	}
	return diff, compatible
}

// noSetting stands for the value of a key that is not there.
const noSetting = "(none)"

type setting struct{ key, value string }

// withDefaults adds the keys that only defaults has, in order.
func withDefaults(stored, defaults []setting) []setting {
	for _, d := range defaults {
		i, found := slices.BinarySearchFunc(stored, d.key, func(s setting, key string) int { return strings.Compare(s.key, key) })
		if !found {
			stored = slices.Insert(stored, i, d)
		}
	}
	return stored
}

func parseSettings(s string) []setting {
	var out []setting
	for line := range strings.Lines(s) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		out = append(out, setting{key, value})
	}
	return out
}
