package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/streamlearner/streamlearner/pkg/event"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
)

// worlds are how many different worlds the seeds share, in one round of seeds. Each is run without faults
// once for a few rounds, and disturbed by every seed that picks it; then it gets other orders.
const (
	worlds     = rebuildRound
	sameOrders = 8 // rounds
)

// The worlds by their number: payments, decisions whose rewards come later, decisions under a
// guard rail, payments whose inputs are guarded, and long ones, in which the guard freezes and comes back.
const (
	firstJoin    = 128
	firstRail    = 192
	firstInputs  = 240
	firstLong    = 248
	longRecovery = 4
	firstRest    = firstLong + longRecovery
)

// pool makes worlds as seeds pick them. It belongs to one goroutine.
type pool struct {
	tb      testing.TB
	streams *[firstJoin]func() [][]byte
	worlds  [worlds]*World
	orders  [worlds]uint64 // rounds of orders that they were made for
}

func (p *pool) world(seed uint64) *World {
	i, round := seed%worlds, seed/worlds/sameOrders
	if p.worlds[i] == nil || p.orders[i] != round {
		p.worlds[i], p.orders[i] = p.make(i, round), round
	}
	return p.worlds[i]
}

func (p *pool) make(i, round uint64) *World {
	rng := rand.New(rand.NewPCG(round, i))
	switch {
	case i < firstJoin:
		return newWorld(p.tb, i, p.streams[i](), rng)
	case i < firstRail:
		return newJoinWorld(p.tb, i-firstJoin, rng)
	case i < firstInputs:
		return newRailWorld(p.tb, i-firstRail, rng)
	case i < firstLong:
		return newInputsWorld(p.tb, i-firstInputs, p.streams[i%firstJoin](), rng)
	case i < firstRest:
		return newRecoveryWorld(p.tb, i-firstLong, rng)
	case i == firstRest:
		return newInputsWorld(p.tb, i, nil, rng)
	}
	return newRailWorld(p.tb, i, rng)
}

// giveOrders lets an operator order something at random places from an offset on, most of them a few records apart.
func (w *World) giveOrders(rng *rand.Rand, from, most int, draw ...func(*rand.Rand) state.Command) {
	w.Command = map[int64]state.Command{}
	for k := range rng.IntN(most + 1) {
		c := draw[rng.IntN(len(draw))](rng)
		c.ID, c.Who, c.Why = fmt.Sprintf("c%d", k), "op", "test"
		if at := int64(from + rng.IntN(len(w.Records)-from)); at != w.ChangeAt {
			w.Command[at] = c
		}
	}
}

// aboutMode are orders about what the learner does, and about versions.
func aboutMode() []func(*rand.Rand) state.Command {
	plain := func(kind string) func(*rand.Rand) state.Command {
		return func(*rand.Rand) state.Command { return state.Command{Kind: kind} }
	}
	version := func(kind string) func(rng *rand.Rand) state.Command {
		return func(rng *rand.Rand) state.Command {
			a := state.Args{Version: uint64(rng.IntN(3))}
			switch kind {
			case learner.CommandRollback:
				a.Restore, a.Forced = rng.IntN(2) == 0, rng.IntN(2) == 0
			case learner.CommandLabel:
				a.Label = [...]string{"good", "better"}[rng.IntN(2)]
			}
			return state.Command{Kind: kind, Args: a}
		}
	}
	return []func(*rand.Rand) state.Command{
		plain(learner.CommandFreeze), plain(learner.CommandUnfreeze), plain(learner.CommandUnfreeze),
		func(*rand.Rand) state.Command {
			return state.Command{Kind: learner.CommandUnfreeze, Args: state.Args{Challenger: true}}
		},
		version(learner.CommandRollback), version(learner.CommandRollback), plain(learner.CommandPromote),
		version(learner.CommandPin), version(learner.CommandLabel),
	}
}

// aboutArms are orders about arms that were there from the beginning, a0 to a2, and a3, which was not.
func aboutArms() []func(*rand.Rand) state.Command {
	arm := func(kind string, args func(a *state.Args, rng *rand.Rand)) func(*rand.Rand) state.Command {
		return func(rng *rand.Rand) state.Command {
			a := state.Args{Arm: [...]string{"a1", "a2", "a3"}[rng.IntN(3)]}
			args(&a, rng)
			return state.Command{Kind: kind, Args: a}
		}
	}
	policy := func(rng *rand.Rand) state.Command {
		return state.Command{Kind: learner.CommandPolicy, Args: state.Args{Policy: state.Policies()[rng.IntN(3)], Forced: rng.IntN(2) == 0}}
	}
	add := func(a *state.Args, rng *rand.Rand) {
		if a.Cap = float64(rng.IntN(2)) * 0.6; rng.IntN(3) > 0 {
			a.Arm = "a3"
		}
		if rng.IntN(2) == 0 {
			a.Like = "a0"
		}
	}
	nothing := func(*state.Args, *rand.Rand) {}
	return []func(*rand.Rand) state.Command{
		arm(event.ArmAdd, add), arm(event.ArmAdd, add), arm(event.ArmRemove, nothing), arm(event.ArmRemove, nothing),
		arm(event.ArmCap, func(a *state.Args, rng *rand.Rand) { a.Cap = [...]float64{0, 0.3, 0.5}[rng.IntN(3)] }),
		arm(event.ArmPrice, func(a *state.Args, rng *rand.Rand) { a.Price = float64(1 + rng.IntN(3)) }),
		arm(event.ArmBaseline, func(a *state.Args, rng *rand.Rand) { a.Arm = [...]string{"a0", "a0", "a1"}[rng.IntN(3)] }),
		policy, policy,
	}
}
