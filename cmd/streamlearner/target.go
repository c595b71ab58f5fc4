package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/state"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// target is where a command finds Redis and Kafka: a configuration file, or
// addresses, or the environment, or the defaults.
type target struct {
	file    string
	redis   []string
	brokers []string
}

func (t *target) redisFlags(cmd *cobra.Command) {
	t.fileFlag(cmd)
	cmd.Flags().StringSliceVar(&t.redis, "redis", nil, "addresses of Redis, host:port; stronger than the configuration")
}

func (t *target) kafkaFlags(cmd *cobra.Command) {
	t.fileFlag(cmd)
	cmd.Flags().StringSliceVar(&t.brokers, "brokers", nil, "addresses of Kafka brokers, host:port; stronger than the configuration")
}

func (t *target) fileFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&t.file, "config", "c", "", "configuration file; without it the environment and the defaults apply")
}

func (t *target) config() (*configs.Config, error) {
	var set []string
	if len(t.redis) > 0 {
		set = append(set, "redis.addrs="+strings.Join(t.redis, ","))
	}
	if len(t.brokers) > 0 {
		set = append(set, "kafka.brokers="+strings.Join(t.brokers, ","))
	}
	return configs.Load(configs.Input{File: t.file, Env: os.Environ(), Set: set, NoModels: t.file == ""})
}

// store opens Redis as configured.
func (t *target) store() (*redis.Store, *configs.Config, error) {
	cfg, err := t.config()
	if err != nil {
		return nil, nil, err
	}
	store, err := redis.New(redisOptions(&cfg.Redis))
	if err != nil {
		return nil, nil, usageError(fmt.Errorf("redis.addrs: %v: %w", cfg.Redis.Addrs, err))
	}
	return store, cfg, nil
}

// readPartition runs fn, which reads what Redis has of the partition that is named MODEL/PARTITION.
func (t *target) readPartition(ctx context.Context, name string, fn func(*redis.Store, state.Key) error) error {
	k, err := state.ParseKey(name)
	if err != nil {
		return usageError(err)
	}
	store, _, err := t.store()
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // only read
	if err = fn(store, k); err != nil {  // the cause may be that there is nothing at all
		if _, _, e := store.State(ctx, k); errors.Is(e, state.ErrNotFound) {
			return noState(k.String())
		}
	}
	return err
}

// noState tells that a model or a partition has no state.
func noState(name string) error {
	return fmt.Errorf("%s has no state yet: is a process with this model running?", name)
}

// keys returns the partitions that MODEL or MODEL/PARTITION means.
func keys(ctx context.Context, store state.Reader, name string) ([]state.Key, error) {
	if strings.Contains(name, "/") {
		k, err := state.ParseKey(name)
		if err != nil {
			return nil, usageError(err)
		}
		return []state.Key{k}, nil
	}
	if err := state.ValidateModel(name); err != nil {
		return nil, usageError(err)
	}
	partitions, err := store.Partitions(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(partitions) == 0 {
		return nil, noState("model " + name)
	}
	var out []state.Key
	for _, p := range partitions {
		out = append(out, state.Key{Model: name, Partition: p})
	}
	return out, nil
}

// modelNames are the models that a command is about: those named, or else all
// that are configured.
func modelNames(cfg *configs.Config, named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	if names := cfg.Names(); len(names) > 0 {
		return names, nil
	}
	return nil, usageError(errors.New("name a model, or give a configuration with -c FILE"))
}
