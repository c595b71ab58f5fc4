package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/learner"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// exportReport is the document of snapshot export --json.
type exportReport struct {
	Key   string        `json:"partition"`
	File  string        `json:"file"`
	Bytes int           `json:"bytes"`
	Sum   state.Sum     `json:"file_sha256"`
	Of    state.Version `json:"version"`
}

func snapshotExportCommand() *cobra.Command {
	var t target
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export MODEL/PARTITION VERSION -o FILE",
		Short: "Write a version to a file",
		Long: `Write a kept version to a file that holds all there is to it: parameters with the
state of the optimizer, schema, settings, and checksums. VERSION is a number or a
label. The same version always gives the same bytes; docs/format/export.md
specifies them. 'snapshot import' reads the file.`,
		Example: `  streamlearner snapshot export fraud/3 champion -o fraud-3.slv
  streamlearner snapshot export fraud/3 117 -o fraud-3-117.slv --redis redis-1:6379 --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.readPartition(cmd.Context(), args[0], func(store *redis.Store, k state.Key) error {
				x, err := readExport(cmd.Context(), store, k, versionRef{name: args[1]})
				if err != nil {
					return fmt.Errorf("%s: %w", k, err)
				}
				data := x.Append(nil)
				if err := os.WriteFile(file, data, 0o600); err != nil {
					return err
				}
				r := exportReport{Key: k.String(), File: file, Bytes: len(data), Sum: state.SumOf(data), Of: x.Version}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), r)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: version %d written to %s, %d bytes, sha256 %s\n", k, r.Of.Number, file, r.Bytes, r.Sum)
				return err
			})
		},
	}
	t.redisFlags(cmd)
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write")
	jsonFlag(cmd, &asJSON)
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err)
	}
	return cmd
}

func readExport(ctx context.Context, store *redis.Store, k state.Key, ref versionRef) (*state.Export, error) {
	v, err := ref.find(ctx, store, k)
	if err != nil {
		return nil, err
	}
	x, err := state.ReadExport(ctx, store, k, v)
	if err != nil {
		return nil, err
	}
	s, _, err := store.State(ctx, k)
	if err != nil {
		return nil, err
	}
	d, err := learner.Describe(s.Head)
	if err != nil {
		return nil, err
	}
	x.Settings = d.Settings
	if s.Current != nil {
		x.Schema = s.Current.Schema
	}
	return x, nil
}

func snapshotImportCommand() *cobra.Command {
	o := order{kind: learner.CommandImport}
	var model, label string
	var partition int32
	var begin bool
	cmd := &cobra.Command{
		Use:   "import FILE --model MODEL --partition N --why TEXT",
		Short: "Bring an exported version into a partition",
		Long: `Bring a version that 'snapshot export' wrote into a partition. It becomes one of the
kept versions under the next number, with the label of --label. Nobody serves it
until 'snapshot rollback' says so; --restore there makes the learner go on from it.

--init-from makes it the beginning of a partition that has learned nothing yet,
also before a process has ever run: the learner starts from it, and readers are
served it until the first version of its own is proven.

The owner refuses parameters that its configuration does not take.` + orderHelp,
		Example: `  streamlearner snapshot import fraud-3.slv --model fraud --partition 3 --label blue --why "from the old cluster"
  streamlearner snapshot import fraud-3.slv --model fraud --partition 5 --init-from --why "new partition"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			k := state.Key{Model: model, Partition: partition}
			if err := k.Validate(); err != nil {
				return usageError(err)
			}
			if label != "" {
				if err := state.ValidateLabel(label); err != nil {
					return usageError(err)
				}
			}
			data, err := os.ReadFile(args[0])
			if err != nil {
				return usageError(err)
			}
			if _, err := state.ParseExport(data); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			b := state.Blob{Sum: state.SumOf(data), Data: data}
			o.args = func(ctx context.Context, store *redis.Store, k state.Key) (state.Args, error) {
				if err := beginnable(ctx, store, k, begin); err != nil {
					return state.Args{}, err
				}
				return state.Args{Sum: b.Sum, Label: label, Restore: begin}, store.Upload(ctx, k, b)
			}
			return o.run(cmd, k.String())
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&model, "model", "", "model to import into")
	cmd.Flags().Int32Var(&partition, "partition", 0, "partition to import into")
	cmd.Flags().StringVar(&label, "label", "", "name of the imported version")
	cmd.Flags().BoolVar(&begin, "init-from", false, "make it the beginning of a new partition")
	for _, name := range []string{"model", "partition"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	return cmd
}

// beginnable returns an error when a partition has a state and shall begin, or the other way round.
func beginnable(ctx context.Context, store *redis.Store, k state.Key, begin bool) error {
	_, _, err := store.State(ctx, k)
	switch {
	case err != nil && !errors.Is(err, state.ErrNotFound):
		return err
	case err == nil && begin:
		return errors.New("--init-from: the partition has a state already; import without it, then roll back to the imported version with --restore")
	case err != nil && !begin:
		return errors.New("the partition has no state; make the version its beginning with --init-from")
	}
	return nil
}
