// Package configs reads the configuration of streamlearner into one validated
// value.
//
// A setting is taken from the last of these that names it: its default, the
// YAML file, an environment variable STREAMLEARNER_..., a flag --set key=value.
// The variable of a key is its path in capitals with underscores:
// models.fraud.learner.rate is STREAMLEARNER_MODELS_FRAUD_LEARNER_RATE.
//
// Nothing is guessed: a key that does not exist is an error that names the
// nearest one that does, and all errors are reported at once, each with where
// it was found, the key, the value and what is allowed.
//
// streamlearner.yaml beside this file lists every key with its unit, default
// and reason.
package configs
