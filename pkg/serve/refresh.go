package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// refreshTimeout bounds one round of questions to the store.
const refreshTimeout = 10 * time.Second

// parallel is how many partitions are asked for at once.
const parallel = 8

// Run keeps the served versions fresh until ctx ends; then it returns nil. It
// asks the store every Options.Poll, and at once when the store hints at
// something new. A store that does not answer is asked again.
func (c *Client) Run(ctx context.Context) error {
	hints := make(chan int32, 64)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := c.store.Watch(ctx, c.opts.Model, func(k state.Key) {
			select {
			case hints <- k.Partition:
			default: // the next poll finds it
			}
		})
		if err != nil {
			c.log.Warn("no hints from the store: versions arrive by polling alone", "model", c.opts.Model, "err", err)
		}
		return nil
	})
	g.Go(func() error {
		tick := time.NewTicker(c.opts.Poll)
		defer tick.Stop()
		healthy := true
		for {
			var err error
			select {
			case <-ctx.Done():
				return nil
			case p := <-hints:
				if n := c.opts.Partitions; n == 0 || p < n {
					err = c.refresh(ctx, []int32{p})
				}
			case <-tick.C:
				err = c.Refresh(ctx)
			}
			if ctx.Err() != nil {
				return nil
			}
			healthy = c.report(healthy, err)
		}
	})
	return g.Wait()
}

// report logs when refreshes begin to fail and when they work again.
func (c *Client) report(healthy bool, err error) bool {
	switch {
	case err != nil && healthy:
		c.log.Warn("cannot refresh the model, serving the versions at hand", "model", c.opts.Model, "err", err)
	case err == nil && !healthy:
		c.log.Info("refreshing the model again", "model", c.opts.Model)
	}
	return err == nil
}

// Refresh asks the store once for every partition. What fails keeps its
// version; the errors are returned together.
func (c *Client) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	partitions, err := c.store.Partitions(ctx, c.opts.Model)
	if err != nil {
		c.failures.Add(1)
		return fmt.Errorf("refresh of model %s: %w", c.opts.Model, err)
	}
	var surplus error
	if i, _ := slices.BinarySearch(partitions, c.opts.Partitions); c.opts.Partitions > 0 && i < len(partitions) {
		surplus = fmt.Errorf("partition %d of model %s has a state, but Options.Partitions is %d: set it to the partitions of the topic",
			partitions[i], c.opts.Model, c.opts.Partitions)
		partitions = partitions[:i]
	}
	if err := errors.Join(surplus, c.refresh(ctx, partitions)); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.table.Store(&table{served: c.table.Load().served, synced: time.Now(), lead: c.table.Load().lead})
	return nil
}

// refresh asks for some partitions and publishes what is new to the scores at once.
func (c *Client) refresh(ctx context.Context, partitions []int32) error {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.table.Load()
	next := &table{served: slices.Clone(old.served), synced: old.synced, lead: c.override}
	for _, p := range partitions {
		for int(p) >= len(next.served) {
			next.served = append(next.served, nil)
		}
	}
	fresh := make([]*served, len(partitions))
	errs := make([]error, len(partitions))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, p := range partitions {
		g.Go(func() error {
			fresh[i], errs[i] = c.fetch(ctx, p, old.at(p))
			return nil
		})
	}
	_ = g.Wait() // its functions return none
	for i, p := range partitions {
		if errs[i] == nil {
			errs[i] = c.attach(fresh[i], next.served)
		}
		if errs[i] != nil {
			c.failures.Add(1)
			if fresh[i] != nil && next.served[p] != nil {
				next.served[p] = next.served[p].withPolicy(fresh[i].pointer.Policy)
			}
			continue
		}
		next.served[p] = c.prefer(p, next.served[p], fresh[i])
	}
	if l := lead(next.served); l != nil {
		next.lead = l
	}
	c.table.Store(next)
	return errors.Join(errs...)
}

func (t *table) at(p int32) *served {
	if p >= 0 && int(p) < len(t.served) {
		return t.served[p]
	}
	return nil
}

