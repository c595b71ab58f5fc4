// Package python holds the tests of the Python client, which are written in Go
// where they compare it with the program: the golden files in tests/golden come
// from here (go test ./clients/python -update), and so does a real Redis.
package python
