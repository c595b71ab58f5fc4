package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// evaluationReport is the document of snapshot evaluate --json.
type evaluationReport struct {
	Model      string                    `json:"model"`
	Partitions int                       `json:"partitions"` // that have a state
	Alpha      float64                   `json:"alpha"`
	Policies   []learner.EvaluationStats `json:"policies"`
}

func snapshotEvaluateCommand() *cobra.Command {
	var t target
	var asJSON bool
	var alpha float64
	cmd := &cobra.Command{
		Use:   "evaluate MODEL",
		Short: "Show what candidate policies would have earned on all partitions",
		Long: `Show what the candidates of evaluate.candidates would have earned on the decisions of
all partitions of a bandit, as one learner of all would tell it: the sums that the
partitions have saved are added up, not their estimates. docs/ope.md says how to read
them; snapshot show has those of one partition.`,
		Example: `  streamlearner snapshot evaluate offers -c offers.yaml
  streamlearner snapshot evaluate offers --redis redis-1:6379 --alpha 0.01 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(alpha > 0 && alpha < 1) {
				return usageError(fmt.Errorf("--alpha %v: must be above 0 and below 1", alpha))
			}
			if err := state.ValidateModel(args[0]); err != nil {
				return usageError(err)
			}
			store, _, err := t.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // only read
			r, err := readEvaluations(cmd.Context(), store, args[0], alpha)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), r)
			}
			return r.print(cmd.OutOrStdout())
		},
	}
	t.redisFlags(cmd)
	cmd.Flags().Float64Var(&alpha, "alpha", learner.StoredAlpha, "intervals hold the value with probability 1-alpha")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// readEvaluations adds up what the partitions of a model have saved.
func readEvaluations(ctx context.Context, store *redis.Store, model string, alpha float64) (*evaluationReport, error) {
	all, err := keys(ctx, store, model)
	if err != nil {
		return nil, err
	}
	r := &evaluationReport{Model: model, Partitions: len(all), Alpha: alpha}
	var each [][]learner.EvaluationStats
	for _, k := range all {
		s, _, err := store.State(ctx, k)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		d, err := learner.Describe(s.Head)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		each = append(each, d.Evaluations)
	}
	if r.Policies = learner.MergeEvaluations(alpha, each...); r.Policies == nil {
		return nil, fmt.Errorf("%s evaluates no candidates: name them in evaluate.candidates", model)
	}
	return r, nil
}

func (r *evaluationReport) print(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s, %d partitions\n", r.Model, r.Partitions); err != nil {
		return err
	}
	return printCandidates(w, r.Policies, r.Alpha)
}
