package sim

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"github.com/streamlearner/streamlearner/pkg/event"
)

// Classes is a data set of numbers with a class, which serves as a bandit: the
// arms are the classes, and the reward is 1 for the right one. The policy sees one bit a
// round, not the class.
type Classes struct {
	Names  []string // of the classes, sorted
	hashes []uint64
	rows   [][]float64
	class  []int
}

// ReadClasses reads CSV with a header; label names the column of the class.
func ReadClasses(r io.Reader, label string) (*Classes, error) {
	lines, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read classes: %w", err)
	}
	at := -1
	if len(lines) > 1 {
		at = slices.Index(lines[0], label)
	}
	if at < 0 {
		return nil, fmt.Errorf("read classes: no column %q, or no rows", label)
	}
	c := &Classes{}
	for i, name := range lines[0] {
		if i != at {
			c.hashes = append(c.hashes, xxhash.Sum64String(name))
		}
	}
	for _, line := range lines[1:] {
		c.Names = append(c.Names, line[at])
	}
	slices.Sort(c.Names)
	c.Names = slices.Compact(c.Names)
	for n, line := range lines[1:] {
		var row []float64
		for i, text := range line {
			if i == at {
				continue
			}
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("read classes: row %d, column %s: %w", n+1, lines[0][i], err)
			}
			row = append(row, v)
		}
		c.rows, c.class = append(c.rows, row), append(c.class, slices.Index(c.Names, line[at]))
	}
	return c, nil
}

// Len returns the number of rows.
func (c *Classes) Len() int { return len(c.rows) }

// Rounds returns the rows in the order of a seed.
func (c *Classes) Rounds(seed uint64) *ClassRounds {
	return &ClassRounds{set: c, order: rand.New(rand.NewPCG(seed, 0)).Perm(len(c.rows)), n: -1}
}

// ClassRounds goes once over a data set.
type ClassRounds struct {
	set   *Classes
	order []int
	n     int
}

// Context begins the next round: it resets e and fills its features.
func (r *ClassRounds) Context(e *event.Event) {
	e.Reset()
	r.n++
	for i, v := range r.set.rows[r.order[r.n]] {
		e.X.Dense = append(e.X.Dense, event.Feature{Hash: r.set.hashes[i], Value: v})
	}
}

// Reward returns 1 if the arm is the class of the row, else 0.
func (r *ClassRounds) Reward(arm int) float64 {
	if r.set.class[r.order[r.n]] == arm {
		return 1
	}
	return 0
}

// Best returns the largest expected reward of any arm in the round.
func (r *ClassRounds) Best() float64 { return 1 }

// Expected returns the expected reward of an arm in the round.
func (r *ClassRounds) Expected(arm int) float64 { return r.Reward(arm) }

// Rounds are those of a simulated bandit.
type Rounds interface {
	Context(e *event.Event)
	Reward(arm int) float64
	Expected(arm int) float64
	Best() float64
}

// Played is what a policy made of some rounds.
type Played struct {
	Reward float64 // mean reward
	Regret float64 // mean of the best arm's expected reward less that of the arm that was played
}

// Chooser is a bandit.
type Chooser interface {
	Distribution(e *event.Event, eligible []bool, dst []float64) []float64
	Learn(e *event.Event) event.Step
}

// Play lets a bandit decide n rounds and learn from each at once. Decisions are
// drawn by a hash of their number and of the seed, so that the same seed plays the same game.
func Play(m Chooser, rounds Rounds, n int, seed uint64) (Played, error) {
	var e event.Event
	var p []float64
	var out Played
	for i := range n {
		rounds.Context(&e)
		e.ID = strconv.AppendInt(strconv.AppendUint(e.ID[:0], seed, 10), -int64(i), 10)
		e.Time = int64(1+i) * 1000
		p = m.Distribution(&e, nil, p[:0])
		e.Arm = draw(p, float64(xxhash.Sum64(e.ID)>>11)/(1<<53))
		e.Prob, e.Label, e.Labelled = p[e.Arm], rounds.Reward(e.Arm), true
		if s := m.Learn(&e); s.Reject != nil {
			return out, fmt.Errorf("round %d: %w", i, s.Reject)
		}
		out.Reward += e.Label / float64(n)
		out.Regret += (rounds.Best() - rounds.Expected(e.Arm)) / float64(n)
	}
	return out, nil
}

// draw inverts the cumulative distribution of p at u.
func draw(p []float64, u float64) int {
	last, sum := 0, 0.0
	for i, v := range p {
		if v > 0 {
			last = i
		}
		if sum += v; u < sum {
			break
		}
	}
	return last
}
