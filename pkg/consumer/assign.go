package consumer

import (
	"context"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// maxOpening is how many partitions are claimed and restored at a time.
const maxOpening = 16

// assigned remembers member and generation that brought each partition. They
// are read here, once: later generations of the group do not concern a
// partition that stays, and its claim must outlive them. Where the generation
// has gone on already, the coordinator has confirmed the partition in it. The
// count tells two assignments apart that bear the same generation.
func (c *Consumer) assigned(_ context.Context, cl *kgo.Client, added map[string][]int32) {
	ids := added[c.cfg.Topic]
	if len(ids) == 0 {
		return
	}
	member, generation := cl.GroupMetadata()
	c.log.Info("partitions assigned", "partitions", ids, "generation", generation, "member", member)
	_ = c.release(writeNothing(), ids) // only partitions of a topic that was created anew can still be here
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assignments++
	owner := state.Owner{Group: c.group, Generation: generation, Member: member, Assignment: c.assignments}
	for _, id := range ids {
		c.parts[id] = newPartition(c, cl, id, owner)
	}
}

// adjust claims and restores the assigned partitions and returns the offsets
// to read from. It never fails: an error would take all partitions away. A bad
// one is returned at any offset, but paused. The client may call it again for
// the same assignment.
func (c *Consumer) adjust(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	var g errgroup.Group
	g.SetLimit(maxOpening)
	var mu sync.Mutex
	starts := map[int32]kgo.Offset{}
	for id, committed := range offsets[c.cfg.Topic] {
		p := c.partition(id)
		if p == nil {
			continue
		}
		g.Go(func() error {
			start := p.begin(ctx, committed.EpochOffset().Offset)
			mu.Lock()
			defer mu.Unlock()
			starts[id] = start
			return nil
		})
	}
	_ = g.Wait() // its functions return nil
	return map[string]map[int32]kgo.Offset{c.cfg.Topic: starts}, nil
}

// revoked saves the partitions and gives them up. Until it returns no other
// member is assigned them.
func (c *Consumer) revoked(_ context.Context, cl *kgo.Client, revoked map[string][]int32) {
	ids := revoked[c.cfg.Topic]
	if len(ids) == 0 {
		return
	}
	c.log.Info("partitions revoked", "partitions", ids)
	drain, cancel := context.WithTimeout(context.Background(), c.cfg.SaveTimeout)
	defer cancel()
	_ = c.release(drain, ids) // logged where it happened; the next owner starts from the save before
	c.commit(drain, cl)
}

// lost drops the partitions: another member may own them already.
func (c *Consumer) lost(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	ids := lost[c.cfg.Topic]
	if len(ids) == 0 {
		return
	}
	c.log.Warn("partitions lost", "partitions", ids)
	_ = c.release(writeNothing(), ids) // without a save nothing can fail
}

// errWriteNothing is the cause of a drain that allows no save.
var errWriteNothing = errors.New("another member may own the partition")

// writeNothing returns a drain that allows no save.
func writeNothing() context.Context {
	drain, cancel := context.WithCancelCause(context.Background())
	cancel(errWriteNothing)
	return drain
}

// release ends the work on partitions. Each makes a last save within drain.
func (c *Consumer) release(drain context.Context, ids []int32) error {
	c.mu.Lock()
	var parts []*partition
	for _, id := range ids {
		if p := c.parts[id]; p != nil {
			parts = append(parts, p)
			delete(c.parts, id)
		}
	}
	c.mu.Unlock()
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() { errs[i] = p.close(drain) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// commit writes the saved positions to the group, for tools that show lag.
func (c *Consumer) commit(ctx context.Context, cl *kgo.Client) {
	if err := cl.CommitMarkedOffsets(ctx); err != nil {
		c.log.Debug("offsets not committed; the store has them", "error", err)
	}
}

// startPosition returns where a partition without a state begins.
func (c *Consumer) startPosition(ctx context.Context, cl *kgo.Client, id int32) (state.Position, error) {
	list := kadm.NewClient(cl).ListStartOffsets
	if c.cfg.Start == Latest {
		list = kadm.NewClient(cl).ListCommittedOffsets
	}
	o, err := listOffset(ctx, list, c.cfg.Topic, id)
	return state.Position{Offset: o, LeaderEpoch: -1}, err
}

func listOffset(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topic string, id int32) (int64, error) {
	listed, err := list(ctx, topic)
	if err != nil {
		return 0, err
	}
	o, ok := listed.Lookup(topic, id)
	if !ok {
		return 0, errors.New("the broker lists no offset for the partition")
	}
	return o.Offset, o.Err
}
