package optimizers

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// parity is a figure that another learner prints, and the settings that give it.
type parity struct {
	learner, set, file string
	flags              []string
	figure             figure
	digits             int // after the point, that are compared
	want               float64
}

// Parity is a parity with what replay found.
type Parity struct {
	parity
	got float64
}

// parities returns the figures that Vowpal Wabbit prints for its own test files
// (test/train-sets/ref of its repository; those of NAG by version 9.11.2).
func parities() []parity {
	vw := func(name, file string, want float64, flags ...string) parity {
		flags = append([]string{"--set", "learner.compat=vw"}, flags...)
		return parity{learner: "Vowpal Wabbit " + name, set: "VW " + file, file: "vw/" + file + ".dat", flags: flags, figure: loss, digits: 6, want: want}
	}
	set := func(values ...string) []string {
		var out []string
		for _, v := range values {
			out = append(out, "--set", v)
		}
		return out
	}
	return []parity{
		vw("(NAG)", "0001", 0.195759),
		vw("(NAG)", "0002", 0.003499),
		vw("--invariant", "0002", 0.003382, set("learner.optimizer=sgd", "learner.rate=10", "learner.power=0.5")...),
		vw("--coin", "0001", 0.193569, set("learner.optimizer=coin")...),
		vw("--coin", "0002", 0.004100, set("learner.optimizer=coin")...),
		vw("--ftrl", "0001", 0.379717, set("learner.optimizer=ftrl", "learner.rate=0.01", "learner.beta=0", "learner.l1=2")...),
	}
}

// Parities replays the settings that give what other learners print.
func Parities(replay Replay, data string) ([]Parity, error) {
	var out []Parity
	for _, p := range parities() {
		got, err := p.replay(replay, data)
		if err != nil {
			return nil, fmt.Errorf("replay %s %s: %w", strings.Join(p.flags, " "), p.file, err)
		}
		out = append(out, Parity{p, got})
	}
	return out, nil
}

func (p *parity) replay(replay Replay, data string) (float64, error) {
	list, err := read(replay, append(slices.Clone(p.flags), filepath.Join(data, filepath.FromSlash(p.file))))
	if err != nil {
		return 0, err
	}
	v, ok := list[0].figures()[p.figure.key]
	if !ok {
		return 0, fmt.Errorf("there is no %s", p.figure.key)
	}
	return v, nil
}

// Holds reports whether all digits are equal.
func (p *Parity) Holds() bool { return p.show(p.got) == p.show(p.want) }

func (p *Parity) show(v float64) string { return fmt.Sprintf("%.*f", p.digits, v) }
