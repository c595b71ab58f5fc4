package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/internal/dataset"
	"github.com/streamlearner/streamlearner/internal/publish"
)

// loadInput is what load is told by its flags.
type loadInput struct {
	target
	topic      string
	key        string
	rate       float64
	partitions int
	options    dataset.Options
	files      []string
}

// loadReport is the document of load --json.
type loadReport struct {
	Topic   string  `json:"topic"`
	Format  string  `json:"format"`  // of the records: rows of CSV and Parquet become JSON objects
	Records int64   `json:"records"` // stored by Kafka
	Skipped int64   `json:"skipped"` // rows of another number of columns
	Keyless int64   `json:"keyless"` // records in which the key field was not found
	Rate    float64 `json:"records_per_second"`
}

// formatHelp says which formats the files of load and replay may have.
const formatHelp = "auto, csv, dsjson, json (jsonl), libsvm, parquet, vw, vwadf, vwcb or vwjson"

func loadCommand() *cobra.Command {
	var in loadInput
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "load --topic T FILE...",
		Short: "Publish files to a Kafka topic",
		Long: `Publish the records of files to a Kafka topic, in order. The rows of CSV and Parquet
files become JSON objects with the columns as fields; lines of JSON, libsvm, vw text
and vw JSON go as they are. Format, delimiter and header are detected, gzip and zstd
undone. - is standard input, from which Parquet cannot be read.

With --key FIELD records are placed by the text of that field, as Kafka's default
partitioner does, so that all of one key go to one partition; without it they are
dealt to the partitions in turn. Records count once all replicas have them.`,
		Example: `  streamlearner load --topic payments --key card payments.csv.gz
  streamlearner load --topic electricity --partitions 4 --rate 5000 --brokers localhost:9092 elec2.txt.gz`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.files = args
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			report, err := in.load(ctx, cmd)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d %s records in topic %s, %.0f a second\n", report.Records, report.Format, report.Topic, report.Rate)
			return err
		},
	}
	in.kafkaFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&in.topic, "topic", "", "topic to publish to; made when it is missing")
	f.StringVar(&in.options.Format, "format", "auto", formatHelp)
	f.StringVar(&in.options.Header, "header", "auto", "csv: whether the first row names the columns: auto, yes or no")
	f.StringVar(&in.key, "key", "", "field whose text is the key of the record")
	f.Float64Var(&in.rate, "rate", 0, "most records a second; 0 for no limit")
	f.IntVar(&in.partitions, "partitions", 0, "partitions of the topic when it is made; 0 for the broker's default")
	jsonFlag(cmd, &asJSON)
	if err := cmd.MarkFlagRequired("topic"); err != nil {
		panic(err)
	}
	return cmd
}

func (in *loadInput) check() error {
	switch {
	case in.topic == "":
		return errors.New("--topic: must name a topic")
	case !(in.rate >= 0):
		return fmt.Errorf("--rate %v: must not be negative", in.rate)
	case in.partitions < 0:
		return fmt.Errorf("--partitions %d: must not be negative", in.partitions)
	}
	return nil
}

func (in *loadInput) load(ctx context.Context, cmd *cobra.Command) (*loadReport, error) {
	if err := in.check(); err != nil {
		return nil, usageError(err)
	}
	cfg, err := in.config()
	if err != nil {
		return nil, err
	}
	connection := kafkaConnection(&cfg.Kafka)
	client, err := connection.Options()
	if err != nil {
		return nil, usageError(err)
	}
	files, err := openAll(in.files, cmd.InOrStdin(), in.options)
	if err != nil {
		return nil, usageError(err)
	}
	defer closeAll(files)
	p, err := publish.Open(ctx, publish.Options{Topic: in.topic, Partitions: in.partitions, Rate: in.rate, Client: client})
	if err != nil {
		return nil, err
	}
	l := loader{publisher: p, log: newLogger(cmd.ErrOrStderr(), cfg.Log), report: loadReport{Topic: in.topic}}
	begin := time.Now()
	for _, f := range files {
		if err = l.file(ctx, f, in.key, cmd.ErrOrStderr()); err != nil {
			break
		}
	}
	if e := p.Close(ctx); err == nil {
		err = e
	}
	l.report.Records = p.Stored()
	l.report.Rate = float64(l.report.Records) / time.Since(begin).Seconds()
	return &l.report, err
}

// openAll opens files in order; on an error none stays open.
func openAll(names []string, stdin io.Reader, o dataset.Options) ([]*dataset.File, error) {
	var files []*dataset.File
	for _, name := range names {
		f, err := dataset.Open(name, stdin, o)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*dataset.File) {
	for _, f := range files {
		_ = f.Close() // only read
	}
}

// loader publishes the records of files.
type loader struct {
	publisher *publish.Publisher
	log       *slog.Logger
	report    loadReport
}

func (l *loader) file(ctx context.Context, f *dataset.File, key string, w io.Writer) error {
	r, err := newRecords(f, key)
	if err != nil {
		return usageError(err)
	}
	l.report.Format = r.format
	bar := newProgress(w, f.Name, f.Size)
	defer bar.close()
	for {
		value, key, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errColumns):
			if l.report.Skipped++; l.report.Skipped == 1 {
				l.log.Warn("a row has another number of columns and is skipped, as all like it", "file", f.Name, "row", string(value))
			}
			continue
		case err != nil:
			return err
		}
		if r.keys != nil && key == nil {
			if l.report.Keyless++; l.report.Keyless == 1 {
				l.log.Warn("a record has no key, as maybe others", "file", f.Name, "record", string(value))
			}
		}
		if err := l.publisher.Publish(ctx, key, value); err != nil {
			return err
		}
		bar.set(f.Done())
	}
}
