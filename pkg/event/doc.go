// Package event is the vocabulary of streamlearner: the decoded Event, the
// Step a model takes on it, and the decoders that turn records into events.
//
// # Features and their hashes
//
// Every feature has a name, and its identity is the 64-bit xxHash (seed 0) of
// the UTF-8 bytes of that name. Names are made so:
//
//   - a numeric field: its path, nested keys joined by dots: "order.amount"
//   - a string or boolean field: path, "=", value: "country=DE", "new=true"
//   - each string of an array: path, "=", element: "tags=sale"
//   - the feature of a sparse text format: its own name or index
//
// A model with b bits keeps the feature in slot hash & (1<<b - 1). A reader in
// any language that follows these rules can score with a published model.
package event
