package inputs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// What is done about events that are suspicious.
const (
	Warn   = "warn"   // they are learned, and a warning is given
	Reject = "reject" // they are refused
)

// Config are the settings of the section guard.inputs. Shares are of 1.
type Config struct {
	// Block is how many events are judged together. Default 1,000.
	Block uint64 `koanf:"block"`

	// Rules are what every event must obey; one that does not is refused.
	Rules []Rule `koanf:"rules"`
	// MaxSourceShare is the share of a block that one source may supply; its further
	// events in the block are refused. Default 1: no limit.
	MaxSourceShare float64 `koanf:"max_source_share"`
	// MaxDuplicates is the share of a block that may be near-duplicates of events
	// shortly before. Default 1: they are not looked for.
	MaxDuplicates float64 `koanf:"max_duplicates"`
	// Duplicates says what is done about those above: warn (default) or reject.
	Duplicates string `koanf:"duplicates"`

	// ClipQuantile bounds the gradient of an event at this running quantile of the norms
	// of gradients, such as 0.999. Default 0: no bound.
	ClipQuantile float64 `koanf:"clip_quantile"`

	// Watch compares blocks with a reference window. Default false.
	Watch bool `koanf:"watch"`
	// Fields are those that are watched, at most 64; default: the first 64 that
	// come in a reference window.
	Fields []string `koanf:"fields"`
	// Window is how many learned events make a reference. Default 10,000.
	Window uint64 `koanf:"window"`
	// ReferenceEvery is how many events after it was complete a reference is
	// replaced: the next one is collected while it watches on. Default 100,000.
	ReferenceEvery uint64 `koanf:"reference_every"`
	// Ranges says what is done about numbers outside of the range of the reference,
	// widened: warn (default) or reject.
	Ranges string `koanf:"ranges"`
	// Widen is by how many times the distance between the 5% and the 95% quantile the
	// range goes beyond these, at both ends. Default 1.
	Widen float64 `koanf:"widen"`

	// The limits above which a field is warned of; a difference must also be too large
	// for chance. MaxOutOfRange is the share of its numbers outside of the range
	// (default 0.01), MaxMissing and MaxUnseen by how much the share of events
	// without it, and that of its categories that are new, are above those of the
	// reference (default 0.1), MaxPSI the population stability index (default 0.25), MaxKS the
	// distance of Kolmogorov and Smirnov (default 0.2), and MaxSkew the share of
	// events in which its value was another at decision time (default 0.01).
	MaxOutOfRange float64 `koanf:"max_out_of_range"`
	MaxMissing    float64 `koanf:"max_missing"`
	MaxUnseen     float64 `koanf:"max_unseen"`
	MaxPSI        float64 `koanf:"max_psi"`
	MaxKS         float64 `koanf:"max_ks"`
	MaxSkew       float64 `koanf:"max_skew"`
	// Logged is the field with the features of decision time, see event.Schema.Logged.
	Logged string `koanf:"logged"`
}

// Rule is what an event must obey in one field.
type Rule struct {
	Field string `koanf:"field"`
	// Required: the field must be there.
	Required bool `koanf:"required"`
	// Type is number or category, for what the field must be where it is there.
	Type string `koanf:"type"`
	// Range are the least and the greatest number. It makes the type number.
	Range []float64 `koanf:"range"`
	// Values are all categories that the field may have. They make the type category.
	Values []string `koanf:"values"`
}

// The values of Rule.Type.
const (
	Number   = "number"
	Category = "category"
)

// String writes the rule as a configuration file has it, equal rules equally.
func (r Rule) String() string {
	out := fmt.Sprintf("{field: %q", r.Field)
	if r.Required {
		out += ", required: true"
	}
	if r.Type != "" {
		out += ", type: " + r.Type
	}
	if len(r.Range) > 0 {
		out += fmt.Sprintf(", range: [%s]", list(r.Range, func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }))
	}
	if len(r.Values) > 0 {
		out += fmt.Sprintf(", values: [%s]", list(r.Values, strconv.Quote))
	}
	return out + "}"
}

