#!/usr/bin/env bash
# Compares the speed of streamlearner replay with Vowpal Wabbit and River on the same generated events.
# usage: run.sh [-json] [-runs N] [-only REGEXP] ...    (run.sh -help lists the flags of the measurement)
# EVENTS (1000000) and SEED (1) choose the stream. Results are built in build/compare.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly EVENTS=${EVENTS:-1000000} SEED=${SEED:-1}
readonly OUT=$PWD/build/compare HERE=$PWD/bench/compare
readonly DATA=$OUT/events-$EVENTS-$SEED
readonly PYTHON=$OUT/venv/bin/python

say() { printf 'bench-compare: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

command -v taskset >/dev/null || die "taskset missing: install util-linux, then run this again"
command -v python3 >/dev/null || die "python3 missing: install Python 3.11 or newer with venv, then run this again"
mkdir -p "$OUT"

if ! cmp -s "$HERE/requirements.txt" "$OUT/venv/installed.txt"; then
  say "installing vowpalwabbit and river"
  rm -rf "$OUT/venv"
  python3 -m venv "$OUT/venv"
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r "$HERE/requirements.txt"
  cp "$HERE/requirements.txt" "$OUT/venv/installed.txt"
fi

CGO_ENABLED=0 go build -pgo cmd/streamlearner/streamlearner.pgo -trimpath -ldflags '-s -w' -o "$OUT/streamlearner" ./cmd/streamlearner
(cd bench && go build -trimpath -buildvcs=false -o "$OUT/generate" ./compare/generate && go build -o "$OUT/measure" ./compare/measure)

# The program that wrote the events is part of the stamp: a change of the generator makes new events.
stamp=$(sha256sum <"$OUT/generate")
if [[ ! -f $DATA/stamp || $(<"$DATA/stamp") != "$stamp" ]]; then
  say "writing $EVENTS events"
  rm -rf "$DATA"
  "$OUT/generate" -dir "$DATA" -events "$EVENTS" -seed "$SEED"
  "$PYTHON" "$HERE/vw_run.py" -d "$DATA/events.vw" --cache_file "$DATA/events.cache" -b 18 -k --noop --quiet >/dev/null
  printf '%s\n' "$stamp" >"$DATA/stamp"
fi

exec "$OUT/measure" -data "$DATA" -events "$EVENTS" -streamlearner "$OUT/streamlearner" -python "$PYTHON" -scripts "$HERE" "$@"
