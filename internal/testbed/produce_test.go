package testbed

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A broker that takes a batch and never answers cannot hang a test.
func TestProduceGivesUp(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := Produce(client, kgo.StringRecord("a"), kgo.StringRecord("b")); err != nil {
		t.Fatal(err)
	}
	var taken atomic.Bool
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		taken.Store(true)
		return nil, nil, true
	})
	err = produceWithin(300*time.Millisecond, client, []*kgo.Record{kgo.StringRecord("c")})
	want := fmt.Sprintf("topic t: brokers %v have stored 0 of 1 records after 300ms", c.ListenAddrs())
	if err == nil || !strings.Contains(err.Error(), want) || !taken.Load() {
		t.Errorf("%v, want %s; the broker has got it: %t", err, want, taken.Load())
	}
}
