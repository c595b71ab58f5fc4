// Package inputs guards what a learner is fed, before and beside the learning:
// against broken pipelines, against whoever supplies more than a share of the
// events, and against features that are others in training than they were when
// the decision was made. docs/inputs.md is its manual.
//
// A Guard sees every decoded event twice. Admit may refuse it before it is learned:
//
//	rules       what the configuration declares of single fields
//	sources     nobody supplies more than a share of a block of events
//	ranges      a number far outside of those of the reference window, if that is to be refused
//	duplicates  events that are like others of late, if those are to be refused
//
// Observe takes what was learned, and compares each block of events with a
// reference window, field by field: how often a field is missing, categories that
// were never seen, numbers outside of the range, the population stability index and
// the distance of Kolmogorov and Smirnov of the distribution; and, where events carry
// them, the features that were logged at decision time with those that were learned.
// What comes of that are warnings, never a refusal.
//
// Like the learner a Guard is a pure function of the events, and all that it knows
// is part of the state. What is switched off costs nothing.
package inputs