func list[T any](all []T, text func(T) string) string {
	parts := make([]string, len(all))
	for i, v := range all {
		parts[i] = text(v)
	}
	return strings.Join(parts, ", ")
}

// kind is the type that the rule demands; empty for none.
func (r *Rule) kind() string {
	switch {
	case len(r.Range) > 0:
		return Number
	case len(r.Values) > 0:
		return Category
	}
	return r.Type
}

// Default returns the settings of a guard that looks at nothing.
func Default() Config {
	return Config{
		Block: 1_000, MaxSourceShare: 1, MaxDuplicates: 1, Duplicates: Warn,
		Window: 10_000, ReferenceEvery: 100_000, Ranges: Warn, Widen: 1,
		MaxOutOfRange: 0.01, MaxMissing: 0.1, MaxUnseen: 0.1, MaxPSI: 0.25, MaxKS: 0.2, MaxSkew: 0.01,
	}
}

const (
	maxFields = 64
	maxBlock  = 1 << 16
	maxValues = 4096 // of one rule
)

// Validate returns an error that names the key, the value and what is allowed.
// sources says whether events name their source.
func (c *Config) Validate(sources bool) error {
	switch {
	case c.Block < 100 || c.Block > maxBlock:
		return fmt.Errorf("guard.inputs.block: %d: must be from 100 to %d events", c.Block, maxBlock)
	case !(c.MaxSourceShare > 0 && c.MaxSourceShare <= 1):
		return fmt.Errorf("guard.inputs.max_source_share: %v: must be above 0 and at most 1, which is no limit", c.MaxSourceShare)
	case c.MaxSourceShare < 1 && !sources:
		return fmt.Errorf("guard.inputs.max_source_share: %v: guard.source must say where records name their source: a field, a header, or their topic", c.MaxSourceShare)
	case !(c.MaxDuplicates > 0 && c.MaxDuplicates <= 1):
		return fmt.Errorf("guard.inputs.max_duplicates: %v: must be above 0 and at most 1, which is no limit", c.MaxDuplicates)
	case c.ClipQuantile != 0 && !(c.ClipQuantile >= 0.5 && c.ClipQuantile <= 0.9999):
		return fmt.Errorf("guard.inputs.clip_quantile: %v: must be from 0.5 to 0.9999, or 0 for no bound", c.ClipQuantile)
	case c.Duplicates != Warn && c.Duplicates != Reject:
		return fmt.Errorf("guard.inputs.duplicates: %q: must be %s or %s", c.Duplicates, Warn, Reject)
	}
	if err := c.validateWatch(); err != nil {
		return err
	}
	return c.validateRules()
}

func (c *Config) validateWatch() error {
	switch {
	case c.Window < 1_000 || c.Window > 1<<32:
		return fmt.Errorf("guard.inputs.window: %d: must be from 1000 to %d events", c.Window, uint64(1<<32))
	case c.ReferenceEvery < c.Block || c.ReferenceEvery > 1<<48:
		return fmt.Errorf("guard.inputs.reference_every: %d: must be from guard.inputs.block (%d) to %d events", c.ReferenceEvery, c.Block, uint64(1<<48))
	case c.Ranges != Warn && c.Ranges != Reject:
		return fmt.Errorf("guard.inputs.ranges: %q: must be %s or %s", c.Ranges, Warn, Reject)
	case !(c.Widen >= 0 && c.Widen <= 1e6):
		return fmt.Errorf("guard.inputs.widen: %v: must be from 0 to 1e6", c.Widen)
	case !c.Watch && len(c.Fields) > 0:
		return fmt.Errorf("guard.inputs.fields: %q: guard.inputs.watch must be true", c.Fields)
	case !c.Watch && c.Logged != "":
		return fmt.Errorf("guard.inputs.logged: %q: guard.inputs.watch must be true, since fields are compared that are watched", c.Logged)
	case !c.Watch && c.Ranges == Reject:
		return fmt.Errorf("guard.inputs.ranges: %s: guard.inputs.watch must be true, so that there is a reference", c.Ranges)
	case len(c.Fields) > maxFields:
		return fmt.Errorf("guard.inputs.fields: %d: must be at most %d fields", len(c.Fields), maxFields)
	}
	for check := range fieldChecks {
		most := 1.0
		if check == PSI {
			most = 1e3
		}
		if v := c.limit(check); !(v > 0 && v <= most) {
			return fmt.Errorf("guard.inputs.max_%s: %v: must be above 0 and at most %v", check, v, most)
		}
	}
	for i, f := range c.Fields {
		if f == "" || strings.Contains(f, "*") || slices.Contains(c.Fields[:i], f) {
			return fmt.Errorf("guard.inputs.fields: %q: must name fields, each once; patterns are not understood here", f)
		}
	}
	return nil
}

