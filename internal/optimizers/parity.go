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
// (test/train-sets/ref of its repository; those of NAG by version 9.11.2), and those that
// River's documentation prints for its scaler and regressions, or that River printed here.
// Where it says that a probability is 0.5, River takes the negative class.
func parities() []parity {
	set := func(values ...string) []string {
		var out []string
		for _, v := range values {
			out = append(out, "--set", v)
		}
		return out
	}
	vw := func(name, file string, want float64, values ...string) parity {
		return parity{
			learner: "Vowpal Wabbit " + name, set: "VW " + file, file: "vw/" + file + ".dat",
			flags: set(append([]string{"learner.compat=vw"}, values...)...), figure: loss, digits: 6, want: want,
		}
	}
	river := func(name, file, label string, f figure, digits int, want float64, values ...string) parity {
		return parity{
			learner: "River", set: name, file: "streams/" + file,
			flags:  append([]string{"--label", label}, set(append([]string{"guard.enabled=false", "learner.compat=river"}, values...)...)...),
			figure: f, digits: digits, want: want,
		}
	}
	const rate, above = "learner.rate=0.005", "metrics.threshold=0.5000001"
	return []parity{
		vw("(NAG)", "0001", 0.195759),
		vw("(NAG)", "0002", 0.003499),
		vw("--invariant", "0002", 0.003382, "learner.optimizer=sgd", "learner.rate=10", "learner.power=0.5"),
		vw("--coin", "0001", 0.193569, "learner.optimizer=coin"),
		vw("--coin", "0002", 0.004100, "learner.optimizer=coin"),
		vw("--ftrl", "0001", 0.379717, "learner.optimizer=ftrl", "learner.rate=0.01", "learner.beta=0", "learner.l1=2"),
		river("Elec2", "elec2_8feat.txt.gz", "class", accuracy, 16, 0.8221442443502824, rate, above, "source.positive=0"),
		river("Elec2", "elec2_8feat.txt.gz", "class", f1, 16, 0.7770862722319033, rate, above, "source.positive=0"),
		river("phishing", "phishing_1250.csv.gz", "is_phishing", accuracy, 4, 0.8872, rate, above),
		river("phishing", "phishing_1250.csv.gz", "is_phishing", f1, 6, 0.871233, rate, above),
		river("Trump approval", "trump_approval.csv.gz", "five_thirty_eight", mae, 12, 1.3145482000473065),
		river("chick weights", "chick-weights.csv", "weight", mae, 4, 23.7587),
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
