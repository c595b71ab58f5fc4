package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
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

// prepareDeadLetters creates the dead-letter topic if it is missing. A client
// that may not create topics goes on: somebody else may have created it.
func (c *Consumer) prepareDeadLetters(ctx context.Context, cl *kgo.Client) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	_, err := kadm.NewClient(cl).CreateTopic(ctx, -1, -1, nil, c.cfg.DeadLetter)
	switch {
	case err == nil:
		c.log.Info("dead-letter topic created", "topic", c.cfg.DeadLetter)
	case errors.Is(err, kerr.TopicAlreadyExists) || errors.Is(err, context.Canceled):
	default:
		c.log.Warn("dead-letter topic not created; if it does not exist, create it", "topic", c.cfg.DeadLetter, "error", err)
	}
}
