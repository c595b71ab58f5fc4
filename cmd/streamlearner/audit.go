package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show and verify the audit trail of models",
		Long: `Show and verify the audit trail: a chain of records of everything that was
published, frozen, restored, recovered, rolled back, promoted, configured and
ordered, with who, when and why. Every record carries the SHA-256 of the one
before it. docs/audit.md tells what can be concluded from it.`,
		Example: `  streamlearner audit list fraud -c configs/fraud.yaml
  streamlearner audit show fraud/3 118
  streamlearner audit verify fraud --mirror -c configs/fraud.yaml`,
	}
	cmd.AddCommand(auditListCommand(), auditShowCommand(), auditVerifyCommand())
	return cmd
}

// auditEntry is one record in audit list --json.
type auditEntry struct {
	Key    string          `json:"partition"`
	Record json.RawMessage `json:"record"`
	record state.AuditRecord
}

// auditQuery chooses records.
type auditQuery struct {
	since string
	kind  string
	limit int
}

func auditListCommand() *cobra.Command {
	var t target
	var q auditQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list MODEL[/PARTITION]",
		Short: "List audit records",
		Long: `List the newest audit records of a partition, or of all partitions of a model,
oldest first, in local time. The time of a record is the event time of the newest
event that the learner had seen; of a command it is when it was given.`,
		Example: `  streamlearner audit list fraud/3 -c configs/fraud.yaml
  streamlearner audit list fraud --kind command --since 24h
  streamlearner audit list fraud --since 2026-03-01T00:00:00Z --limit 0 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keep, err := q.filter(time.Now())
			if err != nil {
				return usageError(err)
			}
			store, _, err := t.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // only read
			list, err := auditEntries(cmd.Context(), store, args[0], keep)
			if err != nil {
				return err
			}
			if q.limit > 0 {
				list = list[max(0, len(list)-q.limit):]
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), auditTable(list, nameRoom(cmd.OutOrStdout(), 90)).Render())
			return err
		},
	}
	t.redisFlags(cmd)
	cmd.Flags().StringVar(&q.since, "since", "", "only records from then on: a duration back from now, as 24h, or a time, as 2026-03-01T00:00:00Z")
	cmd.Flags().StringVar(&q.kind, "kind", "", "only records of this kind: "+strings.Join(state.AuditKinds(), ", "))
	cmd.Flags().IntVar(&q.limit, "limit", 100, "most records, the newest ones; 0 for all")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// filter returns which records are asked for.
func (q *auditQuery) filter(now time.Time) (func(*state.AuditRecord) bool, error) {
	since := int64(math.MinInt64)
	if q.since != "" {
		if back, err := time.ParseDuration(q.since); err == nil {
			since = now.Add(-back).UnixMilli()
		} else if at, err := time.Parse(time.RFC3339, q.since); err == nil {
			since = at.UnixMilli()
		} else {
			return nil, fmt.Errorf("--since: %q: must be a duration, as 24h, or a time, as 2026-03-01T00:00:00Z", q.since)
		}
	}
	if q.kind != "" && !slices.Contains(state.AuditKinds(), q.kind) {
		return nil, fmt.Errorf("--kind: %q: must be one of %s", q.kind, strings.Join(state.AuditKinds(), ", "))
	}
	if q.limit < 0 {
		return nil, fmt.Errorf("--limit: %d: must not be negative", q.limit)
	}
	return func(r *state.AuditRecord) bool {
		return (q.kind == "" || r.Kind == q.kind) && auditTime(r) >= since
	}, nil
}

// auditTime is when a record was made, for people: milliseconds since 1970 UTC.
func auditTime(r *state.AuditRecord) int64 { return cmp.Or(r.Given, r.At) }

// auditEntries returns the kept records of the partitions that a name means,
// ordered by time where there are several.
func auditEntries(ctx context.Context, store *redis.Store, name string, keep func(*state.AuditRecord) bool) ([]auditEntry, error) {
	ks, err := keys(ctx, store, name)
	if err != nil {
		return nil, err
	}
	list := []auditEntry{}
	for _, k := range ks {
		chain, err := store.Audit(ctx, k, 0, math.MaxInt32)
		if err != nil {
			return nil, err
		}
		for i, data := range chain.Records {
			r, err := state.ParseAudit(data)
			if err != nil {
				return nil, fmt.Errorf("%s: entry %d of the audit trail: %w; `streamlearner audit verify %s` tells more", k, i+1, err, k)
			}
			if keep(&r) {
				list = append(list, auditEntry{Key: k.String(), Record: data, record: r})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b auditEntry) int {
		if a.Key == b.Key {
			return 0
		}
		return cmp.Compare(auditTime(&a.record), auditTime(&b.record))
	})
	return list, nil
}

func auditTable(list []auditEntry, room int) table.Writer {
	t := newTable("partition", "record", "time", "kind", "who", "offset", "mode", "what")
	for i := range list {
		r := &list[i].record
		t.AppendRow(table.Row{list[i].Key, r.Seq, auditClock(auditTime(r)), r.Kind, r.Who, r.Next.Offset, r.Mode, cutName(auditStory(r), room)})
	}
	t.SetColumnConfigs([]table.ColumnConfig{rightAligned(2), rightAligned(6)})
	return t
}

// auditClock is a time for people; a dash before the first event.
func auditClock(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return time.UnixMilli(ms).Local().Format("2006-01-02 15:04:05")
}

// auditStory says in a few words what a record is about.
func auditStory(r *state.AuditRecord) string {
	var parts []string
	if r.Command != "" {
		parts = append(parts, r.Command)
	}
	if v := cmp.Or(r.Args.Version, versionNumber(r.Version)); v > 0 {
		parts = append(parts, fmt.Sprintf("version %d", v))
	}
	if r.Args.Label != "" {
		parts = append(parts, fmt.Sprintf("label %q", r.Args.Label))
	}
	if r.Error != "" {
		parts = append(parts, "refused: "+r.Error)
	}
	if r.Cause != "" {
		parts = append(parts, r.Cause)
	}
	if r.Why != "" {
		parts = append(parts, r.Why)
	}
	for i := range r.Warnings {
		parts = append(parts, r.Warnings[i].Text(nil))
	}
	if r.Alarm != nil {
		if findings := r.Alarm.Evidence.Findings(nil); len(findings) > 0 {
			parts = append(parts, findings[0])
		}
	}
	return strings.Join(parts, ", ")
}

func versionNumber(v *state.Version) uint64 {
	if v == nil {
		return 0
	}
	return v.Number
}

func auditShowCommand() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show MODEL/PARTITION RECORD",
		Short: "Show one audit record in full",
		Long:  `Show one audit record of a partition, by its number, with all that it says.`,
		Example: `  streamlearner audit show fraud/3 118 -c configs/fraud.yaml
  streamlearner audit show fraud/3 118 --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := state.ParseKey(args[0])
			if err != nil {
				return usageError(err)
			}
			seq, err := strconv.ParseUint(args[1], 10, 63)
			if err != nil || seq == 0 {
				return usageError(fmt.Errorf("%q is no number of a record: they count from 1", args[1]))
			}
			store, _, err := t.store()
			if err != nil {
				return err
			}
			defer func() { _ = store.Close() }() // only read
			chain, err := store.Audit(cmd.Context(), k, int64(seq)-1, 1)
			if err != nil {
				return err
			}
			var r state.AuditRecord
			if len(chain.Records) > 0 {
				if r, err = state.ParseAudit(chain.Records[0]); err != nil {
					return fmt.Errorf("record %d of %s: %w; `streamlearner audit verify %s` tells more", seq, k, err, k)
				}
			}
			if r.Seq != seq {
				return fmt.Errorf("%s has no record %d: the newest is %d, and old ones are dropped", k, seq, chain.Length)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), auditEntry{Key: k.String(), Record: chain.Records[0]})
			}
			return showRecord(cmd, k, &r, chain.Records[0])
		},
	}
	t.redisFlags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// showRecord prints a record as a table of its fields.
