// Package dataset reads files of events for the command line: it undoes gzip
// and zstd, finds out the format, the delimiter and the header, and yields one
// record at a time as a decoder of package event takes it. The rows of a Parquet
// file are JSON objects.
//
// What is detected can be said instead (Options), and File says what was found.
package dataset
