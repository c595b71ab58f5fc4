package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/internal/sandbox"
	"github.com/streamlearner/streamlearner/internal/sim"
)

// The script of the demo, in events of one partition. It begins again every
// demoCycle, with the concept turned back the other way.
const (
	demoTopic, demoModel = "payments", "fraud"

	demoPoisonAt   = 30_000 // labels flipped
	demoPoisonFor  = 5_000
	demoChangeAt   = 70_000 // weights of the true concept turned by demoDegrees
	demoDegrees    = 60
	demoCycle      = 200_000
	demoCycles     = 1_000
	demoRetention  = 2 * time.Minute
	demoSampleTime = 500 * time.Millisecond
)

type demoOptions struct {
	limit      time.Duration
	rate       int
	partitions int
	seed       uint64
	listen     string
	json       bool
}

func demoCommand() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole daemon at work on embedded servers and a generated stream",
		Long: `Start a Kafka-protocol broker, a Redis-protocol server and the daemon in one
process, and feed it card payments with fraud labels. On the way the labels are
poisoned for a while, and later the concept changes for good. Watch the gradients
raise the alarm, the learner freeze, the last good version come back, and how
each of the two is recovered from.

It runs until interrupted, or as long as --for says; 40 s show the whole story
once. It ends with a summary.`,
		Example: `  streamlearner demo
  streamlearner demo --for 40s
  streamlearner demo --for 40s --json | jq '.freezes[] | {partition, event, restored, recovery}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.rate < 1 || o.partitions < 1 {
				return usageError(fmt.Errorf("--rate %d, --partitions %d: both must be at least 1", o.rate, o.partitions))
			}
			ctx, stop := untilInterrupted(cmd.Context())
			defer stop()
			if o.limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, o.limit)
				defer cancel()
			}
			return runDemo(ctx, o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().DurationVar(&o.limit, "for", 0, "end after this time, as in 40s; 0 for until interrupted")
	cmd.Flags().IntVar(&o.rate, "rate", 8_000, "events a second over all partitions")
	cmd.Flags().IntVar(&o.partitions, "partitions", 2, "partitions of the topic, each with its learner")
	cmd.Flags().Uint64Var(&o.seed, "seed", 2, "seed of the generated stream")
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:9600", "address of the status page; another free port is taken when it is in use")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the summary as one JSON document, and nothing else")
	return cmd
}

// runDemo runs the demo until ctx ends.
func runDemo(ctx context.Context, o demoOptions, stdout, stderr io.Writer) error {
	servers, err := sandbox.Start(sandbox.Options{Partitions: o.partitions, Topics: []string{demoTopic}, Retention: demoRetention})
	if err != nil {
		return err
	}
	d, err := demoDaemon(o, servers, stderr)
	if err != nil {
		servers.Close()
		return err
	}
	view := newDemoView(d, o, stdout, servers)
	d.story.follow = view.happened

	// The daemon ends first, so that it can still save; then the servers.
	serversCtx, stopServers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServers()
	g, serversCtx := errgroup.WithContext(serversCtx)
	g.Go(func() error { return servers.Run(serversCtx) })
	g.Go(func() error {
		defer stopServers()
		work, ctx := errgroup.WithContext(ctx)
		work.Go(func() error { return d.Run(ctx) })
		work.Go(func() error { return servers.Feed(ctx, demoTopic, o.rate, demoStream(o, view)) })
		work.Go(func() error { return view.Run(ctx) })
		return work.Wait()
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return view.summary()
}

func demoDaemon(o demoOptions, servers *sandbox.Sandbox, stderr io.Writer) (*daemon, error) {
	model, err := configs.DefaultModel().With([]string{
		"source.topic=" + demoTopic, "source.label=is_fraud", "source.time=ts", "source.key=card", "source.id=tx_id",
		"guard.recovery_min_events=15000", "guard.probation_events=5000",
	})
	if err != nil {
		return nil, err
	}
	cfg := configs.Default()
	cfg.Kafka.Brokers, cfg.Redis.Addrs = servers.Brokers(), []string{servers.RedisAddr()}
	cfg.Models[demoModel] = model
	cfg.Admin.Listen = o.listen
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	d, err := newDaemon(&cfg, log, false)
	if err != nil { // the address may be in use
		cfg.Admin.Listen = "127.0.0.1:0"
		return newDaemon(&cfg, log, false)
	}
	return d, nil
}

// demoStream generates the payments and tells the view what it does to them.
func demoStream(o demoOptions, view *demoView) func(key, value []byte) ([]byte, []byte) {
	n := uint64(o.partitions)
	s := sim.Fraud(o.seed)
	s.Malformed = 0.0002
	announce := map[uint64]string{}
	for c := range uint64(demoCycles) {
		at := c * demoCycle
		s.Poison = append(s.Poison, sim.Episode{From: n * (at + demoPoisonAt), To: n * (at + demoPoisonAt + demoPoisonFor), Share: 1})
		announce[n*(at+demoPoisonAt)] = fmt.Sprintf("the labels of %d events are flipped from here on (poisoning)", n*demoPoisonFor)
		announce[n*(at+demoPoisonAt+demoPoisonFor)] = "the poisoning is over"
		s.Changes = append(s.Changes, sim.Change{At: n * (at + demoChangeAt), Degrees: demoDegrees * float64((c+1)%2)})
		announce[n*(at+demoChangeAt)] = "the concept changes for good from here on: fraud looks different"
	}
	return func(key, value []byte) ([]byte, []byte) {
		value = s.Next(value)
		if text, ok := announce[s.Truth().N]; ok {
			view.announced(text)
		}
		return append(key, s.Key()...), value
	}
}

// demoSummary is the document of demo --json.
type demoSummary struct {
	Seconds         float64           `json:"seconds"`
	Events          uint64            `json:"events"` // records fed to the learners
	Learned         uint64            `json:"learned"`
	EventsPerSecond float64           `json:"events_per_second"`
	Partitions      []partitionStatus `json:"partitions"`
	Freezes         []freeze          `json:"freezes"`
}

func (v *demoView) summarize() demoSummary {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := demoSummary{Seconds: v.elapsed.Seconds(), Partitions: v.last, Freezes: v.d.story.allFreezes()}
	for i := range v.last {
		s.Events += v.last[i].Fed
		s.Learned += v.last[i].Learned
	}
	if s.Seconds > 0 {
		s.EventsPerSecond = float64(s.Events) / s.Seconds
	}
	if s.Freezes == nil {
		s.Freezes = []freeze{}
	}
	return s
}

// summary prints how it went.
func (v *demoView) summary() error {
	s := v.summarize()
	if s.Events == 0 {
		return errors.New("no event was learned; it ended before the stream began")
	}
	if v.json {
		return printJSON(v.out, s)
	}
	fmt.Fprintf(v.out, "\n%d events in %.1f s, %.0f a second; %d learned, %d refused.\n", s.Events, s.Seconds, s.EventsPerSecond, s.Learned, s.Events-s.Learned)
	for _, f := range s.Freezes {
		end := "still frozen"
		switch {
		case f.Resumed != nil:
			end = fmt.Sprintf("learning again at event %d (%s)", *f.Resumed, f.Recovery)
		case f.Probation != nil:
			end = fmt.Sprintf("challenger on probation since event %d", *f.Probation)
		}
		fmt.Fprintf(v.out, "  partition %d: frozen at event %d by the gradient alarm, version %d restored; %s\n", f.Partition, f.Event, f.Restored, end)
	}
	for _, p := range s.Partitions {
		fmt.Fprintf(v.out, "  partition %d: serves version %d, loss %.3f, %s\n", p.Partition, p.Published, p.Loss, p.Mode)
	}
	return nil
}

// terminalWidth is the number of columns of w; 0 when it is no terminal.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
