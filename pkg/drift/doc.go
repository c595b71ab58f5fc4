// Package drift holds change detectors: the block e-detectors that watch the
// gradients of a learner at a frozen reference, and the classical detectors on
// a sequence of numbers, each by its published definition.
//
// Everything here is deterministic and pure: a detector is a function of the
// numbers it has seen, thresholds count events and never seconds, and a
// detector that is encoded, decoded and continued gives the same alarms.
package drift
