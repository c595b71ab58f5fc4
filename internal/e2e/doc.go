// Package e2e holds the tests of the whole program: its binary, as separate
// processes, on a real Kafka and a real Redis.
package e2e