// withPolicy returns s with another order what to do with the policy of a bandit. Readers obey it at
// once, whatever becomes of the version that it came with.
func (s *served) withPolicy(policy string) *served {
	out := *s
	out.pointer.Policy = policy
	return &out
}

// fetch returns what the store publishes for a partition, or have when there is
// nothing. With an error it returns what has been read of it, without a model, or nil.
func (c *Client) fetch(ctx context.Context, p int32, have *served) (*served, error) {
	k := state.Key{Model: c.opts.Model, Partition: p}
	pointer, err := c.pointer(ctx, k)
	if errors.Is(err, state.ErrNotFound) {
		return have, nil
	}
	if err != nil {
		return nil, err
	}
	if have != nil && have.pointer.Number == pointer.Number && have.pointer.Sum == pointer.Sum {
		s := &served{model: have.model, parts: have.parts, pointer: pointer}
		if bytes.Equal(have.pointer.Schema, pointer.Schema) {
			s.reading = have.reading
		}
		return s, nil
	}
	// The version may be replaced and dropped before its data is read; then the next round finds its successor.
	var parts []state.Sum
	if have != nil {
		parts = have.parts
	}
	data, parts, whole, err := state.Parameters(ctx, c.store, k, pointer.Sum, parts)
	if err != nil {
		return &served{pointer: pointer}, fmt.Errorf("version %d: %w", pointer.Number, err)
	}
	s := &served{parts: parts, pointer: pointer}
	switch {
	case whole:
		s.model, err = openModel(data)
	case len(data) == 0:
		s.model = have.model
	default:
		s.model, err = have.model.after(data)
	}
	if err != nil {
		return &served{pointer: pointer}, fmt.Errorf("version %d of %s: %w", pointer.Number, k, err)
	}
	return s, nil
}

// pointer is what is to be served.
func (c *Client) pointer(ctx context.Context, k state.Key) (state.Pointer, error) {
	p, err := c.store.Current(ctx, k)
	if err != nil || c.opts.Version == "" {
		return p, err
	}
	kept, err := c.store.Versions(ctx, k)
	if err != nil {
		return p, err
	}
	marks, err := c.store.Marks(ctx, k)
	if err != nil {
		return p, err
	}
	v, err := state.FindVersion(kept, marks, c.opts.Version)
	if err != nil {
		return p, fmt.Errorf("Options.Version of %s: %w", k, err)
	}
	p.Version, p.Mode = *v, state.ModeHeld
	return p, nil
}

// prefer decides between the version at hand and the store's. The store wins,
// unless it went back without meaning to.
func (c *Client) prefer(p int32, have, fresh *served) *served {
	if have == nil || fresh == nil {
		delete(c.behind, p)
		return fresh
	}
	meant := fresh.pointer.Mode != "learning" || have.pointer.Mode == state.ModeHeld
	if fresh.pointer.Number < have.pointer.Number && !meant {
		since, noted := c.behind[p]
		if !noted {
			since = time.Now()
			c.behind[p] = since
			c.log.Warn("the store went back to an older version, keeping the newer one",
				"model", c.opts.Model, "partition", p, "stored", fresh.pointer.Number, "served", have.pointer.Number, "for", c.opts.Hold)
		}
		if time.Since(since) < c.opts.Hold {
			return have.withPolicy(fresh.pointer.Policy)
		}
	}
	delete(c.behind, p)
	level := slog.LevelDebug // a new version every few seconds is no news
	if fresh.pointer.Mode != have.pointer.Mode || fresh.pointer.Policy != have.pointer.Policy {
		level = slog.LevelInfo
	}
	if !fresh.pointer.Equal(have.pointer) {
		c.log.Log(context.Background(), level, "serving another version", "model", c.opts.Model, "partition", p,
			"version", fresh.pointer.Number, "before", have.pointer.Number, "mode", fresh.pointer.Mode, "policy", fresh.pointer.ReaderPolicy())
	}
	return fresh
}
