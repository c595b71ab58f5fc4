package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/streamlearner/streamlearner/internal/wire"
	"github.com/streamlearner/streamlearner/pkg/bandit"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// keepingArms refuses orders about versions that would let readers choose arms that people or a guard rail have taken out
// since, but for those that are allowed. An owner that takes one out after this was asked runs, and so takes the order, too:
// then readers have the version with its arms.
func keepingArms(args func(context.Context, *redis.Store, state.Key) (state.Args, error), allowed []string) func(context.Context, *redis.Store, state.Key) (state.Args, error) {
	return func(ctx context.Context, store *redis.Store, k state.Key) (state.Args, error) {
		a, err := args(ctx, store, k)
		if err != nil {
			return a, err
		}
		then, err := store.Blob(ctx, k, a.Sum)
		if err != nil {
			return a, fmt.Errorf("version %d: %w", a.Version, err)
		}
		if wire.KindOf(then) != wire.KindBandit {
			return a, nil
		}
		m, err := bandit.Open(then)
		if err != nil {
			return a, fmt.Errorf("version %d: %w", a.Version, err)
		}
		return a, checkOpenings(ctx, store, k, a.Version, m, allowed)
	}
}

func checkOpenings(ctx context.Context, store *redis.Store, k state.Key, version uint64, then *bandit.Model, allowed []string) error {
	list, unread := openings(ctx, store, k, then)
	list = slices.DeleteFunc(list, func(o bandit.Opening) bool { return slices.Contains(allowed, o.Arm) })
	if len(list) == 0 {
		return nil
	}
	names, whys := make([]string, len(list)), make([]string, len(list))
	for i, o := range list {
		names[i], whys[i] = o.Arm, fmt.Sprintf("%q (%s)", o.Arm, o.Why)
	}
	err := fmt.Errorf("version %d would let readers choose arms again, or more often than they may now: %s. Take a version that does not ('streamlearner snapshot list %s'), "+
		"leave out --force once an owner runs, which serves the version with the arms of now, put readers to the baseline ('streamlearner policy baseline %s --force'), "+
		"or take these arms back in until an owner answers: --with-arms %s", version, strings.Join(whys, ", "), k, k, strings.Join(append(slices.Clone(allowed), names...), ","))
	if unread != nil {
		err = fmt.Errorf("%w. The arms of now cannot be read: %w", err, unread)
	}
	return err
}

// openings compares a version with what is stored of the learner. Where that cannot be read, any arm that the version has may
// be out by now; somebody who names them all still gets through.
func openings(ctx context.Context, store *redis.Store, k state.Key, then *bandit.Model) (list []bandit.Opening, unread error) {
	now, err := liveBandit(ctx, store, k)
	if err == nil {
		return bandit.Openings(then, now), nil
	}
	for _, a := range then.Table() {
		if a.Status == bandit.ArmActive || a.Status == bandit.ArmNew {
			list = append(list, bandit.Opening{Arm: a.Name, Why: "may be out by now"})
		}
	}
	return list, err
}

// liveBandit returns the bandit that learns, as it was saved last.
func liveBandit(ctx context.Context, store *redis.Store, k state.Key) (*bandit.Model, error) {
	s, _, err := store.State(ctx, k)
	if err != nil {
		return nil, err
	}
	d, err := learner.Describe(s.Head)
	if err != nil {
		return nil, err
	}
	data, err := store.Blob(ctx, k, d.Live)
	if err != nil {
		return nil, err
	}
	return bandit.Open(data)
}
