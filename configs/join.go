package configs

import (
	"fmt"
	"slices"
	"time"

	"github.com/streamlearner/streamlearner/internal/catalog"
	"github.com/streamlearner/streamlearner/internal/metric"
	"github.com/streamlearner/streamlearner/pkg/event"
	joins "github.com/streamlearner/streamlearner/pkg/join"
	"github.com/streamlearner/streamlearner/pkg/learner"
)

// The values of Join.Unrewarded, Join.Late, Join.Learn and Join.Partition.
const (
	unrewardedDefault = "default"
	unrewardedSkip    = "skip"
	lateDrop          = "drop"
	lateCorrect       = "correct"
	learnWait         = "wait"
	learnImmediate    = "immediate"
	partitionSame     = "same"
	partitionKey      = "key"
)

// Join makes events of decisions and of the rewards, or labels, that come
// later. All times are event time.
type Join struct {
	Topic     string `koanf:"topic"`     // topic of rewards and activations; empty when they are among the decisions
	Partition string `koanf:"partition"` // where its records go among the decisions: same or key

	Window   time.Duration `koanf:"window"`    // a reward counts so long after its decision; 0: records are whole events
	Lateness time.Duration `koanf:"lateness"`  // a record may come so far behind the newest event time
	MaxAhead time.Duration `koanf:"max_ahead"` // a record's time may lie so far ahead of that of the Kafka record; 0 for any

	Kind       string `koanf:"kind"`       // field that tells records apart
	Decision   string `koanf:"decision"`   // its value in decisions
	Reward     string `koanf:"reward"`     // its value in rewards; source.label names their number
	Activation string `koanf:"activation"` // its value in activations
	Shown      string `koanf:"shown"`      // field of a decision that says whether it was shown; empty for none
	RewardID   string `koanf:"reward_id"`  // field of a reward's identity; empty: same time and value are the same reward
	// NeedActivation lets decisions count as never shown until an activation, or
	// their own field, says otherwise.
	NeedActivation bool `koanf:"need_activation"`

	Reducer       string  `koanf:"reducer"`        // makes one reward of several: first, last, sum, mean, min, max
	Unrewarded    string  `koanf:"unrewarded"`     // what a decision without reward is: default or skip
	DefaultReward float64 `koanf:"default_reward"` // the reward of a decision without one
	Learn         string  `koanf:"learn"`          // wait for the window, or immediate

	Late    string        `koanf:"late"`     // late rewards: drop or correct
	LateFor time.Duration `koanf:"late_for"` // a decision is remembered so long after its window
	MaxOpen int           `koanf:"max_open"` // most open decisions of a partition
}

func defaultJoin() Join {
	return Join{
		Partition: partitionSame,
		Lateness:  time.Minute, MaxAhead: time.Hour, LateFor: time.Hour, MaxOpen: 100_000,
		Kind: "kind", Decision: "decision", Reward: "reward", Activation: "shown", Shown: "shown",
		Reducer: string(joins.Last), Unrewarded: unrewardedDefault, Learn: learnWait, Late: lateDrop,
	}
}

// On reports whether rewards are joined.
func (j *Join) On() bool { return j.Window != 0 }

// wait is how long a decision waits before it is learned.
func (j *Join) wait() time.Duration {
	if !j.On() || j.Learn != learnWait {
		return 0
	}
	return j.Window + j.Lateness
}

// own are the fields of the join that are no features.
func (s *Source) own() (out []string) {
	j := &s.Join
	if !j.On() {
		return nil
	}
	named := []string{"", s.Label, s.Weight, s.Time, s.Key, s.ID, s.Arm, s.Probability} // no features already, or refused as meaning two things
	for _, f := range []string{j.Kind, j.Shown, j.RewardID} {
		if !slices.Contains(named, f) {
			out = append(out, f)
		}
	}
	return out
}

// loop says how the records are told apart.
func (m *Model) loop() event.LoopSchema {
	j := m.Source.Join
	return event.LoopSchema{
		Schema: m.Schema(), Kind: j.Kind, Decision: j.Decision, Reward: j.Reward, Activation: j.Activation,
		Shown: j.Shown, RewardID: j.RewardID,
	}
}

func (j *Join) config() joins.Config {
	return joins.Config{
		Window: j.Window.Milliseconds(), Lateness: j.Lateness.Milliseconds(), Keep: j.LateFor.Milliseconds(),
		Correct: j.Late == lateCorrect, Reducer: joins.Reducer(j.Reducer), Hidden: j.NeedActivation, MaxOpen: j.MaxOpen,
	}
}

// learnerJoin returns what a learner's join is made of, besides the decoder of its records; nil without one.
func (m *Model) learnerJoin(records *event.Loop) *learner.JoinConfig {
	j := &m.Source.Join
	if records == nil {
		return nil
	}
	return &learner.JoinConfig{
		Config: j.config(), Records: records, SkipUnrewarded: j.Unrewarded == unrewardedSkip, Default: j.DefaultReward,
		Immediate: j.Learn == learnImmediate, MaxAhead: j.MaxAhead.Milliseconds(),
	}
}

