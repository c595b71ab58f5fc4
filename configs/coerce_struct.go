package configs

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// coerceStruct takes a group of settings that is an element of a list.
func coerceStruct(t reflect.Type, v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("must be a group of settings in braces: {%s: ...}", strings.Join(names(t), ": ..., "))
	}
	out := reflect.New(t).Elem()
	for _, k := range slices.Sorted(maps.Keys(m)) {
		i := slices.Index(names(t), k)
		if i < 0 {
			return nil, fmt.Errorf("has no key %q: it has %s", k, strings.Join(names(t), ", "))
		}
		x, err := coerce(t.Field(i).Type, m[k])
		if err != nil {
			return nil, fmt.Errorf("has %s: %v, which %w", k, m[k], err)
		}
		out.Field(i).Set(reflect.ValueOf(x))
	}
	return out.Interface(), nil
}

// names are the keys of a group without groups inside.
func names(t reflect.Type) []string {
	out := make([]string, t.NumField())
	for i := range out {
		out[i] = t.Field(i).Tag.Get("koanf")
	}
	return out
}

// coerceMap takes names with values of one type.
func coerceMap(t reflect.Type, v any) (any, error) {
	out := reflect.MakeMap(t)
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		return nil, fmt.Errorf("must be names with values in braces: {name: value}")
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		x, err := coerce(t.Elem(), m[k])
		if err != nil {
			return nil, fmt.Errorf("has %s: %v, which %w", k, m[k], err)
		}
		out.SetMapIndex(reflect.ValueOf(k), reflect.ValueOf(x))
	}
	return out.Interface(), nil
}
