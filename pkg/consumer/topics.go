package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/streamlearner/streamlearner/pkg/state"
)

// adminTimeout bounds a request about topics.
const adminTimeout = 30 * time.Second

// checkTopic warns when the topic to consume does not exist: the client then
// waits for it without a word.
func (c *Consumer) checkTopic(ctx context.Context, cl *kgo.Client) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	topics, err := kadm.NewClient(cl).ListTopics(ctx, c.cfg.Topic)
	if err == nil {
		err = topics[c.cfg.Topic].Err
	}
	switch {
	case err == nil || errors.Is(err, context.Canceled):
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		c.log.Warn("the topic does not exist; waiting for it", "topic", c.cfg.Topic)
	default:
		c.log.Warn("the topic cannot be looked up", "topic", c.cfg.Topic, "error", err)
	}
}

// topicDetails is what the brokers say of the topic that is consumed.
type topicDetails struct {
	log        string // identity of its logs: its name and, where brokers give one, its id
	partitions int32
}

func (c *Consumer) lookUp(ctx context.Context, cl *kgo.Client) (topicDetails, error) {
	topics, err := kadm.NewClient(cl).ListTopics(ctx, c.cfg.Topic)
	if err == nil {
		err = topics[c.cfg.Topic].Err
	}
	if err != nil {
		return topicDetails{}, fmt.Errorf("topic %s: %w", c.cfg.Topic, err)
	}
	d := topics[c.cfg.Topic]
	t := topicDetails{log: c.cfg.Topic + "/", partitions: int32(len(d.Partitions))}
	if d.ID != (kadm.TopicID{}) {
		t.log += d.ID.String()
	}
	return t, nil
}

// spread compares the number of partitions with the one that the model began
// with. Partitions that were added since hold keys of the others, whose
// learners know them: to begin there anew is an operator's decision.
func (c *Consumer) spread(ctx context.Context, t topicDetails, id int32) error {
	keeper, ok := c.deps.Store.(state.SpreadKeeper)
	if !ok {
		return nil
	}
	kept, err := keeper.KeepSpread(ctx, c.cfg.Model, t.partitions, c.cfg.Init)
	switch {
	case err != nil || t.partitions <= kept:
	case id < kept:
		c.log.Warn("partitions were added to the topic: keys have moved, also from and to this one", "partition", id, "partitions", t.partitions, "began_with", kept)
	default:
		err = fmt.Errorf("topic %s has %d partitions, and had %d when model %s began: keys have moved between partitions, and this one would begin "+
			"without what was learned of them; to accept that, run `streamlearner run --init`, or give it a model to begin with by `streamlearner snapshot import --init-from`; to keep the keys together, give the model a new name",
			c.cfg.Topic, t.partitions, kept, c.cfg.Model)
	}
	return err
}

// checkProtocol warns when the brokers lack the protocol that is asked for: the
// client then uses the classic one.
func (c *Consumer) checkProtocol(ctx context.Context, cl *kgo.Client) {
	if c.cfg.GroupProtocol != ProtocolConsumer {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	versions, err := kadm.NewClient(cl).ApiVersions(ctx)
	if err != nil {
		return // unreachable brokers are told about elsewhere
	}
	for _, v := range versions {
		if highest, ok := v.KeyMaxVersion(int16(kmsg.ConsumerGroupHeartbeat)); v.Err == nil && (!ok || highest < 1) {
			c.log.Warn("the broker does not serve the group protocol that is configured; the classic one is used",
				"broker", v.NodeID, "kafka.group_protocol", c.cfg.GroupProtocol, "needs", "Kafka 4.0 or later")
			return
		}
	}
}

// prepareDeadLetters creates the dead-letter topic if it is missing. A client
// that may not create topics goes on: somebody else may have created it.
func (c *Consumer) prepareDeadLetters(ctx context.Context, cl *kgo.Client) {
	c.createTopic(ctx, cl, c.cfg.DeadLetter, nil)
}

// prepareMirror creates the audit topic if it is missing. Its records are kept for good.
func (c *Consumer) prepareMirror(ctx context.Context, cl *kgo.Client) {
	if c.cfg.AuditTopic != "" {
		c.createTopic(ctx, cl, c.cfg.AuditTopic, map[string]*string{
			"cleanup.policy": kadm.StringPtr("delete"), "retention.ms": kadm.StringPtr("-1"), "retention.bytes": kadm.StringPtr("-1"),
		})
	}
}

func (c *Consumer) createTopic(ctx context.Context, cl *kgo.Client, topic string, settings map[string]*string) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	_, err := kadm.NewClient(cl).CreateTopic(ctx, -1, -1, settings, topic)
	switch {
	case err == nil:
		c.log.Info("topic created", "topic", topic)
	case errors.Is(err, kerr.TopicAlreadyExists) || errors.Is(err, context.Canceled):
	default:
		c.log.Warn("topic not created; if it does not exist, create it", "topic", topic, "error", err)
	}
}
