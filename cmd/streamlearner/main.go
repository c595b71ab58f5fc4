// Command streamlearner learns online from labelled events in Kafka, guards
// what it learns, and publishes parameters to Redis. Each sub-command is a file
// of this directory.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(program{os.Stdin, os.Stdout, os.Stderr}.run(context.Background(), os.Args[1:]))
}
