package join

import (
	"fmt"
	"slices"
	"strings"
)

// Reducer makes one reward of several.
type Reducer string

// The reducers. First and Last are by the time of the rewards.
const (
	First Reducer = "first"
	Last  Reducer = "last"
	Sum   Reducer = "sum"
	Mean  Reducer = "mean"
	Min   Reducer = "min"
	Max   Reducer = "max"
)

// Reducers lists all reducers.
func Reducers() []Reducer { return []Reducer{First, Last, Sum, Mean, Min, Max} }

// MaxRewards is how many rewards of one decision are kept; what comes beyond is dropped and counted.
const MaxRewards = 1024

// Config says how decisions and rewards are joined. Times are in milliseconds.
type Config struct {
	// Window is how long after its decision a reward counts. At least 1.
	Window int64
	// Lateness is how far behind the newest event time a record may come without being late.
	Lateness int64
	// Keep is how long after its close, in event time, a decision is remembered.
	Keep int64
	// Correct says that late rewards of remembered decisions are taken, to
	// correct what was learned. Else only their ids are remembered.
	Correct bool
	// Reducer makes one reward of those of a decision.
	Reducer Reducer
	// Hidden says that a decision counts as never shown until an activation says
	// otherwise. Else it counts as shown unless it says so itself.
	Hidden bool
	// MaxOpen is how many decisions may be open, those included that rewards wait
	// for, and how many are remembered. At least 1. Fewer are where their ids, values
	// and rewards have more than 256 MiB together.
	MaxOpen int
}

// Validate returns an error that names the field, the value and what is allowed.
func (c *Config) Validate() error {
	switch {
	case c.Window < 1:
		return fmt.Errorf("window: %d ms: must be at least 1", c.Window)
	case c.Lateness < 0:
		return fmt.Errorf("lateness: %d ms: must not be negative", c.Lateness)
	case c.Keep < 0:
		return fmt.Errorf("keep: %d ms: must not be negative", c.Keep)
	case c.MaxOpen < 1:
		return fmt.Errorf("max_open: %d: must be at least 1 decision", c.MaxOpen)
	case c.Window > maxSpan || c.Lateness > maxSpan || c.Keep > maxSpan:
		return fmt.Errorf("window: %d ms, lateness: %d ms, keep: %d ms: none may be longer than ten years", c.Window, c.Lateness, c.Keep)
	case !slices.Contains(Reducers(), c.Reducer):
		return fmt.Errorf("reducer: %q: must be one of %s", c.Reducer, names())
	}
	return nil
}

// maxSpan keeps sums of times far from the ends of an int64.
const maxSpan = 3660 * 24 * 3600 * 1000

func names() string {
	var out []string
	for _, r := range Reducers() {
		out = append(out, string(r))
	}
	return strings.Join(out, ", ")
}

// reduce returns one reward for those given, in the order of their times; there is one at least.
func (r Reducer) reduce(rewards []reward) float64 {
	v := rewards[0].value
	switch r {
	case First:
	case Last:
		v = rewards[len(rewards)-1].value
	case Sum, Mean:
		for _, x := range rewards[1:] {
			v += x.value
		}
		if r == Mean {
			v = mean(v, rewards)
		}
	case Min:
		for _, x := range rewards[1:] {
			v = min(v, x.value)
		}
	case Max:
		for _, x := range rewards[1:] {
			v = max(v, x.value)
		}
	}
	return v
}

// mean returns the mean of rewards with that sum. It is finite, also where the sum is not.
func mean(sum float64, rewards []reward) float64 {
	n := float64(len(rewards))
	if sum-sum == 0 {
		return sum / n
	}
	m := 0.0
	for _, x := range rewards {
		m += x.value / n
	}
	return m
}
