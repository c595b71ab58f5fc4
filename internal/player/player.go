// Package player decides in simulated scenes (internal/sim) as a service does that reads what a learner publishes.
package player

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// Player decides as a service does: by the newest version that a learner has published, which learns from
// what arrives. It is a sim.Player. Before the first version it chooses uniformly at random.
type Player struct {
	learner  *learner.Learner
	read     *event.Loop
	policy   *bandit.Policy
	arms     int
	event    event.Event
	message  event.Message
	pmf      []float64
	versions int
}

// New returns a player with a new learner. Arms is the number of arms; read decodes decisions, apart
// from the decoder of cfg, which belongs to the learner.
func New(cfg learner.Config, read *event.Loop, arms int) (*Player, error) {
	if cfg.Join == nil || read == nil {
		return nil, errors.New("source.join.window: 0: must be above 0: decisions and rewards are records of their own")
	}
	l, err := learner.New(cfg, state.Position{})
	return &Player{learner: l, read: read, arms: arms}, err
}

// Learner returns the learner, for what it has counted.
func (p *Player) Learner() *learner.Learner { return p.learner }

// Versions is how many versions were published.
func (p *Player) Versions() int { return p.versions }

// Choose implements sim.Player.
func (p *Player) Choose(record []byte) (arm int, prob float64, err error) {
	if err := p.read.Decode(record, &p.event, &p.message); err != nil {
		return 0, 0, fmt.Errorf("decoding a decision: %w", err)
	}
	if p.policy == nil {
		key := bandit.NewKey("")
		u := key.Uniform(p.event.ID)
		return int(u * float64(p.arms)), 1 / float64(p.arms), nil
	}
	p.pmf = p.policy.Distribution(&p.event, nil, p.pmf[:0])
	arm = bandit.Choose(p.pmf, p.policy.Uniform(p.event.ID))
	return arm, p.pmf[arm], nil
}

// ChooseValue implements sim.ValuePlayer.
func (p *Player) ChooseValue(record []byte, low, high float64) (v, density float64, err error) {
	if err := p.read.Decode(record, &p.event, &p.message); err != nil {
		return 0, 0, fmt.Errorf("decoding a decision: %w", err)
	}
	if p.policy == nil {
		key := bandit.NewKey("")
		return low + (high-low)*key.Uniform(p.event.ID), 1 / (high - low), nil
	}
	v, _, density = p.policy.Value(&p.event)
	if !(density > 0) {
		return 0, 0, fmt.Errorf("decision %s: the policy has the density %v", p.event.ID, density)
	}
	return v, density, nil
}

// Arrive implements sim.Player. A record that is refused is an error, since a game makes none that should be.
func (p *Player) Arrive(at int64, record []byte) error {
	o := p.learner.Feed(learner.Record{Offset: p.learner.Next().Offset, Time: at, Value: record})
	switch {
	case o.Reject != nil:
		return fmt.Errorf("%s is refused: %s: %s", record, o.Reject.Reason, o.Reject.Detail)
	case len(o.Refused) > 0:
		return fmt.Errorf("the decision of %s is refused: %s: %s", o.Refused[0].Value, o.Refused[0].Reject.Reason, o.Refused[0].Reject.Detail)
	case !o.Proven && o.Harm == "":
		return nil
	}
	return p.publish()
}

// publish reads the newest version as a service does.
func (p *Player) publish() error {
	s := p.learner.Snapshot()
	if s.Current == nil {
		return nil // an arm was taken out before there was a version
	}
	for i := range s.Blobs {
		if s.Blobs[i].Sum == s.Current.Version.Sum {
			policy, err := bandit.OpenPolicy(s.Blobs[i].Data)
			if err != nil {
				return fmt.Errorf("version %d: %w", s.Current.Number, err)
			}
			p.policy = policy
			p.versions++
			return nil
		}
	}
	return fmt.Errorf("version %d has no parameters in its snapshot", s.Current.Number)
}
