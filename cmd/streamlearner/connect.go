package main

import (
	"github.com/streamlearner/streamlearner/configs"
	"github.com/streamlearner/streamlearner/pkg/consumer"
	"github.com/streamlearner/streamlearner/pkg/state/redis"
)

// kafkaConnection says how to reach the configured Kafka.
func kafkaConnection(k *configs.Kafka) consumer.Connection {
	return consumer.Connection{
		Brokers: k.Brokers, ClientID: k.ClientID,
		TLS:  consumer.TLS(k.TLS),
		SASL: consumer.SASL(k.SASL),
	}
}

// redisOptions says how to reach the configured Redis.
func redisOptions(r *configs.Redis) redis.Options {
	return redis.Options{
		Addrs: r.Addrs, Sentinel: redis.Sentinel(r.Sentinel), Wait: redis.Wait(r.Wait),
		Username: r.Username, Password: r.Password, DB: r.DB, TLS: redis.TLS(r.TLS), Compression: r.Compression,
	}
}
