// Package testbed gives tests real servers: Apache Kafka (KRaft) and redis-server as separate processes on free
// loopback ports, ended by process id when the test ends. It is for tests only.
//
// Most tests share servers and keep apart by name:
//
//	brokers := testbed.Kafka(t)              // one broker per test binary, or that of KAFKA_BROKERS
//	topic := testbed.Topic(t, brokers, 4)    // a fresh topic, deleted when the test ends
//	addr := testbed.Redis(t)                 // a fresh redis-server, or that of REDIS_ADDR
//	model := testbed.Name(t)                 // a name no other test uses: for models (key prefixes) and groups
//
// With REDIS_ADDR set the server is shared with other tests and other packages: never FLUSHALL, and take every model
// name and key prefix from [Name].
//
// Tests that break a server start their own, which nothing else uses:
//
//	k := testbed.KafkaServer(t)   // k.Brokers, k.Kill(), k.Restart(), k.Pause(), k.Continue()
//	r := testbed.RedisServer(t)   // r.Addr, the same verbs
//
//	g := testbed.Sentinels(t)     // a primary, a replica, three Sentinels; g.Failover(lose)
//	n := testbed.Cluster(t)       // a Redis Cluster of three nodes
//	p := testbed.StartProxy(t, r.Addr) // a bad network: p.Delay(d), p.Stall(true), p.Cut(), p.LoseReplies(true)
//
// KAFKA_BROKERS (a comma-separated list) and REDIS_ADDR name servers that are already running; scripts/servers.sh
// and `make test` set them. Without them a test starts what it needs, which `make provision` must have installed.
// A missing server program fails the test; it never skips.
//
// No goroutine but those of a Proxy outlives a call into this package, so tests may check for goroutine leaks.
package testbed
