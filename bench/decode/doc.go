// Package decode compares ways to turn a JSON record into a feature vector.
package decode
