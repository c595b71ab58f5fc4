package sim

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Follower is a player that decides as a service does: by the newest version that a learner has
// published, which learns from what arrives. Before the first version it chooses uniformly at random.
type Follower struct {
	learner  *learner.Learner
	read     *event.Loop
	policy   *bandit.Policy
	arms     int
	event    event.Event
	message  event.Message
	p        []float64
	versions int
}

// Follow returns a follower of a new learner. Arms is the number of arms; read decodes decisions, apart
// from the decoder of cfg, which belongs to the learner.
func Follow(cfg learner.Config, read *event.Loop, arms int) (*Follower, error) {
	if cfg.Join == nil || read == nil {
		return nil, errors.New("source.join.window: 0: must be above 0: decisions and rewards are records of their own")
	}
	l, err := learner.New(cfg, state.Position{})
	return &Follower{learner: l, read: read, arms: arms}, err
}

// Learner returns the learner, for what it has counted.
func (f *Follower) Learner() *learner.Learner { return f.learner }

// Versions is how many versions were published.
func (f *Follower) Versions() int { return f.versions }

// Choose implements Player.
func (f *Follower) Choose(record []byte) (arm int, p float64, err error) {
	if err := f.read.Decode(record, &f.event, &f.message); err != nil {
		return 0, 0, fmt.Errorf("decoding a decision: %w", err)
	}
	if f.policy == nil {
		key := bandit.NewKey("")
		u := key.Uniform(f.event.ID)
		return int(u * float64(f.arms)), 1 / float64(f.arms), nil
	}
	f.p = f.policy.Distribution(&f.event, nil, f.p[:0])
	arm = bandit.Choose(f.p, f.policy.Uniform(f.event.ID))
	return arm, f.p[arm], nil
}

// Arrive implements Player. A record that is refused is an error, since a game makes none that should be.
func (f *Follower) Arrive(at int64, record []byte) error {
	o := f.learner.Feed(learner.Record{Offset: f.learner.Next().Offset, Time: at, Value: record})
	switch {
	case o.Reject != nil:
		return fmt.Errorf("%s is refused: %s: %s", record, o.Reject.Reason, o.Reject.Detail)
	case len(o.Refused) > 0:
		return fmt.Errorf("the decision of %s is refused: %s: %s", o.Refused[0].Value, o.Refused[0].Reject.Reason, o.Refused[0].Reject.Detail)
	case !o.Proven:
		return nil
	}
	return f.publish()
}

// publish reads the newest version as a service does.
func (f *Follower) publish() error {
	s := f.learner.Snapshot()
	for i := range s.Blobs {
		if s.Blobs[i].Sum == s.Current.Version.Sum {
			policy, err := bandit.OpenPolicy(s.Blobs[i].Data)
			if err != nil {
				return fmt.Errorf("version %d: %w", s.Current.Number, err)
			}
			f.policy = policy
			f.versions++
			return nil
		}
	}
	return fmt.Errorf("version %d has no parameters in its snapshot", s.Current.Number)
}
