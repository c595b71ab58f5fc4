package configs

import (
	"reflect"
	"strings"

	"github.com/agext/levenshtein"
)

// key is one setting: the path of a leaf of the configuration struct. The name
// of a map entry stands in it as "*".
type key struct {
	path string
	typ  reflect.Type
}

// keys are the settings that exist, in the order of their declaration.
type keys []key

// keysOf lists the leaves of t by their koanf tags. A field without a tag is
// no setting.
func keysOf(t reflect.Type) keys { return appendKeys(nil, t, "") }

func appendKeys(out keys, t reflect.Type, path string) keys {
	switch {
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, option, _ := strings.Cut(f.Tag.Get("koanf"), ",")
			switch {
			case option == "squash":
				out = appendKeys(out, f.Type, path)
			case name != "" && name != "-":
				out = appendKeys(out, f.Type, join(path, name))
			}
		}
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		out = appendKeys(out, t.Elem(), join(path, "*"))
	default:
		out = append(out, key{path, t})
	}
	return out
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// find returns the key that a concrete path names.
func (ks keys) find(path string) (key, bool) {
	for _, k := range ks {
		if matches(k.path, path) {
			return k, true
		}
	}
	return key{}, false
}

// inner reports whether path names a group of settings.
func (ks keys) inner(path string) bool {
	n := strings.Count(path, ".") + 1
	for _, k := range ks {
		if parts := strings.Split(k.path, "."); len(parts) > n && matches(strings.Join(parts[:n], "."), path) {
			return true
		}
	}
	return false
}

// matches reports whether path is pattern with names in place of the "*".
func matches(pattern, path string) bool {
	for {
		p, pRest, pMore := strings.Cut(pattern, ".")
		n, nRest, nMore := strings.Cut(path, ".")
		if p != "*" && p != n || pMore != nMore {
			return false
		}
		if !pMore {
			return true
		}
		pattern, path = pRest, nRest
	}
}

// nearest returns the existing path that looks most like a wrong one, or "".
func (ks keys) nearest(path string) string {
	parts := strings.Split(path, ".")
	best, score := "", 0.55
	for _, k := range ks {
		candidate := named(k.path, parts)
		s := levenshtein.Match(path, candidate, nil)
		parent, last := splitLast(candidate)
		wrongParent, wrongLast := splitLast(path)
		switch {
		case parent == wrongParent && (strings.HasSuffix(wrongLast, "_"+last) || strings.HasSuffix(last, "_"+wrongLast)):
			s = max(s, 0.99) // learning_rate for rate
		case last == wrongLast:
			s = max(s, 0.9) // the right name in the wrong group
		}
		if s > score {
			best, score = candidate, s
		}
	}
	return best
}

func splitLast(path string) (parent, last string) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:]
}

// named puts the names of a concrete path in place of the "*" of a pattern.
func named(pattern string, parts []string) string {
	out := strings.Split(pattern, ".")
	for i, p := range out {
		if p == "*" && i < len(parts) {
			out[i] = parts[i]
		}
	}
	return strings.Join(out, ".")
}

// nearestName returns the allowed name that looks most like a wrong one, or "".
func nearestName(name string, allowed []string) string {
	best, score := "", 0.55
	for _, a := range allowed {
		if s := levenshtein.Match(name, a, nil); s > score {
			best, score = a, s
		}
	}
	return best
}
