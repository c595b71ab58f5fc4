package optimizers

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Replay runs `streamlearner replay` with flags and files, and returns its
// standard output.
type Replay func(args ...string) ([]byte, error)

// Result is what came of a set.
type Result struct {
	Set    Set
	grid   outcome // by optimizer and scaling
	losses outcome // by loss
	alone  outcome // with the default configuration, guard and all, under no name
}

// outcome holds the figures of each configuration, under its settings.
type outcome map[string]map[string]float64

const (
	optimizerKey = "learner.optimizer"
	scalingKey   = "learner.standardize"
	lossKey      = "learner.loss"
)

// under joins the values of the settings that differ.
func under(values ...string) string { return strings.Join(values, " ") }

// Measure replays a set with all optimizers, with all losses, and with the
// default configuration, from files below the directory data.
func Measure(replay Replay, data string, s Set) (Result, error) {
	r := Result{Set: s}
	files, done, err := s.files(data)
	if err != nil {
		return r, fmt.Errorf("%s: %w", s.Name, err)
	}
	defer done()
	for _, pass := range []struct {
		into  *outcome
		flags []string
		keys  []string
	}{
		{&r.grid, s.grid(), []string{optimizerKey, scalingKey}},
		{&r.losses, s.lossGrid(), []string{lossKey}},
		{&r.alone, s.plain(), nil},
	} {
		*pass.into = outcome{}
		for _, file := range files {
			args := append(pass.flags, file)
			d, err := read(replay, args)
			if err == nil {
				err = pass.into.add(d, s.Events, pass.keys, len(files))
			}
			if err != nil {
				return r, fmt.Errorf("%s: replay %s: %w", s.Name, strings.Join(args, " "), err)
			}
		}
	}
	return r, nil
}

// configuration is what is read of what `replay --json` says of a configuration.
type configuration struct {
	Set     map[string]string          `json:"set"`
	Learned int                        `json:"learned"`
	Loss    *float64                   `json:"loss"`
	Metrics map[string]json.RawMessage `json:"metrics"`
	Freezes []json.RawMessage          `json:"freezes"`
}

// figures are the metrics that are numbers, and the loss.
func (c *configuration) figures() map[string]float64 {
	out := map[string]float64{freezes.key: float64(len(c.Freezes))}
	for key, raw := range c.Metrics {
		var v float64
		if json.Unmarshal(raw, &v) == nil { // others are no figures, such as the confusion of classes
			out[key] = v
		}
	}
	if c.Loss != nil {
		out[loss.key] = *c.Loss
	}
	return out
}

// read replays, and returns the configurations of the document that is printed.
func read(replay Replay, args []string) ([]configuration, error) {
	out, err := replay(append([]string{"--json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var d struct {
		configuration                  // of a document about one
		Configurations []configuration `json:"configurations"`
	}
	if err := json.Unmarshal(out, &d); err != nil {
		return nil, err
	}
	if len(d.Configurations) == 0 {
		return []configuration{d.configuration}, nil
	}
	return d.Configurations, nil
}

// add adds the nth part of the figures of configurations, whose settings of
// keys tell them apart.
func (o outcome) add(list []configuration, events int, keys []string, n int) error {
	for i := range list {
		c := &list[i]
		if c.Learned < events-events/100 {
			return fmt.Errorf("%v learned %d of %d events: figures over other events cannot be compared", c.Set, c.Learned, events)
		}
		values := make([]string, len(keys))
		for i, key := range keys {
			values[i] = c.Set[key]
		}
		at := under(values...)
		if o[at] == nil {
			o[at] = map[string]float64{}
		}
		for key, v := range c.figures() {
			o[at][key] += v / float64(n)
		}
	}
	return nil
}

// figure returns a figure of a configuration, as the document counts it, and
// whether there is one.
func (o outcome) figure(f figure, at string) (float64, bool) {
	v, ok := o[at][f.key]
	if f.rest {
		v = 1 - v
	}
	return v, ok
}

// best returns the best of a figure over all configurations, as it is shown.
func (o outcome) best(f figure) string {
	first, best := true, 0.0
	for _, at := range slices.Sorted(maps.Keys(o)) {
		if v, ok := o.figure(f, at); ok && (first || (v > best) == f.up && v != best) {
			first, best = false, v
		}
	}
	return fmt.Sprintf(f.format, best)
}
