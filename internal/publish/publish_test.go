package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func broker(t *testing.T) []string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestPublish(t *testing.T) {
	seeds, ctx := broker(t), testContext(t)
	o := Options{Topic: "t", Partitions: 3, Client: []kgo.Opt{kgo.SeedBrokers(seeds...)}}
	p, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	const n = 300
	value := make([]byte, 8)
	for i := range n {
		value = fmt.Appendf(value[:0], "v%d", i) // one buffer, as a reader of files has it
		if err := p.Publish(ctx, fmt.Appendf(nil, "k%d", i%7), value); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(ctx); err != nil || p.Stored() != n {
		t.Fatalf("stored %d: %v", p.Stored(), err)
	}

	partition := map[string]int32{}
	for _, r := range consume(ctx, t, seeds, n) {
		if was, ok := partition[string(r.Key)]; ok && was != r.Partition {
			t.Errorf("key %s is in partitions %d and %d", r.Key, was, r.Partition)
		}
		partition[string(r.Key)] = r.Partition
	}
}

func TestPublishWithoutKeys(t *testing.T) {
	seeds, ctx := broker(t), testContext(t)
	p, err := Open(ctx, Options{Topic: "t", Partitions: 3, Client: []kgo.Opt{kgo.SeedBrokers(seeds...)}})
	if err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if err := p.Publish(ctx, nil, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	share := map[int32]int{}
	for _, r := range consume(ctx, t, seeds, 30) {
		share[r.Partition]++
	}
	if share[0] != 10 || share[1] != 10 || share[2] != 10 {
		t.Errorf("records per partition: %v, want 10 each", share)
	}
}

// consume returns n different records of the topic t.
func consume(ctx context.Context, t *testing.T, seeds []string, n int) []*kgo.Record {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var out []*kgo.Record
	for len(out) < n {
		fs := c.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatal(err)
		}
		out = append(out, fs.Records()...)
	}
	return out
}

func TestOpenChecksPartitions(t *testing.T) {
	seeds, ctx := broker(t), testContext(t)
	client := []kgo.Opt{kgo.SeedBrokers(seeds...)}
	for _, tc := range []struct {
		partitions int
		fails      string
	}{{2, ""}, {2, ""}, {0, ""}, {3, "topic t exists with 2 partitions, not 3"}} {
		p, err := Open(ctx, Options{Topic: "t", Partitions: tc.partitions, Client: client})
		switch {
		case err == nil:
			if err := p.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if tc.fails != "" {
				t.Errorf("%d partitions are accepted", tc.partitions)
			}
		case tc.fails == "" || !strings.Contains(err.Error(), tc.fails):
			t.Errorf("%d partitions: %v", tc.partitions, err)
		}
	}
}

func TestRate(t *testing.T) {
	seeds, ctx := broker(t), testContext(t)
	p, err := Open(ctx, Options{Topic: "t", Rate: 200, Client: []kgo.Opt{kgo.SeedBrokers(seeds...)}})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for range 41 {
		if err := p.Publish(ctx, nil, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took < 190*time.Millisecond { // 40 gaps of 5 ms, timers 1 ms early at most
		t.Errorf("41 records at 200 a second took %v", took)
	}
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// A broker that takes records and does not answer ends the command with its name.
func TestPublishGivesUp(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, nil, true
	})
	ctx := testContext(t)
	p, err := Open(ctx, Options{Topic: "t", Client: []kgo.Opt{
		kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordDeliveryTimeout(time.Second), kgo.ProduceRequestTimeout(100 * time.Millisecond), kgo.RequestTimeoutOverhead(time.Second),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(ctx, nil, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(ctx); !errors.Is(err, kgo.ErrRecordTimeout) || !strings.Contains(err.Error(), c.ListenAddrs()[0]) {
		t.Errorf("got %v, want a timeout that names %v", err, c.ListenAddrs())
	}
}
