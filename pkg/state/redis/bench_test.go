package redis_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/streamlearner/streamlearner/internal/testbed"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// BenchmarkSave writes to a real Redis what a learner writes at a checkpoint:
// a head of 8 KiB, a new blob of the model, and the ones before it in quarantine.
func BenchmarkSave(b *testing.B) {
	s, err := redis.New(redis.Options{Addrs: []string{testbed.Redis(b)}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, size := range []int{8 << 10, 512 << 10, 8 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			k := state.Key{Model: testbed.Name(b), Partition: 0}
			claim, _, err := s.Claim(b.Context(), k, owner)
			if err != nil {
				b.Fatal(err)
			}
			model := make([]byte, size)
			var quarantine []state.Blob
			seq := uint64(0)
			b.SetBytes(int64(size))
			for b.Loop() {
				b.StopTimer()
				binary.LittleEndian.PutUint64(model, seq)
				blob := state.Blob{Sum: state.SumOf(model), Data: append([]byte(nil), model...)}
				quarantine = append(quarantine, blob)
				quarantine = quarantine[max(0, len(quarantine)-3):]
				snap := snapshot(seq+1, quarantine...)
				snap.Head = make([]byte, 8<<10)
				snap.Blobs = []state.Blob{blob}
				b.StartTimer()
				if err := s.Save(b.Context(), k, claim, seq, snap, 5); err != nil {
					b.Fatal(err)
				}
				seq++
			}
		})
	}
}
