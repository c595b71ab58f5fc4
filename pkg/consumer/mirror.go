package consumer

import (
	"bytes"
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// ReadMirror returns the audit records of a partition that the audit topic
// holds now, in their order there.
func ReadMirror(ctx context.Context, conn Connection, topic string, k state.Key) ([][]byte, error) {
	opts, err := conn.Options()
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("audit topic %s: %w", topic, err)
	}
	ends, err := adm.ListCommittedOffsets(ctx, topic) // the last stable ones
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("audit topic %s: %w", topic, err)
	}
	left := map[int32]int64{} // offset at which to stop, by partition
	from := map[int32]kgo.Offset{}
	starts.Each(func(o kadm.ListedOffset) {
		if end, ok := ends.Lookup(topic, o.Partition); ok && end.Offset > o.Offset {
			left[o.Partition] = end.Offset
			from[o.Partition] = kgo.NewOffset().At(o.Offset)
		}
	})
	if len(left) == 0 {
		return nil, nil
	}
	cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: from})
	var out [][]byte
	key := []byte(k.String())
	for len(left) > 0 {
		fetches, err := pollStored(ctx, cl, silence)
		if err != nil {
			return nil, fmt.Errorf("audit topic %s: %w", topic, err)
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return nil, fmt.Errorf("audit topic %s: %w", topic, errs[0].Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, ok := left[r.Partition]
			if ok && r.Offset < end && !r.Attrs.IsControl() && bytes.Equal(r.Key, key) {
				out = append(out, r.Value)
			}
			if ok && r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		})
	}
	return out, nil
}
