package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/streamlearner/streamlearner/pkg/learner"
)

// Range is a range of records of one partition, to be read again.
type Range struct {
	Connection Connection
	Topic      string
	Partition  int32
	From, To   int64 // offset of the first record, and the one behind the last
}

// GoneError tells that Kafka does not have a range of records, or no longer.
type GoneError struct {
	Range
	First, End int64 // what it has: offset of the first record, and the one behind the last
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("%s/%d: the records at offsets %d to %d are asked for, and Kafka has those at %d to %d",
		e.Topic, e.Partition, e.From, e.To-1, e.First, e.End-1)
}

// Read calls fn with the records of the range, as a member of the group would be
// given them: without what aborted transactions wrote. It belongs to no group
// and leaves no trace in Kafka. An error of fn ends it.
func (r *Range) Read(ctx context.Context, fn func(learner.Record) error) error {
	opts, err := r.Connection.Options()
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.Topic: {r.Partition: kgo.NewOffset().At(r.From)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the range may end with some
		kgo.FetchMaxWait(fetchMaxWait),
	)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	if err := r.check(ctx, cl); err != nil {
		return err
	}
	for next := r.From; next < r.To; {
		fetches, err := pollStored(ctx, cl, silence)
		if err == nil {
			err = r.failure(ctx, cl, fetches)
		}
		if err != nil {
			return fmt.Errorf("reading %s/%d from offset %d: %w", r.Topic, r.Partition, next, err)
		}
		for it := fetches.RecordIter(); !it.Done() && next < r.To; {
			rec := it.Next()
			if next = rec.Offset + 1; next > r.To || rec.Attrs.IsControl() {
				continue
			}
			if err := fn(newRecord(rec, appendHeaders(nil, rec))); err != nil {
				return err
			}
		}
	}
	return nil
}

// silence is how long brokers may keep records back that they have.
const silence = time.Minute

// pollStored polls for records that Kafka has. The client alone would wait without end, and
// without a word, for brokers that do not answer.
func pollStored(ctx context.Context, cl *kgo.Client, limit time.Duration) (kgo.Fetches, error) {
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	fetches := cl.PollRecords(wait, 10_000)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case wait.Err() != nil && fetches.NumRecords() == 0:
		return nil, fmt.Errorf("brokers %v have sent nothing for %v, although they have records: see whether they are up, and try again", cl.OptValue(kgo.SeedBrokers), limit)
	}
	return fetches, nil
}

// newRecord returns a record as a learner takes it.
func newRecord(r *kgo.Record, headers []learner.Header) learner.Record {
	return learner.Record{
		Offset: r.Offset, LeaderEpoch: r.LeaderEpoch, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value, Headers: headers,
	}
}

func appendHeaders(out []learner.Header, r *kgo.Record) []learner.Header {
	for i := range r.Headers {
		out = append(out, learner.Header{Key: r.Headers[i].Key, Value: r.Headers[i].Value})
	}
	return out
}

// check compares the range with what Kafka has.
func (r *Range) check(ctx context.Context, cl *kgo.Client) error {
	admin := kadm.NewClient(cl)
	gone := &GoneError{Range: *r}
	var err error
	if gone.First, err = listOffset(ctx, admin.ListStartOffsets, r.Topic, r.Partition); err == nil {
		gone.End, err = listOffset(ctx, admin.ListCommittedOffsets, r.Topic, r.Partition)
	}
	if err != nil {
		return fmt.Errorf("offsets of %s/%d: %w", r.Topic, r.Partition, err)
	}
	if r.From < r.To && (r.From < gone.First || r.To > gone.End) {
		return gone
	}
	return nil
}

// failure is what went wrong with a poll.
func (r *Range) failure(ctx context.Context, cl *kgo.Client, f kgo.Fetches) error {
	var err error
	f.EachError(func(_ string, _ int32, e error) { err = errors.Join(err, e) })
	if errors.Is(err, kerr.OffsetOutOfRange) { // deleted since the check
		if gone := r.check(ctx, cl); gone != nil {
			return gone
		}
	}
	return err
}