// checkJoin finds the faults of the join.
func (m *Model) checkJoin(v *checker, keys keys) {
	j := &m.Source.Join
	if !j.On() {
		if *j != defaultJoin() {
			v.fail("source.join.window", j.Window, "must be longer than 0 when other keys of source.join are given")
		}
		return
	}
	for _, d := range []struct {
		key   string
		value time.Duration
		least time.Duration
	}{{"window", j.Window, time.Millisecond}, {"lateness", j.Lateness, 0}, {"late_for", j.LateFor, 0}, {"max_ahead", j.MaxAhead, 0}} {
		if d.value < d.least || d.value > maxJoinSpan || d.value%time.Millisecond != 0 {
			v.fail("source.join."+d.key, d.value, fmt.Sprintf("must be whole milliseconds, from %v to ten years", d.least))
		}
	}
	if j.MaxOpen < 1 {
		v.fail("source.join.max_open", j.MaxOpen, "must be at least 1 decision")
	}
	v.oneOf("source.join.partition", j.Partition, partitionSame, partitionKey)
	v.oneOf("source.join.unrewarded", j.Unrewarded, unrewardedDefault, unrewardedSkip)
	v.oneOf("source.join.learn", j.Learn, learnWait, learnImmediate)
	v.oneOf("source.join.late", j.Late, lateDrop, lateCorrect)
	var reducers []string
	for _, r := range joins.Reducers() {
		reducers = append(reducers, string(r))
	}
	v.oneOf("source.join.reducer", j.Reducer, reducers...)
	if m.Source.Format != "json" {
		v.fail("source.format", m.Source.Format, "must be json with source.join, whose records have different fields")
	}
	if m.Guard.Source.Header != "" {
		v.fail("guard.source.header", m.Guard.Source.Header, "must be empty with source.join, which keeps the values of records alone; name the source by guard.source.field")
	}
	if m.Guard.Source.Topic {
		v.fail("guard.source.topic", true, "must be false with source.join, which keeps the values of records alone; name the source by guard.source.field")
	}
	s := m.loop()
	if schema := m.Schema(); schema.Validate() == nil { // else it was refused already
		v.foreign(keys, s.Validate())
	}
	m.checkJoinLearner(v)
}

// maxJoinSpan is the longest time that a join takes.
const maxJoinSpan = 3660 * 24 * time.Hour

// checkJoinLearner finds what the learner cannot do with joined labels.
func (m *Model) checkJoinLearner(v *checker) {
	j := &m.Source.Join
	task := catalog.Task(m.Learner)
	classes := task == metric.Classification || task == metric.MultiClass
	if classes && slices.Contains([]string{string(joins.Sum), string(joins.Mean)}, j.Reducer) {
		v.fail("source.join.reducer", j.Reducer, "must be first, last, min or max where labels are classes")
	}
	if m.Learner.Validate() != nil {
		return
	}
	model, err := catalog.Encoded(m.Learner, m.encoding())
	if err != nil {
		return // refused already
	}
	if j.Learn == learnImmediate {
		m.checkImmediate(v, task)
	}
	if drain, wait := m.Learner.Bandit.Drain, j.wait(); m.Learner.Kind == "bandit" && drain < wait {
		v.fail("learner.bandit.drain", drain, fmt.Sprintf("must be at least %v, source.join.window and lateness together: the open decisions of an arm that is removed are learned so much later", wait))
	}
	if c, ok := model.(learner.Corrector); j.Late == lateCorrect && (!ok || !c.CanCorrect() || j.Learn == learnImmediate) {
		v.fail("source.join.late", j.Late, "must be drop: only bandits whose statistics are sums of rewards (learner.kind bandit with learner.bandit.policy linucb, lints, epsilon, softmax, squarecb or the regcb ones, by ridge regression) can take a reward back exactly, and only with source.join.learn wait")
	}
	if c, ok := model.(interface {
		CheckLabel(y float64) *event.Rejection
	}); ok && j.Unrewarded == unrewardedDefault {
		if rej := c.CheckLabel(j.DefaultReward); rej != nil {
			v.fail("source.join.default_reward", j.DefaultReward, "is refused by the learner: "+rej.Detail)
		}
	}
}

// checkImmediate finds what fake-negative weights do not fit.
func (m *Model) checkImmediate(v *checker, task metric.Task) {
	j := &m.Source.Join
	if task != metric.Classification || m.Learner.Kind == "sgd" && m.Learner.Loss != "logistic" {
		v.fail("source.join.learn", j.Learn, "must be wait: fake-negative weights need the probability of one positive class (learner.loss logistic)")
	}
	if j.Unrewarded != unrewardedDefault || j.DefaultReward != 0 {
		v.fail("source.join.default_reward", j.DefaultReward, "must be 0, and source.join.unrewarded default, with source.join.learn immediate: an event without label is a negative")
	}
}
