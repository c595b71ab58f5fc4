package main

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// auditVerdict is one partition in audit verify --json.
type auditVerdict struct {
	Key     string            `json:"partition"`
	Records int               `json:"records"` // kept in Redis
	Newest  uint64            `json:"newest"`
	Sum     state.Sum         `json:"sha256"`           // of the newest
	Mirror  *int              `json:"mirror,omitempty"` // records in the audit topic, repeated ones included
	Fault   *state.AuditFault `json:"fault"`            // null: the chain is whole
}

func auditVerifyCommand() *cobra.Command {
	var t target
	var mirror, asJSON bool
	var topic string
	cmd := &cobra.Command{
		Use:   "verify MODEL[/PARTITION]",
		Short: "Check that no audit record was edited, removed or added",
		Long: `Check the chain of audit records of a partition, or of all partitions of a model:
every record must carry the SHA-256 of the one before it, and the newest must be
the one that the state of the learner names. The first broken record is named, and
the exit code is 1.

With --mirror the records are compared with those in the audit topic too, which
whoever can write to Redis alone cannot change: only there is a chain found out
that was written anew as a whole, or cut off together with the state.`,
		Example: `  streamlearner audit verify fraud -c configs/fraud.yaml
  streamlearner audit verify fraud/3 --mirror -c configs/fraud.yaml
  streamlearner audit verify fraud --redis localhost:6379 --brokers localhost:9092 --mirror --topic audit --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, cfg, err := t.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // only read
			ks, err := keys(cmd.Context(), store, args[0])
			if err != nil {
				return err
			}
			v := auditVerifier{store: store, kafka: kafkaConnection(&cfg.Kafka)}
			if mirror {
				if v.topic = cmp.Or(topic, auditTopic(cfg, ks[0].Model)); v.topic == "" {
					return usageError(fmt.Errorf("--mirror: neither --topic nor kafka.audit_topic names the audit topic of %s", ks[0].Model))
				}
			}
			verdicts := []auditVerdict{}
			for _, k := range ks {
				verdict, err := v.verify(cmd.Context(), k)
				if err != nil {
					return err
				}
				verdicts = append(verdicts, verdict)
			}
			return showVerdicts(cmd, verdicts, asJSON)
		},
	}
	t.redisFlags(cmd)
	cmd.Flags().StringSliceVar(&t.brokers, "brokers", nil, "addresses of Kafka brokers, host:port; stronger than the configuration")
	cmd.Flags().BoolVar(&mirror, "mirror", false, "compare with the audit topic")
	cmd.Flags().StringVar(&topic, "topic", "", "the audit topic; stronger than the configuration")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// auditTopic is the topic that mirrors the audit trail of a model; empty for none.
func auditTopic(cfg *configs.Config, model string) string {
	return cmp.Or(cfg.Models[model].Audit.Topic, cfg.Kafka.AuditTopic)
}

type auditVerifier struct {
	store *redis.Store
	kafka consumer.Connection
	topic string // empty: no comparison with the mirror
}

func (v *auditVerifier) verify(ctx context.Context, k state.Key) (auditVerdict, error) {
	chain, fault, err := v.readChain(ctx, k)
	if err != nil {
		return auditVerdict{}, err
	}
	out := auditVerdict{Key: k.String(), Records: len(chain.Records), Newest: chain.Length, Sum: chain.Sum, Fault: fault}
	if v.topic == "" {
		return out, nil
	}
	// Read after the chain, so that the mirror has all that the chain says it has.
	copies, err := consumer.ReadMirror(ctx, v.kafka, v.topic, k)
	if err != nil {
		return auditVerdict{}, fmt.Errorf("%s: %w", k, err)
	}
	n := len(copies)
	out.Mirror = &n
	if out.Fault == nil {
		// What was stored meanwhile may be in the mirror already.
		if chain, out.Fault, err = v.readChain(ctx, k); err != nil {
			return auditVerdict{}, err
		}
		out.Records, out.Newest, out.Sum = len(chain.Records), chain.Length, chain.Sum
		chain.Mirrored = min(chain.Mirrored, out.Newest)
	}
	if out.Fault == nil {
		out.Fault = chain.Compare(copies)
	}
	return out, nil
}

// readChain reads a chain and checks it against the state. The two are read one
// after the other, so a difference that a save made in between is looked at again.
func (v *auditVerifier) readChain(ctx context.Context, k state.Key) (state.Chain, *state.AuditFault, error) {
	const tries = 5
	for i := 1; ; i++ {
		chain, err := v.store.Audit(ctx, k, 0, math.MaxInt32)
		if err != nil {
			return chain, nil, err
		}
		s, _, err := v.store.State(ctx, k)
		if err != nil {
			return chain, nil, err
		}
		d, err := learner.Describe(s.Head)
		if err != nil {
			return chain, nil, fmt.Errorf("%s: %w", k, err)
		}
		fault := chain.Verify()
		if fault == nil && (d.Audit != chain.Length || d.AuditSum != chain.Sum) {
			if i < tries {
				continue
			}
			fault = &state.AuditFault{Seq: min(d.Audit, chain.Length) + 1, Fault: state.FaultEdited,
				Detail: fmt.Sprintf("the head of the state names record %d with SHA-256 %s as the newest one, beside it stands record %d with %s",
					d.Audit, d.AuditSum, chain.Length, chain.Sum)}
			if d.Audit > chain.Length {
				fault.Fault = state.FaultTruncated
			}
		}
		return chain, fault, nil
	}
}

func showVerdicts(cmd *cobra.Command, verdicts []auditVerdict, asJSON bool) error {
	broken := 0
	t := newTable("partition", "kept", "newest", "mirror", "verdict")
	for _, v := range verdicts {
		copies, verdict := "", "whole"
		if v.Mirror != nil {
			copies = fmt.Sprint(*v.Mirror)
		}
		if v.Fault != nil {
			verdict = v.Fault.Error()
			broken++
		}
		t.AppendRow(table.Row{v.Key, v.Records, v.Newest, copies, verdict})
	}
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(3), rightAligned(4)})
	var err error
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), verdicts)
	} else {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), t.Render())
	}
	if err == nil && broken > 0 {
		err = fmt.Errorf("the audit trail is broken at %d of %d partitions", broken, len(verdicts))
	}
	return err
}
