package learner

import (
	"errors"
	"fmt"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// seek moves Next. Forward it leaves out records; back it goes only where
// Kafka has another log than the one that was learned, since otherwise records
// would be learned twice. What was learned stays.
func (l *Learner) seek(a state.Args, f *state.Found) error {
	switch {
	case f != nil && f.Problem != "":
		return errors.New(f.Problem)
	case a.Offset < 0:
		return fmt.Errorf("offset %d: must not be negative", a.Offset)
	case a.Offset < l.next.Offset && !a.Lost:
		return fmt.Errorf("offset %d lies before the next one, %d, and Kafka still has the log that was learned: records would be learned twice", a.Offset, l.next.Offset)
	}
	l.rewound = l.rewound || a.Offset < l.next.Offset
	l.next = state.Position{Offset: a.Offset, LeaderEpoch: -1}
	return nil
}
