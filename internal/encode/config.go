package encode

import "fmt"

// Config holds the settings of the encodings, a part of the section "features".
type Config struct {
	// Prior is how many events the mean label of all events counts for in the mean of
	// a category: (n mean + prior overall) / (n + prior). Default 20.
	Prior float64 `koanf:"target_prior"`
	// HalfLife is the number of learned events after which an event counts half in
	// means and counts. 0 (default): events count for ever.
	HalfLife float64 `koanf:"target_half_life"`
	// Bits sets the number of categories that are told apart, 2^bits; 1 to 24, default
	// 16. Categories that share a cell share their statistics. A cell takes 24 bytes,
	// and as much again in each of the guard's two references.
	Bits int `koanf:"target_bits"`
	// MinCount is how often a sparse feature has to come before it is learned: it is
	// left out of the first MinCount-1 events that have it. At most 255. 0 and 1 learn all.
	MinCount int `koanf:"min_count"`
	// ExpireAfter drops the weights of features that were in none of so many learned
	// events. 0 (default) keeps them.
	ExpireAfter uint64 `koanf:"expire_after"`
}

// Default returns the settings of target encodings that need no tuning on most streams.
func Default() Config { return Config{Prior: 20, Bits: 16} }

// maxBits bounds the table at 384 MiB.
const maxBits = 24

// maxExpire bounds ExpireAfter, so that sums of event numbers cannot overflow.
const maxExpire = 1 << 40

// Validate reports the first key that has a value which is not allowed.
func (c Config) Validate() error {
	switch {
	case !(c.Prior >= 0 && c.Prior <= 1e9):
		return fmt.Errorf("features.target_prior: %v: must be a number of events from 0 to 1e9", c.Prior)
	case c.HalfLife != 0 && !(c.HalfLife >= 1 && c.HalfLife <= 1e12):
		return fmt.Errorf("features.target_half_life: %v: must be a number of events from 1 to 1e12, or 0 for none", c.HalfLife)
	case c.Bits < 1 || c.Bits > maxBits:
		return fmt.Errorf("features.target_bits: %d: must be between 1 and %d", c.Bits, maxBits)
	case c.MinCount < 0 || c.MinCount > 255:
		return fmt.Errorf("features.min_count: %d: must be between 0 and 255; 0 and 1 learn every feature", c.MinCount)
	case c.ExpireAfter > maxExpire:
		return fmt.Errorf("features.expire_after: %d: must be at most %d events, or 0 for never", c.ExpireAfter, uint64(maxExpire))
	}
	return nil
}

// Resolve returns the settings as they act: without any field to encode there is no
// table. categories says whether there are such fields.
func (c Config) Resolve(categories bool) Config {
	if !categories {
		c.Prior, c.HalfLife, c.Bits = 0, 0, 0
	}
	if c.MinCount == 1 {
		c.MinCount = 0
	}
	return c
}

// Idle reports whether resolved settings change nothing, so that no Model is needed.
func (c Config) Idle() bool { return c.Bits == 0 && c.MinCount == 0 && c.ExpireAfter == 0 }

// compatible says which key makes the state under q useless under c.
func (c Config) compatible(q Config) error {
	for _, k := range []struct {
		key        string
		have, want any
	}{
		{"target_prior", q.Prior, c.Prior},
		{"target_half_life", q.HalfLife, c.HalfLife},
		{"target_bits", q.Bits, c.Bits},
		{"min_count", q.MinCount, c.MinCount},
		{"expire_after", q.ExpireAfter, c.ExpireAfter},
	} {
		if k.have != k.want {
			return fmt.Errorf("it was learned with features.%s %v, the configuration has %v", k.key, k.have, k.want)
		}
	}
	return nil
}
