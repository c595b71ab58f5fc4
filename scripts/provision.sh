#!/usr/bin/env bash
# Provides what the tests need beyond Go: redis-server, promtool, Python and the jars of a real Apache Kafka.
# Safe to run again: it does nothing, quickly, when all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly KAFKA_VERSION=4.1.1
readonly SCALA_VERSION=2.13
readonly LIBS=build/kafka/libs
readonly STAMP=build/kafka/version
readonly POLICY=/usr/sbin/policy-rc.d # tells Debian's packages whether to start their services

say() { printf 'provision: %s\n' "$*"; }
die() { printf 'provision: %s\n' "$*" >&2; exit 1; }

# apt_install installs Debian packages, refreshing the package lists once if the first try fails.
apt_install() {
  command -v apt-get >/dev/null || die "install $* with this system's package manager, then run make provision again"
  [[ $(id -u) == 0 ]] || die "$* missing: run 'sudo apt-get install $*', then make provision again"
  say "installing $* with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  local options=(-y -qq --no-install-recommends)
  # Installing must not start system services: tests start their own processes on free ports.
  if [[ ! -e $POLICY ]]; then
    trap 'rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod +x "$POLICY"
  fi
  apt-get install "${options[@]}" "$@" >/dev/null 2>&1 ||
    { apt-get update -qq >/dev/null && apt-get install "${options[@]}" "$@" >/dev/null; } ||
    die "apt-get could not install $*"
}

need_command() { # command, its Debian packages
  command -v "$1" >/dev/null || apt_install "${@:2}"
}

check_java() {
  need_command java openjdk-17-jre-headless
  local major
  major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [[ ${major:-0} -ge 17 ]] || die "java ${major:-?} is too old: Kafka $KAFKA_VERSION needs 17 or newer"
}

fetch_kafka() {
  [[ -f $STAMP && $(<"$STAMP") == "$KAFKA_VERSION" ]] && return
  need_command mvn maven
  say "downloading Apache Kafka $KAFKA_VERSION with Maven into $LIBS"
  rm -rf build/kafka
  mkdir -p "$LIBS"
  cat >build/kafka/pom.xml <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>streamlearner</groupId>
  <artifactId>kafka-server</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_$SCALA_VERSION</artifactId>
      <version>$KAFKA_VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
POM
  mvn -q -B -f build/kafka/pom.xml dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$PWD/$LIBS" >build/kafka/maven.log 2>&1 ||
    { cat build/kafka/maven.log >&2; die "Maven could not fetch Kafka $KAFKA_VERSION"; }
  printf '%s\n' "$KAFKA_VERSION" >"$STAMP"
}

fetch_modules() {
  local sum
  sum=$(cat go.mod go.sum | cksum)
  [[ -f build/modules && $(<build/modules) == "$sum" ]] && return
  say "downloading Go modules"
  go mod download
  mkdir -p build && printf '%s\n' "$sum" >build/modules
}

need_command gcc gcc libc6-dev # the race detector needs a C compiler
need_command redis-server redis-server
need_command promtool prometheus
need_command python3 python3 # the tests of clients/python
check_java
fetch_kafka
fetch_modules
say "ready: $(redis-server --version | cut -d' ' -f3), Kafka $KAFKA_VERSION, $(go version | cut -d' ' -f3)"
