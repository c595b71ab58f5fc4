package consumer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// Members come, go, die, lose their membership, the store and the dead-letter
// topic, in an order drawn from a seed, while records arrive. In the end every
// partition has learned each record once, in order.
func TestFaultsInAnyOrderKeepExactlyOnce(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		c := &chaos{world: newWorld(t, 5), rng: rand.New(rand.NewPCG(seed, 0))}
		t.Logf("seed %d", seed)
		c.join()
		for range 25 {
			c.step()
		}
		for len(c.members) < 2 {
			c.join()
		}
		c.exactlyOnce(0, 1, 2, 3, 4)
		refused := 0
		for p := range int32(5) {
			refused += int(c.stored(p).Refused)
		}
		if got := c.chains[0]; refused == 0 || got.Fed == 0 {
			t.Fatalf("nothing happened: %d refused", refused)
		}
		c.letters(refused)
		for _, m := range c.members {
			if err := m.stop(); err != nil {
				t.Error(err)
			}
		}
	}
}

type chaos struct {
	*world
	rng     *rand.Rand
	members []*member
}

func (c *chaos) step() {
	switch c.rng.IntN(8) {
	case 0:
		if len(c.members) < 4 {
			c.join()
		}
	case 1:
		if m := c.leave(); m != nil {
			if err := m.stop(); err != nil {
				c.t.Error(err)
			}
		}
	case 2:
		c.settle()
		if m := c.leave(); m != nil {
			m.kill()
		}
	case 3:
		fault := c.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: group, Err: kerr.UnknownMemberID, TopLevel: true})
		c.records()
		fault.Remove()
	case 4:
		m := c.members[c.rng.IntN(len(c.members))]
		m.store.failWith(func(string, state.Key) error { return errors.New("outage") })
		c.records()
		m.store.failWith(nil)
	case 5:
		fault := c.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: dead, Err: kerr.TopicAuthorizationFailed, Count: -1})
		c.records()
		fault.Remove()
	default:
		c.records()
	}
	c.records()
}

func (c *chaos) join() {
	c.members = append(c.members, c.start(func(cfg *Config, _ *Deps) { cfg.SessionTimeout = time.Second }))
}

// leave takes a member out, but not the last one.
func (c *chaos) leave() *member {
	if len(c.members) < 2 {
		return nil
	}
	i := c.rng.IntN(len(c.members))
	m := c.members[i]
	c.members = append(c.members[:i], c.members[i+1:]...)
	return m
}

// settle waits until the group is at rest. The in-process broker never expires
// a member that dies while it waits for the answer to a join.
func (c *chaos) settle() {
	adm := kadm.NewClient(c.client)
	wait(c.t, func() (bool, string) {
		groups, err := adm.DescribeGroups(c.t.Context(), group)
		if err != nil {
			return false, err.Error()
		}
		g := groups[group]
		return g.State == "Stable" && len(g.Members) == len(c.members), fmt.Sprintf("%s with %d members", g.State, len(g.Members))
	})
}

// records arrive, and some member gets the time to learn a few of them.
func (c *chaos) records() {
	p := c.rng.Int32N(5)
	c.poison(50+c.rng.IntN(300), p)
	before := c.stored(p).Fed
	deadline := time.Now().Add(time.Duration(c.rng.IntN(100)) * time.Millisecond)
	for time.Now().Before(deadline) && c.stored(p).Fed == before {
		time.Sleep(time.Millisecond)
	}
}
