package bandit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/streamlearner/streamlearner/internal/ope"
	"github.com/streamlearner/streamlearner/internal/portable"
	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/event"
)

// RewardMetric is the metric of a GuardRail that is the reward itself.
const RewardMetric = "reward"

// The values of GuardRail.Worse.
const (
	HigherIsWorse = "higher"
	LowerIsWorse  = "lower"
)

// GuardRail takes out an arm that is proven to be worse than the baseline by more than a margin.
type GuardRail struct {
	// Metric is reward, or the field of a number that decisions or rewards carry beside it, such as latency_ms.
	Metric string `koanf:"metric"`
	// Worse is higher or lower. Default lower for the reward; every other metric must say it.
	Worse string `koanf:"worse"`
	// Min and Max are the range of a metric; values outside count as the nearest end of it. Of the reward both are 0, and mean
	// RewardMin and RewardMax. The wider the range, the more events a proof takes.
	Min float64 `koanf:"min"`
	Max float64 `koanf:"max"`
	// Margin is by how much an arm may be worse: a number in the unit of the metric, as in "0.01", or a share of the mean of
	// the baseline, as in "5%". Default 0.
	Margin string `koanf:"margin"`
	// Alpha is the probability that the rail ever takes out an arm that is no worse than that. Default 0.001.
	Alpha float64 `koanf:"alpha"`
}

const defaultAlpha = 0.001

// String renders the rail as it is configured.
func (g GuardRail) String() string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return fmt.Sprintf("{metric: %q, worse: %q, min: %s, max: %s, margin: %q, alpha: %s}", g.Metric, g.Worse, number(g.Min), number(g.Max), g.Margin, number(g.Alpha))
}

// margin reads Margin.
func (g *GuardRail) margin() (v float64, relative bool, err error) {
	text, relative := strings.CutSuffix(strings.TrimSpace(g.Margin), "%")
	if text != "" || relative {
		v, err = strconv.ParseFloat(strings.TrimSpace(text), 64)
	}
	if err != nil || !(v >= 0 && v <= 1e50) {
		return 0, false, fmt.Errorf("margin %q: must be a number that is not negative, in the unit of the metric, or a share of the mean of the baseline such as 5%%", g.Margin)
	}
	if relative {
		v /= 100
	}
	return v, relative, nil
}

// worse returns Worse, or what it is by default.
func (g *GuardRail) worse() string {
	if g.Worse == "" && g.Metric == RewardMetric {
		return LowerIsWorse
	}
	return g.Worse
}

func (g *GuardRail) alpha() float64 {
	if g.Alpha == 0 {
		return defaultAlpha
	}
	return g.Alpha
}

// ends returns the range of the values.
func (g *GuardRail) ends(c *Config) (low, high float64) {
	if g.Metric == RewardMetric {
		return c.RewardMin, c.RewardMax
	}
	return g.Min, g.Max
}

func (g *GuardRail) validate(c *Config) error {
	low, high := g.ends(c)
	margin, relative, err := g.margin()
	switch {
	case g.Metric == "" || strings.Contains(g.Metric, "*"):
		return fmt.Errorf("metric %q: must be reward, or name one field", g.Metric)
	case g.worse() != HigherIsWorse && g.worse() != LowerIsWorse:
		return fmt.Errorf("worse %q: must be higher or lower", g.Worse)
	case g.Metric == RewardMetric && (g.Min != 0 || g.Max != 0):
		return fmt.Errorf("min %v, max %v: leave both out for the reward, whose range is learner.bandit.reward_min to reward_max", g.Min, g.Max)
	case !(low < high && low >= -1e50 && high <= 1e50):
		return fmt.Errorf("max %v: must be above min, which is %v: the largest value that is told apart; larger ones count as it", g.Max, g.Min)
	case err != nil:
		return err
	case relative && low < 0:
		return fmt.Errorf("margin %q: must be in the unit of the metric, whose values may be below 0", g.Margin)
	case relative && g.worse() == LowerIsWorse && margin >= 1, !relative && margin >= high-low:
		return fmt.Errorf("margin %q: no arm can be worse by more; values are from %v to %v", g.Margin, low, high)
	case !(g.alpha() > 0 && g.alpha() <= 0.5):
		return fmt.Errorf("alpha %v: must be above 0 and at most 0.5", g.Alpha)
	}
	return nil
}

