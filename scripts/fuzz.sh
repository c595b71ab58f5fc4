#!/usr/bin/env bash
# Runs every fuzz target of the repository, one after the other, for a number of inputs (20000x) or a time (10s).
# A number is the default: the end of a time can catch a worker in the middle, which the tool reports as a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly FUZZTIME=${1:-20000x}

# Lines of the form path/to/file_test.go:FuzzName. --no-index also sees files that are not committed yet.
targets=$(git grep --no-index --exclude-standard -o -E '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/') ||
  { echo "fuzz: no fuzz target found" >&2; exit 1; }

while IFS=: read -r file target; do
  echo "fuzz: $target in $(dirname "$file") for $FUZZTIME"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 100x "./$(dirname "$file")"
done <<<"$targets"
