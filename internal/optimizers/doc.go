// Package optimizers compares all optimizers of pkg/sgd on public data sets, by
// the command `streamlearner replay` alone, and writes what came of it as a document.
//
//	figures, err := optimizers.Measure(replay, "../shared/data", optimizers.Sets(), step)
//	err = optimizers.Write(w, figures)
//
// A set says how it is replayed: file, flags, and what it is measured by. Every
// set is one pass of `replay --grid` over all optimizers, on numeric fields as they are and
// standardised, and one pass over the losses that its labels allow. The document is a pure
// function of the figures, so that the same program and the same data write the same bytes.
package optimizers
