package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
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
	c.createTopic(ctx, cl, "dead-letter topic", c.cfg.DeadLetter, nil)
}

// prepareMirror creates the audit topic if it is missing. Its records are kept for good.
func (c *Consumer) prepareMirror(ctx context.Context, cl *kgo.Client) {
	if c.cfg.AuditTopic != "" {
		c.createTopic(ctx, cl, "audit topic", c.cfg.AuditTopic, map[string]*string{
			"cleanup.policy": kadm.StringPtr("delete"), "retention.ms": kadm.StringPtr("-1"), "retention.bytes": kadm.StringPtr("-1"),
		})
	}
}

func (c *Consumer) createTopic(ctx context.Context, cl *kgo.Client, what, topic string, settings map[string]*string) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	_, err := kadm.NewClient(cl).CreateTopic(ctx, -1, -1, settings, topic)
	switch {
	case err == nil:
		c.log.Info(what+" created", "topic", topic)
	case errors.Is(err, kerr.TopicAlreadyExists) || errors.Is(err, context.Canceled):
	default:
		c.log.Warn(what+" not created; if it does not exist, create it", "topic", topic, "error", err)
	}
}
