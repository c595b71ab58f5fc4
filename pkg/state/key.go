package state

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ParseKey reads the text form of a key, "fraud/3".
func ParseKey(s string) (Key, error) {
	model, partition, found := strings.Cut(s, "/")
	n, err := strconv.ParseInt(partition, 10, 32)
	k := Key{Model: model, Partition: int32(n)}
	if !found || err != nil || k.String() != s {
		return Key{}, fmt.Errorf("%q names no partition of a model: write MODEL/PARTITION, as in fraud/3", s)
	}
	return k, k.Validate()
}

// Validate returns an error that says what is wrong with k.
func (k Key) Validate() error {
	if err := ValidateModel(k.Model); err != nil {
		return err
	}
	if k.Partition < 0 {
		return fmt.Errorf("partition %d of model %s: must not be negative", k.Partition, k.Model)
	}
	return nil
}

// ValidateModel returns an error unless name matches [a-z0-9_-]+. The name
// becomes a part of keys in the store, where braces and colons have a meaning.
func ValidateModel(name string) error {
	if name == "" {
		return fmt.Errorf("model name is empty: it must match [a-z0-9_-]+")
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return fmt.Errorf("model name %q: must match [a-z0-9_-]+", name)
		}
	}
	return nil
}

// ParseSum reads 64 hexadecimal digits.
func ParseSum(s string) (Sum, error) {
	var sum Sum
	if len(s) != 2*len(sum) {
		return Sum{}, fmt.Errorf("%q is no SHA-256: want %d hexadecimal digits", s, 2*len(sum))
	}
	if _, err := hex.Decode(sum[:], []byte(s)); err != nil {
		return Sum{}, fmt.Errorf("%q is no SHA-256: %w", s, err)
	}
	return sum, nil
}

// MarshalText writes s as 64 hexadecimal digits, in JSON too.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Sum) UnmarshalText(text []byte) error {
	sum, err := ParseSum(string(text))
	if err == nil {
		*s = sum
	}
	return err
}
