// Offer-service asks a bandit which offer to show, and logs what the bandit learns
// from: decisions as they are made, and rewards when they come. It stands alone, as every
// example does, so that its folder can be copied.
//
//	POST /choose  {"id":"d-1","context":{"hour":9},"eligible":["none","tea"]}  answers {"id":"d-1","arm":"tea"}
//	POST /reward  {"id":"d-1","reward":1}
//
// With streamlearner on the same Kafka and Redis it closes the loop:
//
//	streamlearner sandbox
//	streamlearner run -c examples/offer-service/offers.yaml
//	offer-service
//	curl -d '{"id":"d-1","context":{"hour":9}}' localhost:8081/choose
//	curl -d '{"id":"d-1","reward":1}' localhost:8081/reward
//
// Until the first version is published, which takes some thousand decisions, it shows the baseline.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/streamlearner/streamlearner/pkg/serve"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stderr, func(net.Addr) {})
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "offer-service:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then finishes the requests at hand and writes what they
// logged. It tells listening the address once it takes requests.
func run(ctx context.Context, args []string, stderr io.Writer, listening func(net.Addr)) error {
	f := flag.NewFlagSet("offer-service", flag.ContinueOnError)
	f.SetOutput(stderr)
	listen := f.String("listen", "localhost:8081", "`address` to listen on")
	addr := f.String("redis", "localhost:6379", "`address` of Redis; several are separated by commas")
	brokers := f.String("brokers", "localhost:9092", "`addresses` of Kafka brokers, separated by commas")
	topic := f.String("topic", "offers", "`topic` of decisions and rewards")
	model := f.String("model", "offers", "`name` of the model")
	partitions := f.Int("partitions", 0, "`number` of partitions of the topic; 0 takes those that have a state")
	baseline := f.String("baseline", "none", "`arm` that is shown while there is no policy")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see --help", f.Arg(0))
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	client, err := serve.Open(ctx, serve.Options{
		Redis: redis.Options{Addrs: strings.Split(*addr, ",")}, Model: *model, Partitions: int32(*partitions), Logger: log,
	})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // nobody is left to report to
	// Records with a key go where Kafka's default partitioner takes them, as the client expects.
	producer, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(*brokers, ",")...), kgo.DefaultProduceTopic(*topic),
		kgo.AllowAutoTopicCreation(), kgo.RecordDeliveryTimeout(time.Minute))
	if err != nil {
		return err
	}
	defer producer.Close()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	s := &service{client: client, producer: producer, baseline: *baseline, log: log}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return client.Run(ctx) })
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return errors.Join(server.Shutdown(drain), producer.Flush(drain))
	})
	listening(listener.Addr())
	return g.Wait()
}
