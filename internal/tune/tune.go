package tune

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Candidate is a configuration to try. Two candidates whose Learner.Schema is
// equal are handed the same decoded events; their decoders must be alike.
type Candidate struct {
	Learner learner.Config
	// Start makes the learner, of Learner with the decoder that it is to have. Nil
	// makes one without history.
	Start  func(learner.Config) (*learner.Learner, error)
	Task   metric.Task
	Points metric.Points
}

// Options say how the candidates run and which of them to drop on the way.
type Options struct {
	Criterion Criterion // nil: the loss
	Workers   int       // 0: as many as processors
	Batch     int       // events that a learner takes in a row; 0: 1024, so that its weights are fetched into a processor's cache more rarely than events
	Rung      uint64    // successive halving after Rung, 2 Rung, 4 Rung, ... events; 0: off
	Alpha     float64   // racing, dropping the best one with at most this probability; 0: off
	Compare   bool      // keep what Results.Compare needs, without racing
}

// The causes of a Drop.
const (
	Halved  = "halving"  // in the worse half at a rung
	Raced   = "race"     // worse than the best one beyond doubt
	Refused = "rejected" // learned less than nine tenths of what another one has
)

// Drop tells when a candidate was dropped and why.
type Drop struct {
	Event uint64 // events that it was fed
	Cause string
}

// Result is what came of one candidate.
type Result struct {
	Candidate int // its index
	Account   *Account
	Report    metric.Report
	Score     *float64 // mean of the criterion; nil when nothing was learned
	Stats     learner.Stats
	Params    state.Sum
	Busy      time.Duration // time spent on its learning, without reading and decoding
	Dropped   *Drop         // nil when it went to the end
}

// Results is what came of one pass.
type Results struct {
	Events  uint64
	Ranking []Result // those that went to the end by score, then those that were dropped, the last one first
	pairs   *pairs
}

// Compare returns how much more candidate i costs than j, with an interval that
// holds at a level of confidence of 1-alpha. It needs Options.Compare, and both
// must have gone to the end.
func (r *Results) Compare(i, j int, alpha float64) Comparison { return r.pairs.compare(i, j, alpha) }

// Run feeds the records that next returns, until io.EOF, to all candidates.
func Run(next func() ([]byte, error), candidates []Candidate, o Options) (*Results, error) {
	offset := int64(-1)
	return RunRecords(func() (learner.Record, error) {
		value, err := next()
		offset++
		return learner.Record{Offset: offset, LeaderEpoch: -1, Value: value}, err
	}, candidates, o)
}

// RunRecords is Run with records that have offsets, times and keys of their own.
// A record need not stay what it is when the next one is asked for, but for its headers.
func RunRecords(next func() (learner.Record, error), candidates []Candidate, o Options) (*Results, error) {
	if len(candidates) == 0 {
		return nil, errors.New("there is no configuration to try")
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Batch <= 0 {
		o.Batch = 1024
	}
	p, err := newPass(candidates, o)
	if err != nil {
		return nil, err
	}
	if err := p.run(next); err != nil {
		return nil, err
	}
	return p.results(), nil
}

// contender is a candidate on its way.
type contender struct {
	index   int
	learner *learner.Learner // nil once it is dropped
	player  player
	group   *group
	account *Account
	values  []float64 // weighted criterion of each event of the batch, NaN for those refused; nil unless pairs are kept
	busy    time.Duration
	result  Result
}

func newContender(i int, c Candidate, g *group, o Options) (*contender, error) {
	n := &contender{index: i, group: g, account: NewAccount(c.Task, o.Criterion)}
	n.account.Metrics.At(c.Points)
	c.Learner.Decoder = &n.player
	if c.Start == nil {
		c.Start = func(cfg learner.Config) (*learner.Learner, error) {
			return learner.New(cfg, state.Position{LeaderEpoch: -1})
		}
	}
	var err error
	if n.learner, err = c.Start(c.Learner); err != nil {
		return nil, fmt.Errorf("configuration %d: %w", i, err)
	}
	if o.Compare || o.Alpha > 0 {
		n.values = make([]float64, 0, o.Batch)
	}
	return n, nil
}

// learned is how many events it has learned.
func (c *contender) learned() uint64 { return c.learner.Stats().Learned }

// finish notes the result and lets the learner go.
func (c *contender) finish(d *Drop) {
	c.result = Result{
		Candidate: c.index, Account: c.account, Report: c.account.Metrics.Report(), Score: c.account.Score(),
		Stats: c.learner.Stats(), Params: c.learner.Params(), Busy: c.busy, Dropped: d,
	}
	c.learner, c.values = nil, nil
}

// order ranks contenders that went equally far: the smaller score first, those
// that refused many events and those that learned nothing last.
func order(list []*contender) {
	var most uint64
	for _, c := range list {
		most = max(most, c.result.Stats.Learned)
	}
	slices.SortStableFunc(list, func(a, b *contender) int {
		ra, rb := &a.result, &b.result
		return cmp.Or(
			cmp.Compare(truth(refuses(ra.Stats.Learned, most)), truth(refuses(rb.Stats.Learned, most))),
			cmp.Compare(truth(ra.Score == nil), truth(rb.Score == nil)),
			compareScores(ra.Score, rb.Score),
			cmp.Compare(a.index, b.index),
		)
	})
}

// refuses reports whether a candidate learned so much less than another that
// their scores are not about the same events.
func refuses(learned, most uint64) bool { return float64(learned) < 0.9*float64(most) }

func compareScores(a, b *float64) int {
	if a == nil || b == nil {
		return 0
	}
	return cmp.Compare(*a, *b)
}