// limit returns the value above which a field is warned of.
func (c *Config) limit(check Check) float64 {
	return [fieldChecks]float64{c.MaxMissing, c.MaxUnseen, c.MaxOutOfRange, c.MaxPSI, c.MaxKS, c.MaxSkew}[check]
}

func (c *Config) validateRules() error {
	if len(c.Rules) > maxFields {
		return fmt.Errorf("guard.inputs.rules: %d: must be at most %d rules", len(c.Rules), maxFields)
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		fail := func(format string, args ...any) error {
			return fmt.Errorf("guard.inputs.rules: %s: %s", r.Field, fmt.Sprintf(format, args...))
		}
		switch {
		case r.Field == "" || strings.Contains(r.Field, "*"):
			return fail("field must name one field")
		case slices.ContainsFunc(c.Rules[:i], func(o Rule) bool { return o.Field == r.Field }):
			return fail("field %q has a rule before; make one of the two", r.Field)
		case r.Type != "" && r.Type != Number && r.Type != Category:
			return fail("type %q must be %s or %s", r.Type, Number, Category)
		case len(r.Range) > 0 && (len(r.Range) != 2 || !(r.Range[0] <= r.Range[1])):
			return fail("range must be [least, greatest]")
		case len(r.Range) > 0 && len(r.Values) > 0:
			return fail("range is for numbers and values are for categories: remove one")
		case r.Type != "" && r.Type != r.kind():
			return fail("type %s does not go with a range, or values, of the type %s", r.Type, r.kind())
		case len(r.Values) > maxValues:
			return fail("values must be at most %d", maxValues)
		case !r.Required && r.kind() == "":
			return fail("says nothing: give required, type, range or values")
		}
	}
	return nil
}

// Fit returns an error for settings that do not go with what the records are.
func (c *Config) Fit(l *event.Layout) error {
	fields := l.Format == "json" || l.Format == "csv"
	if len(c.Rules) > 0 && !fields {
		return fmt.Errorf("guard.inputs.rules: %s: there must be none with format %s, whose features belong to no fields", c.Rules[0].Field, l.Format)
	}
	if c.Logged != "" && l.Format != "json" {
		return fmt.Errorf("guard.inputs.logged: %q: must be empty with format %s: json alone holds objects", c.Logged, l.Format)
	}
	if len(c.Fields) > 0 && !fields {
		return fmt.Errorf("guard.inputs.fields: %q: must be empty with format %s, whose features belong to no fields", c.Fields, l.Format)
	}
	for _, f := range c.Fields {
		if l.Use(f) == event.Unused {
			return fmt.Errorf("guard.inputs.fields: %q: is no feature by features.include, features.exclude or source; remove it", f)
		}
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		use := l.Use(r.Field)
		switch kind := r.kind(); {
		case use == event.Unused:
			return fmt.Errorf("guard.inputs.rules: %s: is no feature by features.include, features.exclude or source; remove the rule", r.Field)
		case kind == "" || use == event.ByType || use == event.Numeric && kind == Number || use == event.Categories && kind == Category:
		default:
			return fmt.Errorf("guard.inputs.rules: %s: its type cannot be %s, by features.numeric, categorical, text or cyclic; change them or the rule", r.Field, kind)
		}
	}
	return nil
}

// Idle reports whether nothing is to be done. sources says whether events name their source.
func (c *Config) Idle(sources bool) bool {
	return len(c.Rules) == 0 && c.MaxDuplicates == 1 && c.ClipQuantile == 0 && !c.Watch && !sources
}
