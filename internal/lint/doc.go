// Package lint holds the rules of the house as tests: which package may call which, what a pure package may use, and
// that no state depends on the processor. Each rule carries its reason, which a failure prints.
//
// The order of the floors is in floors_test.go: a new package gets its line there. Rules that one file alone can
// break are also in .golangci.yml, where an editor shows them early.
package lint