func showRecord(cmd *cobra.Command, k state.Key, r *state.AuditRecord, data []byte) error {
	t := newTable("field", "value")
	row := func(name string, value any) {
		if s := fmt.Sprint(value); s != "" && s != "0" {
			t.AppendRow(table.Row{name, s})
		}
	}
	row("partition", k)
	row("record", r.Seq)
	row("sha256", state.SumOf(data))
	row("previous", r.Prev)
	row("kind", r.Kind)
	row("who", r.Who)
	row("why", r.Why)
	row("event time", auditClock(r.At))
	if r.Given != 0 {
		row("given", auditClock(r.Given))
	}
	row("before offset", fmt.Sprintf("%d (leader epoch %d)", r.Next.Offset, r.Next.LeaderEpoch))
	row("fed", r.Fed)
	row("learned", r.Learned)
	row("mode", r.Mode)
	row("mode before", r.From)
	row("cause", r.Cause)
	if a := r.Alarm; a != nil {
		row("alarm", fmt.Sprintf("%s at %.6g, threshold %.6g", a.Detector, a.Statistic, a.Threshold))
		if e := a.Evidence; e != nil {
			row("suspect offsets", fmt.Sprintf("%d to %d", e.From, e.To))
			for _, finding := range e.Findings(nil) {
				row("moved", finding)
			}
		}
	}
	for i := range r.Warnings {
		row("warning", r.Warnings[i].Text(nil))
	}
	if v := r.Version; v != nil {
		row("version", v.Number)
		row("parent", v.Parent)
		row("parameters", v.Sum)
		row("version next", v.Next.Offset)
		row("version config", v.Config)
		row("version binary", v.Binary+" "+v.Arch)
	}
	row("command", r.Command)
	if r.Args != (state.Args{}) {
		args, err := json.Marshal(r.Args)
		if err != nil {
			return err
		}
		row("arguments", string(args))
	}
	row("id", r.ID)
	row("refused", r.Error)
	row("config", r.Config)
	row("binary", r.Binary+" "+r.Arch)
	_, err := fmt.Fprintln(cmd.OutOrStdout(), t.Render())
	return err
}
