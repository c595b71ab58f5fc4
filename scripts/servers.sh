#!/usr/bin/env bash
# Starts and stops a real Kafka and a real redis-server for work on one package at a time:
#
#   scripts/servers.sh start && source build/servers/env
#   go test ./pkg/consumer
#   scripts/servers.sh stop
#
# `make test` does not need it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly DIR=build/servers
readonly LIMIT=120 # seconds

running() { [[ -f $DIR/pid ]] && kill -0 "$(<"$DIR/pid")" 2>/dev/null; }

start() {
  if running; then
    echo "servers: already running, see $DIR/env"
    return
  fi
  scripts/provision.sh
  rm -rf "$DIR" && mkdir -p "$DIR"
  go build -o "$DIR/servers" ./internal/testbed/servers
  nohup "$DIR/servers" >"$DIR/out" 2>"$DIR/log" </dev/null &
  echo $! >"$DIR/pid"
  for ((i = 0; i < LIMIT * 10; i++)); do
    if [[ $(wc -l <"$DIR/out") -ge 2 ]]; then
      sed 's/^/export /' "$DIR/out" >"$DIR/env"
      echo "servers: started; 'source $DIR/env' to use them"
      return
    fi
    running || break
    sleep 0.1
  done
  cat "$DIR/log" >&2
  echo "servers: could not start" >&2
  stop
  exit 1
}

stop() {
  if running; then
    kill "$(<"$DIR/pid")"
    while running; do sleep 0.1; done
    echo "servers: stopped"
  fi
  rm -rf "$DIR"
}

case ${1:-} in
start) start ;;
stop) stop ;;
*)
  echo "usage: $0 start|stop" >&2
  exit 2
  ;;
esac
