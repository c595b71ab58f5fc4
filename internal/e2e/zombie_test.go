package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// A process that sleeps until another one has its partitions, and then wakes
// up with unsaved events, gets nothing of them into the store: no save moves
// the claim, the offset or the served version back.
func TestWokenZombieWritesNothing(t *testing.T) {
	kafka := &testbed.KafkaProcess{Brokers: testbed.Kafka(t)}
	s := newSoak(t, kafka, nil, "classic", func(*soak) (redis.Options, []fault) {
		return redis.Options{Addrs: []string{testbed.Redis(t)}}, nil
	})
	s.settle()
	zombie := s.daemons[0].cmd.Process
	if err := zombie.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func() (bool, string) {
		members := map[string]int{}
		for p := range int32(soakPartitions) {
			members[s.standing(p).claim.Member]++
		}
		return len(members) == 1, fmt.Sprintf("partitions by member: %v", members)
	})
	s.recover("the takeover")
	var last [soakPartitions]standing
	for p := range last {
		last[p] = s.standing(int32(p))
	}
	if err := zombie.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(soakSession); time.Now().Before(end); <-tick.C {
		for p := range last {
			now := s.standing(int32(p))
			if now.claim.Number < last[p].claim.Number || now.next < last[p].next || now.version < last[p].version {
				t.Fatalf("partition %d went from %+v back to %+v", p, last[p], now)
			}
			last[p] = now
		}
	}
	s.verify()
}

// standing is what the store holds of a partition.
type standing struct {
	claim   state.Claim
	next    int64
	version uint64
}

func (s *soak) standing(p int32) standing {
	snap, claim, err := s.store.State(s.t.Context(), state.Key{Model: s.model, Partition: p})
	if err != nil {
		s.t.Fatal(err)
	}
	out := standing{claim: claim, next: snap.Next.Offset}
	if snap.Current != nil {
		out.version = snap.Current.Number
	}
	return out
}
