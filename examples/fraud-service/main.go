// Fraud-service answers HTTP requests with the fraud model that streamlearner
// publishes. It shows what a service has to do: open a client, keep it fresh,
// score in process, and decide what to do when there is no model or an old one.
// It stands alone, as every example does, so that its folder can be copied.
//
//	POST /score    a payment as JSON, without its label
//	GET  /healthz  200 once a model is served
//	GET  /metrics  Prometheus
//
// Which fields of a payment count is published with the model, so the address of
// Redis is all that it needs; `streamlearner demo` prints that of its own. The
// payments of the demo are dated in the past:
//
//	fraud-service --redis ADDRESS --partitions 2 --max-age 0
//	curl -d '{"card":"4711","amount":99.5,"country":"DE"}' localhost:8080/score
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

	"golang.org/x/sync/errgroup"

	"github.com/streamlearner/streamlearner/configs"
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
		fmt.Fprintln(os.Stderr, "fraud-service:", err)
		os.Exit(1)
	}
}

// settings are the flags of the program.
type settings struct {
	listen     string
	config     string
	redis      string
	model      string
	partitions int
	policy     policy
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("fraud-service", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.listen, "listen", "localhost:8080", "`address` to listen on")
	f.StringVar(&s.config, "config", "", "configuration `file` of streamlearner, for the way to Redis")
	f.StringVar(&s.redis, "redis", "", "`address` of Redis, instead of the configured one; several are separated by commas")
	f.StringVar(&s.model, "model", "fraud", "`name` of the model")
	f.IntVar(&s.partitions, "partitions", 0, "`number` of partitions of the topic; 0 takes those that have a state")
	f.Float64Var(&s.policy.review, "review", 0.3, "`probability` of fraud from which a person looks at the payment")
	f.Float64Var(&s.policy.decline, "decline", 0.8, "`probability` of fraud from which the payment is declined")
	f.DurationVar(&s.policy.maxAge, "max-age", time.Hour, "a person looks at payments scored with an older model; 0 for never")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q; see --help", f.Arg(0))
	}
	return s, s.policy.validate()
}

// options merges the flags into what the configuration file says.
func (s *settings) options(log *slog.Logger) (serve.Options, error) {
	o := serve.Options{Model: s.model, Partitions: int32(s.partitions), Logger: log}
	if s.config == "" {
		o.Redis = redis.Options{Addrs: configs.Default().Redis.Addrs}
	} else {
		c, err := configs.Load(configs.Input{File: s.config, Env: os.Environ()})
		if err != nil {
			return o, err
		}
		if _, ok := c.Models[s.model]; !ok {
			return o, fmt.Errorf("%s has no model %q: set --model to one under models", s.config, s.model)
		}
		r := c.Redis
		o.Redis = redis.Options{Addrs: r.Addrs, Username: r.Username, Password: r.Password, DB: r.DB, TLS: redis.TLS(r.TLS)}
	}
	if s.redis != "" {
		o.Redis.Addrs = strings.Split(s.redis, ",")
	}
	return o, nil
}

// run serves until ctx ends, then finishes the requests at hand. It tells
// listening the address once it takes requests.
func run(ctx context.Context, args []string, stderr io.Writer, listening func(net.Addr)) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	o, err := s.options(log)
	if err != nil {
		return err
	}
	client, err := serve.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // nobody is left to report to
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newHandler(client, s.policy, log), ReadHeaderTimeout: 5 * time.Second}
	log.Info("serving", "address", listener.Addr().String(), "model", s.model)

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
		return server.Shutdown(drain)
	})
	listening(listener.Addr())
	return g.Wait()
}
