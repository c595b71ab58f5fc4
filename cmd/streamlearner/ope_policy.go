package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/offpolicy"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// candidateSpec is one --policy, with what was loaded for it.
type candidateSpec struct {
	name, kind, arg string
	published       *bandit.Policy
	schema          event.Schema   // of a published policy: how it reads the context
	config          *configs.Model // of one that learns
}

// parseCandidate splits [NAME=]KIND[:ARGUMENT].
func parseCandidate(spec string) (candidateSpec, error) {
	name, rest := spec, spec
	if before, after, ok := strings.Cut(spec, "="); ok && !strings.Contains(before, ":") {
		name, rest = before, after
	}
	kind, arg, _ := strings.Cut(rest, ":")
	c := candidateSpec{name: name, kind: kind, arg: arg}
	wants, known := map[string]bool{ // whether there must be an argument
		"logged": false, "uniform": false, "always": true, "column": true, "model": true, "file": true, "config": arg != "",
	}[kind]
	switch {
	case !known:
		return c, fmt.Errorf("--policy %s: must be logged, uniform, always:ARM, column:FIELD, model:MODEL/PARTITION[@VERSION], file:PATH or config[:PATH]", spec)
	case name == "":
		return c, fmt.Errorf("--policy %s: the name before = is empty", spec)
	case wants && arg == "":
		return c, fmt.Errorf("--policy %s: %s needs an argument", spec, kind)
	case !wants && arg != "":
		return c, fmt.Errorf("--policy %s: %s takes no argument", spec, kind)
	}
	return c, nil
}

// candidates returns all candidates, the logged policy first, with what those need that are bandits.
func (in *opeInput) candidates(ctx context.Context) ([]candidateSpec, error) {
	specs := slices.Clone(in.policies)
	if in.targetProb != "" {
		specs = append([]string{"target=column:" + in.targetProb}, specs...)
	}
	out := []candidateSpec{{name: "logged", kind: "logged"}}
	for _, spec := range specs {
		c, err := parseCandidate(spec)
		if err != nil {
			return nil, usageError(err)
		}
		if c.kind == "logged" {
			out[0].name = c.name
			continue
		}
		if err := in.load(ctx, &c); err != nil {
			return nil, fmt.Errorf("--policy %s: %w", spec, err)
		}
		out = append(out, c)
	}
	for i, c := range out {
		if slices.ContainsFunc(out[:i], func(o candidateSpec) bool { return o.name == c.name }) {
			return nil, usageError(fmt.Errorf("--policy: two candidates are named %s: give them names, as in --policy NAME=%s", c.name, c.kind))
		}
	}
	return out, nil
}

// load reads the bandit of a candidate.
func (in *opeInput) load(ctx context.Context, c *candidateSpec) error {
	switch c.kind {
	case "model":
		return in.loadPublished(ctx, c)
	case "file":
		data, err := os.ReadFile(c.arg)
		if err != nil {
			return usageError(err)
		}
		x, err := state.ParseExport(data)
		if err != nil {
			return fmt.Errorf("%s: %w", c.arg, err)
		}
		return c.take(x)
	case "config":
		path, model, _ := strings.Cut(c.arg, "#")
		if path == "" {
			if path, model = in.file, in.model; path == "" {
				return usageError(errors.New("needs -c FILE, or the file itself: config:PATH"))
			}
		}
		m, err := banditOf(path, model)
		if err != nil {
			return usageError(err)
		}
		c.config = &m
	}
	return nil
}

// loadPublished reads a bandit from Redis.
func (in *opeInput) loadPublished(ctx context.Context, c *candidateSpec) error {
	name, version, _ := strings.Cut(c.arg, "@")
	k, err := state.ParseKey(name)
	if err != nil {
		return usageError(err)
	}
	store, _, err := in.store()
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // only read
	if version == "" {
		s, _, err := store.State(ctx, k)
		if err != nil {
			return err
		}
		if s.Current == nil {
			return errors.New("nothing is published yet: no version has been proven")
		}
		version = fmt.Sprint(s.Current.Number)
	}
	x, err := readExport(ctx, store, k, versionRef{name: version})
	if err != nil {
		return err
	}
	return c.take(x)
}

// take makes the candidate the bandit of an export.
func (c *candidateSpec) take(x *state.Export) error {
	parts := make([][]byte, len(x.Blobs))
	for i := range x.Blobs {
		parts[i] = x.Blobs[i].Data
	}
	if state.IsManifest(parts[0]) {
		parts = parts[1:]
	}
	m, kind, err := catalog.Open(parts[0], parts[1:]...)
	if err != nil {
		return err
	}
	if _, ok := m.(*bandit.Model); !ok {
		return fmt.Errorf("the model is of the kind %s and no bandit", kind)
	}
	whole, err := m.AppendBinary(nil)
	if err != nil {
		return err
	}
	if c.published, err = bandit.OpenPolicy(whole); err != nil {
		return err
	}
	if len(x.Schema) == 0 {
		return errors.New("the version was published without a schema, so that nobody knows how it reads the context")
	}
	l, err := event.ParseLayout(x.Schema)
	c.schema = l.Schema
	return err
}

// arms are those that the candidate chooses among; nil when it takes those of the log.
func (c *candidateSpec) arms() []string {
	switch {
	case c.published != nil:
		return c.published.Arms()
	case c.config != nil:
		return c.config.Learner.Bandit.Arms
	}
	return nil
}

// complete reports whether the candidate is sure to give the probabilities of all actions.
func (c *candidateSpec) complete() bool {
	return c.kind != "logged" && (c.kind != "column" || strings.HasSuffix(c.arg, "*"))
}

// needsArms reports whether the actions must be known.
func (c *candidateSpec) needsArms() bool { return c.complete() }

// policy makes the candidate.
func (c *candidateSpec) policy(l *opeLog) (offpolicy.Policy, error) {
	switch c.kind {
	case "logged":
		return offpolicy.Logged{}, nil
	case "uniform":
		return offpolicy.Uniform(l.arms)
	case "always":
		return offpolicy.Always(l.arms, c.arg)
	case "column":
		return offpolicy.NewColumn(l.format, l.arms, c.arg)
	case "config":
		m, err := bandit.New(c.config.Learner.Bandit)
		if err != nil {
			return nil, err
		}
		return offpolicy.Learning(m, l.layout(c.config.Schema()), l.arms)
	default:
		return offpolicy.Published(c.published, l.layout(c.schema), l.arms)
	}
}
