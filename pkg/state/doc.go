// Package state is the vocabulary of what outlives a process: the snapshot of
// a partition, the versions published from it, and the Store that keeps both.
//
// The order that makes learning exactly-once: an owner claims the partition,
// seeks to Snapshot.Next, feeds records, and saves. One save carries the whole
// machine and the offset it stands at, so state and offset can never disagree;
// the claim in it fences every earlier owner.
package state
