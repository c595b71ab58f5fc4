package learner_test

import (
	"testing"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// Whatever is known, automation moves no learner that an operator has frozen, under any
// recovery, and under manual none at all but one on the probation that an operator began.
func TestAutomationNeverOverridesAnOperator(t *testing.T) {
	for _, recovery := range []string{learner.RecoveryAuto, learner.RecoveryCooldown, learner.RecoveryManual} {
		c := learner.DefaultGuard()
		c.Recovery = recovery
		for _, mode := range []learner.Mode{learner.Learning, learner.Frozen, learner.Recovering} {
			if n := learner.DecisionsOf(c, mode, true); n > 0 {
				t.Errorf("recovery %s, %s: %d decisions about a learner that an operator holds", recovery, mode, n)
			}
			want := mode == learner.Recovering || mode == learner.Frozen && recovery != learner.RecoveryManual
			if n := learner.DecisionsOf(c, mode, false); (n > 0) != want {
				t.Errorf("recovery %s, %s: %d decisions about a learner that nobody holds", recovery, mode, n)
			}
		}
	}
}
