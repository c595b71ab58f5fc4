#!/usr/bin/env bash
# Renews the profile by which releases are compiled (profile-guided optimisation): it profiles replays of the events of
# bench-compare, with and without the guard, and merges the profiles. EVENTS (300000) and SEED (1) choose the stream.
set -euo pipefail
readonly HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly ROOT=$HERE/../..
readonly OUT=$ROOT/build/compare
export EVENTS=${EVENTS:-300000} SEED=${SEED:-1}
"$HERE/run.sh" -runs 1 -only 'nag, guard off$' >/dev/null # writes the events, too

profiles=()
for optimizer in nag auto adagrad; do
  for guard in true false; do
    "$HERE/profile.sh" "$OUT/events-$EVENTS-$SEED/events.jsonl" --format json --label _label --set learner.loss=logistic \
      --set source.positive=1 --set learner.optimizer=$optimizer --set guard.enabled=$guard >/dev/null
    profiles+=("$OUT/$optimizer-$guard.prof")
    mv "$OUT/replay.prof" "${profiles[-1]}"
  done
done
go tool pprof -proto -output "$ROOT/cmd/streamlearner/streamlearner.pgo" "$OUT/profiled" "${profiles[@]}"
