package learner_test

import (
	"math"
	"testing"

	"github.com/streamlearner/streamlearner/internal/sim"
	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/sgd"
)

// loud is a model that on demand reports the largest loss of an event that it
// learns, and an infinite one of an event that it scores.
type loud struct {
	*sgd.Model
	on *bool
}

func (m loud) Learn(e *event.Event) event.Step {
	s := m.Model.Learn(e)
	if *m.on {
		s.Loss = math.MaxFloat64
	}
	return s
}

func (m loud) Predict(e *event.Event) event.Step {
	s := m.Model.Predict(e)
	if *m.on {
		s.Loss = math.Inf(1)
	}
	return s
}

// A state can be read back, whatever the losses of a probation add up to.
func TestProbationAddsUpToAFiniteState(t *testing.T) {
	c, on := config(t), false
	quiet := c.Model
	c.Model = func() (learner.Model, error) {
		m, err := quiet()
		if err != nil {
			return nil, err
		}
		return loud{m.(*sgd.Model), &on}, nil
	}
	l, stream := newLearner(t, c), sim.Fraud(3)
	stream.Poison = []sim.Episode{{From: 2000, To: 1 << 40, Share: 1}}
	for n := 0; l.Mode() != learner.Recovering; n++ {
		if n == 20_000 {
			t.Fatal("no probation began")
		}
		feed(l, stream, 1)
	}
	on = true
	feed(l, stream, 5)
	if l.Mode() != learner.Recovering {
		t.Fatalf("the probation has ended: %v", l.Mode())
	}
	if _, err := learner.Restore(c, l.Snapshot()); err != nil {
		t.Error(err)
	}
}
