#!/usr/bin/env bash
# Profiles streamlearner replay on one core and shows where its time goes, as cumulative percentages.
# usage: profile.sh FILE [replay flags], for instance
#   bench/compare/profile.sh build/compare/events-1000000-1/events.jsonl --format json --label _label \
#     --set learner.loss=logistic --set source.positive=1 --set learner.optimizer=nag
# The profile stays in build/compare/replay.prof for go tool pprof.
set -euo pipefail
(($# > 0)) || { sed -n 's/^# //p' "$0" >&2; exit 2; }
readonly HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly ROOT=$HERE/../..
readonly OUT=$ROOT/build/compare
mkdir -p "$OUT"

# The product has no profiling flag of its own: main is replaced in this build alone.
main=$(cd "$ROOT/cmd/streamlearner" && pwd)/main.go
printf '{"Replace": {"%s": "%s"}}\n' "$main" "$HERE/profile/main.go.txt" >"$OUT/overlay.json"
(cd "$ROOT" && CGO_ENABLED=0 go build -overlay "$OUT/overlay.json" -o "$OUT/profiled" ./cmd/streamlearner)

CPU_PROFILE=$OUT/replay.prof taskset -c "${CORE:-1}" "$OUT/profiled" replay "${@:2}" "$1"
go tool pprof -top -cum -nodecount 45 "$OUT/profiled" "$OUT/replay.prof" 2>/dev/null
