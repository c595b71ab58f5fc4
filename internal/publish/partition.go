package publish

import "github.com/twmb/franz-go/pkg/kgo"

// partitioner places a record with a key by the hash of the key, as Kafka's
// default partitioner does, so that readers can tell the partition of a key.
// Records without a key are dealt in turn: unlike the default, which fills one
// batch after the other, this gives every partition its share of a small file.
type partitioner struct{}

// ForTopic implements kgo.Partitioner.
func (partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{
		keyed:  kgo.StickyKeyPartitioner(nil).ForTopic(topic),
		inTurn: kgo.RoundRobinPartitioner().ForTopic(topic),
	}
}

type topicPartitioner struct{ keyed, inTurn kgo.TopicPartitioner }

// RequiresConsistency implements kgo.TopicPartitioner.
func (*topicPartitioner) RequiresConsistency(r *kgo.Record) bool { return r.Key != nil }

// Partition implements kgo.TopicPartitioner.
func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Key != nil {
		return p.keyed.Partition(r, n)
	}
	return p.inTurn.Partition(r, n)
}
