package conform

import (
	"testing"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// BenchmarkSnapshot shows what a checkpoint of a model and a new reference cost the learner.
func BenchmarkSnapshot(b *testing.B, m learner.Referenced) {
	var buf []byte
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			var err error
			if buf, err = m.AppendBinary(buf[:0]); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("unmarshal", func(b *testing.B) {
		for b.Loop() {
			if err := m.UnmarshalBinary(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reference", func(b *testing.B) {
		for b.Loop() {
			m.SetReference(0)
		}
	})
}