func (c *Config) validateGuardRails() error {
	if n := len(c.GuardRails); n > maxGuardRails {
		return fmt.Errorf("learner.bandit.guard_rails: %d rails: at most %d", n, maxGuardRails)
	}
	for i := range c.GuardRails {
		g := &c.GuardRails[i]
		if err := g.validate(c); err != nil {
			return fmt.Errorf("learner.bandit.guard_rails: %v: %w", g, err)
		}
		if slices.ContainsFunc(c.GuardRails[:i], func(o GuardRail) bool { return o.Metric == g.Metric }) {
			return fmt.Errorf("learner.bandit.guard_rails: %q is guarded twice", g.Metric)
		}
		if c.contextual() {
			return fmt.Errorf("learner.bandit.guard_rails: must be empty with policy %s: arms are chosen in different contexts there, so that their means do not compare; use thompson, normal, ucb1 or klucb", c.Policy)
		}
	}
	return nil
}

// maxGuardRails is the reward and event.MaxMetrics fields.
const maxGuardRails = event.MaxMetrics + 1

// Metrics returns the fields of records that guard rails need, beside the reward.
func (c *Config) Metrics() (out []string) {
	for i := range c.GuardRails {
		if m := c.GuardRails[i].Metric; m != RewardMetric {
			out = append(out, m)
		}
	}
	return out
}

// guard is a rail as it acts. Values are on [0, 1], and the larger the worse.
type guard struct {
	metric    string
	name      uint64 // see event.Metric
	reward    bool
	lower     bool // lower values are worse
	low, span float64
	alpha     float64
	bound     ope.Bound // the mean that an arm may have, by that of the baseline
	threshold float64   // of the log of the evidence
}

// guards returns the rails of a valid configuration.
func (c *Config) guards() []guard {
	out := make([]guard, len(c.GuardRails))
	for i := range c.GuardRails {
		r := &c.GuardRails[i]
		low, high := r.ends(c)
		margin, relative, _ := r.margin() // it is valid
		g := guard{
			metric: r.Metric, name: event.MetricName(r.Metric), reward: r.Metric == RewardMetric, lower: r.worse() == LowerIsWorse,
			low: low, span: high - low, alpha: r.alpha(), threshold: -portable.Log(r.alpha()),
		}
		switch {
		case !relative:
			g.bound = ope.Bound{Scale: 1, Shift: margin / g.span}
		case g.lower: // 1 - (1 - margin) v, on the scale
			g.bound = ope.Bound{Scale: 1 - margin, Shift: margin + float64(margin*low)/g.span}
		default:
			g.bound = ope.Bound{Scale: 1 + margin, Shift: float64(margin*low) / g.span}
		}
		out[i] = g
	}
	return out
}

// Watched is what a guard rail knows of an arm.
type Watched struct {
	ope.Total // of its values: 0 is the best of the range, 1 the worst
	Absent    uint64
	Clipped   uint64 // values outside of the range
}

// take takes the value of an event.
func (w *Watched) take(g *guard, e *event.Event) {
	v, ok := e.Label, true
	if !g.reward {
		v, ok = e.Metric(g.name)
	}
	if !ok || !finite(v) {
		w.Absent++
		return
	}
	x := (v - g.low) / g.span
	if !(x >= 0 && x <= 1) {
		w.Clipped++
		x = min(1, max(0, x))
	}
	if g.lower {
		x = 1 - x
	}
	w.Add(x)
}

// value returns a mean on the scale of a rail in the unit of the metric.
func (g *guard) value(x float64) float64 {
	if g.lower {
		x = 1 - x
	}
	return g.low + float64(x*g.span)
}

