package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
)

// validateReport is the document of validate --json.
type validateReport struct {
	Valid  bool           `json:"valid"`
	Errors configs.Errors `json:"errors"`
	Models []modelDelays  `json:"models"`
}

type modelDelays struct {
	Model  string  `json:"model"`
	Topic  string  `json:"topic"`
	Delays []delay `json:"publish_delay"`
}

// delay is how late versions are published at a rate of events of a partition.
type delay struct {
	Rate   float64 `json:"events_per_second"`
	First  float64 `json:"first_version_after_s"`
	Every  float64 `json:"new_version_every_s"`
	Oldest float64 `json:"served_within_s"`
	Armed  float64 `json:"guard_armed_after_s"` // 0 when the guard is off
}

func validateCommand() *cobra.Command {
	var file string
	var set []string
	var rates []float64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate -c FILE",
		Short: "Check a configuration and say how late models are published",
		Long: `Check a configuration as run reads it: file, then environment, then --set. All
faults are reported at once; each names the place, the key, the value and what
is allowed.

A version is published only once it has outlived its own future: after
snapshot.every events a checkpoint is taken, and it is published when
snapshot.quarantine more have passed without an alarm. Slow streams therefore
publish late; the table says how late at some rates of events, each of one
partition. The guard needs events, too, before it can raise an alarm:
guard.reference_after and guard.window of them.`,
		Example: `  streamlearner validate -c configs/fraud.yaml
  streamlearner validate -c configs/fraud.yaml --rate 0.5,20 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, r := range rates {
				if !(r > 0) {
					return usageError(fmt.Errorf("--rate %v: must be above 0 events a second", r))
				}
			}
			cfg, err := loadConfig(file, set)
			if err != nil {
				return invalid(cmd.OutOrStdout(), err, asJSON)
			}
			report := validateReport{Valid: true, Errors: configs.Errors{}, Models: delays(cfg, rates)}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			return report.print(cmd.OutOrStdout(), file)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file")
	cmd.Flags().StringArrayVar(&set, "set", nil, "override one key, as in kafka.group=test (repeatable)")
	cmd.Flags().Float64SliceVar(&rates, "rate", []float64{10, 100, 1000}, "events a second of one partition to print the publish delay for")
	jsonFlag(cmd, &asJSON)
	if err := cmd.MarkFlagRequired("config"); err != nil {
		panic(err)
	}
	return cmd
}

// invalid reports faults: as the JSON document, or else by the error itself.
func invalid(w io.Writer, err error, asJSON bool) error {
	var faults configs.Errors
	if !asJSON || !errors.As(err, &faults) {
		return err
	}
	if e := printJSON(w, validateReport{Errors: faults, Models: []modelDelays{}}); e != nil {
		return e
	}
	return silentError{err}
}

func delays(cfg *configs.Config, rates []float64) []modelDelays {
	var out []modelDelays
	for _, name := range cfg.Names() {
		m := cfg.Models[name]
		d := modelDelays{Model: name, Topic: m.Source.Topic, Delays: []delay{}}
		for _, r := range rates {
			p := m.PublishDelay(r)
			d.Delays = append(d.Delays, delay{r, p.First.Seconds(), p.Every.Seconds(), p.Oldest.Seconds(), p.Armed.Seconds()})
		}
		out = append(out, d)
	}
	return out
}

func (r *validateReport) print(w io.Writer, file string) error {
	if _, err := fmt.Fprintf(w, "%s is valid.\n\nPublish delay, by events a second of one partition:\n", file); err != nil {
		return err
	}
	t := newTable("model", "topic", "events/s", "first version after", "new version every", "event served within", "guard armed after")
	for _, m := range r.Models {
		for _, d := range m.Delays {
			armed := "off"
			if d.Armed > 0 {
				armed = seconds(d.Armed)
			}
			t.AppendRow(table.Row{m.Model, m.Topic, strconv.FormatFloat(d.Rate, 'g', -1, 64), seconds(d.First), seconds(d.Every), seconds(d.Oldest), armed})
		}
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// seconds tells a span to people: 250ms, 4.2s, 3h5m0s, 12d4h.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}
