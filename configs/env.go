package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const envPrefix = "STREAMLEARNER_"

// WhoVariable names who gives orders on the command line. It is no setting.
const WhoVariable = "STREAMLEARNER_WHO"

// serviceLink matches the variables that Kubernetes sets in every container
// for a service called streamlearner.
var serviceLink = regexp.MustCompile(`^([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)$`)

// environment takes the variables that begin with STREAMLEARNER_, in
// alphabetical order. Underscores stand for dots and for themselves, so a
// name is looked up among the names that the existing keys have.
func (l *loader) environment(env []string, sets []assignment) {
	models := l.models()
	for _, a := range sets {
		if parts := strings.Split(a.path, "."); parts[0] == "models" && len(parts) > 1 {
			models = append(models, parts[1])
		}
	}
	slices.Sort(models)
	models = slices.Compact(models)

	env = slices.Clone(env)
	slices.Sort(env)
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(name, envPrefix)
		if !ok || name == WhoVariable {
			continue
		}
		switch paths := l.envPaths(rest, models); {
		case len(paths) == 1:
			l.put(name, paths[0], value)
		case len(paths) > 1:
			l.fail(name, "", show(value), fmt.Sprintf("may mean %s; use --set", strings.Join(paths, " or ")))
		case serviceLink.MatchString(rest):
		default:
			l.unknownEnv(name, rest, models)
		}
	}
}

// envPaths returns the paths that a variable may mean: more than one only when
// two models have names that differ in "-" and "_" alone.
func (l *loader) envPaths(rest string, models []string) []string {
	for _, k := range l.keys {
		if envName(k.path) == rest {
			return []string{k.path}
		}
	}
	var known []string
	created, longest := "", 0
	for _, k := range l.keys {
		suffix, ok := strings.CutPrefix(k.path, "models.*.")
		if !ok {
			continue
		}
		middle, ok := strings.CutSuffix(rest, "_"+envName(suffix))
		if !ok {
			continue
		}
		name, ok := strings.CutPrefix(middle, "MODELS_")
		if !ok || name == "" {
			continue
		}
		for _, m := range models {
			if envName(m) == name {
				known = append(known, "models."+m+"."+suffix)
			}
		}
		if len(suffix) > longest {
			created, longest = "models."+strings.ToLower(name)+"."+suffix, len(suffix)
		}
	}
	switch {
	case len(known) > 0:
		return known
	case created != "":
		return []string{created}
	}
	return nil
}

func (l *loader) unknownEnv(name, rest string, models []string) {
	var names []string
	for _, k := range l.keys {
		if suffix, ok := strings.CutPrefix(k.path, "models.*."); ok {
			for _, m := range models {
				names = append(names, envName("models."+m+"."+suffix))
			}
			continue
		}
		names = append(names, envName(k.path))
	}
	detail := "there is no such key"
	if near := nearestName(rest, names); near != "" {
		detail += "; did you mean " + envPrefix + near + "?"
	}
	l.fail(name, "", "", detail)
}

// envName is the part of a variable's name that stands for a path.
func envName(path string) string {
	return strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}