// harmful lets the guard rails look at the event of an arm that was learned. It takes the arm out if it is
// worse than a rail allows, as if an operator had removed it, and says why. The test holds at any time
// (ope.LogAbove), so that it may look after every event. It compares sums since the arms were added, and so takes
// the mean of an arm to be the same at all times; a half-life or window does not shorten it.
func (t *arms) harmful(e *event.Event, guards []guard, c *Config) (why string) {
	a := &t.list[e.Arm]
	for i := range guards {
		a.Rails[i].take(&guards[i], e)
	}
	if len(guards) == 0 || t.baseline < 0 || e.Arm == t.baseline || !a.open() {
		return ""
	}
	base := &t.list[t.baseline]
	for i := range guards {
		g, arm, other := &guards[i], &a.Rails[i], &base.Rails[i]
		evidence, proven := ope.ProvenAbove(arm.Total, other.Total, g.bound, g.threshold)
		if !proven {
			continue
		}
		a.Status, a.Until, a.Out = ArmDraining, later(t.newest, c.Drain.Milliseconds()), g.metric
		return fmt.Sprintf("arm %q does harm: mean %s %.4g in %.0f events, %.4g in %.0f of the baseline %q; evidence (an e-value) %.4g, proof from %.4g on",
			a.Name, g.metric, g.value(arm.Mean()), arm.N, g.value(other.Mean()), other.N, base.Name, portable.Exp(min(evidence, 700)), 1/g.alpha)
	}
	return ""
}

// Harm says which arm the event that was learned last has proven harmful, so that it was taken out, and why; empty for
// none.
func (m *Model) Harm() (arm, why string) { return m.harmed, m.harm }

// keepRails gives the arms of a table, which was written under stored settings, the rails of c. What is known of a metric stays
// as long as its range and direction do.
func (t *arms) keepRails(c, stored *Config) {
	from := make([]int, len(c.GuardRails))
	for i := range from {
		g := &c.GuardRails[i]
		from[i] = slices.IndexFunc(stored.GuardRails, func(o GuardRail) bool {
			return o.Metric == g.Metric && o.worse() == g.worse() && o.Min == g.Min && o.Max == g.Max
		})
	}
	for i := range t.list {
		a := &t.list[i]
		rails := make([]Watched, len(from))
		for k, j := range from {
			if j >= 0 {
				rails[k] = a.Rails[j]
			}
		}
		a.Rails = rails
	}
}

// addWatched adds what another learner knows of the arm, from other events.
func (a *Arm) addWatched(o *Arm) {
	a.Could, a.Chosen, a.Inverse = a.Could+o.Could, a.Chosen+o.Chosen, min(mostEvidence, a.Inverse+o.Inverse)
	for k := range a.Rails {
		w, more := &a.Rails[k], &o.Rails[k]
		w.Merge(more.Total)
		w.Absent, w.Clipped = w.Absent+more.Absent, w.Clipped+more.Clipped
	}
}

// mostWatched bounds the numbers of a rail in encoded tables.
const mostWatched = 1 << 53

func (w *Watched) append(b []byte) []byte {
	b = wire.AppendFloat64(wire.AppendFloat64(wire.AppendFloat64(b, w.N), w.Sum), w.Squares)
	return wire.AppendUvarint(wire.AppendUvarint(b, w.Absent), w.Clipped)
}

// readRails reads what guard rails know of an arm.
func readRails(r *wire.Reader) []Watched {
	n := r.Count(26)
	if n > maxGuardRails {
		r.Fail("%d guard rails, at most %d", n, maxGuardRails)
		return nil
	}
	out := make([]Watched, n)
	for i := range out {
		w := &out[i]
		w.N, w.Sum, w.Squares = r.Finite(), r.Finite(), r.Finite()
		w.Absent, w.Clipped = r.Uvarint(), r.Uvarint()
		if r.Err() == nil && !w.plausible() {
			r.Fail("guard rail %d has seen %v values of sum %v and squares %v", i, w.N, w.Sum, w.Squares)
		}
	}
	return out
}

// hasRails reports whether every arm has so many guard rails.
func (t *arms) hasRails(n int) bool {
	return !slices.ContainsFunc(t.list, func(a Arm) bool { return len(a.Rails) != n })
}

// plausible reports whether numbers can be those of values in [0, 1].
func (w *Watched) plausible() bool {
	return w.N >= 0 && w.N <= mostWatched && w.N == math.Trunc(w.N) && w.Sum >= 0 && w.Sum <= w.N && w.Squares >= 0 && w.Squares <= w.N
}
