#!/bin/bash
#
# scripts/demo runs to its end without a terminal, and leaves nothing behind.
# The arguments are the commands.

set -euo pipefail

fail() {
  printf 'demo_test: %s\n' "$*" >&2
  exit 1
}

DEPS_BIN=''
for command in "$@"; do
  DEPS_BIN+=${DEPS_BIN:+:}$PWD/$(dirname "$command")
done
export DEPS_BIN

# A short path, as podman wants it.
TMPDIR=$(mktemp -d /tmp/demo-test.XXXXXX)
export TMPDIR
output=$TEST_TMPDIR/output
status=0
scripts/demo </dev/null 2>&1 | tee "$output" || status=$?

remaining=$(find "$TMPDIR" -mindepth 1 | head -n 20)
processes=$(pgrep -a -f "$TMPDIR" || true)
rm -rf "$TMPDIR"

[[ $status -eq 0 ]] || fail "exit status $status"
[[ $(tail -n 1 "$output") == "demo finished" ]] || fail "it did not finish"
for line in \
  '0      root/app/mysql  install  mysql   0.2.0    dev/mysql        -' \
  'root/app/mysql  skipped    0              reused' \
  'root/app        failed     1        1     bundle    .*' \
  'root/app        succeeded  2        0' \
  '           mysql        yes        0.2.0    install  succeeded  .*'; do
  grep -qx -- "$line" "$output" || fail "nowhere is the line: $line"
done
! grep 'mysql://admin:' "$output" || fail "a sensitive output is shown"
[[ -z $remaining ]] || fail "files are left: $remaining"
[[ -z $processes ]] || fail "processes are left: $processes"
