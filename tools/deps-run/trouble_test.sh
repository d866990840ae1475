#!/bin/bash
#
# Bundles and machines that give trouble: signals, floods, full disks, locks.
# Usage: trouble_test.sh DEPS_RUN

set -uo pipefail

# shellcheck source=tools/deps-run/testing.sh
. tools/deps-run/testing.sh
run=$PWD/$1
work=$(mktemp -d)
full=
cleanup() {
  [[ -z $full ]] || umount "$full"
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
export WORK=$work DEPS_STATE=sqlite:$work/state.db
tree_plan 1 >one.json

tool() {
  cat >"$1"
  chmod +x "$1"
}
start() {
  rm -f begun
  # In the background, a shell has SIGINT ignored.
  env --default-signal=INT "$run" -q --driver "process:./$1" "${@:2}" one.json >out 2>err &
  process=$!
  await 10 test -e begun
}
is_gone() { ! kill -0 "$1" 2>/dev/null; }

tool deaf <<'TOOL'
#!/bin/bash
trap '' TERM INT
echo $$ >"$WORK/pid"
touch "$WORK/begun"
while :; do sleep 0.1; done
TOOL
start deaf --grace 1s
begin=$(date +%s%N)
kill -INT "$process"
wait "$process"
same 'one SIGINT: a bundle that ignores SIGTERM is killed after the grace' "130 1" \
  "$? $(((($(date +%s%N) - begin) / 1000000) >= 900))"
await 5 is_gone "$(<pid)"
start deaf --grace 1h
kill -INT "$process"
sleep 0.3
kill -INT "$process"
wait "$process"
same 'two SIGINT: at once' 130 $?
await 5 is_gone "$(<pid)"
same 'the task is canceled' '["canceled","canceled"]' "$(jq -c '[.status, .tasks[0].status]' out)"

tool forking <<'TOOL'
#!/bin/bash
sleep 1000 &
echo $! >"$WORK/pid"
touch "$WORK/begun"
TOOL
start forking
wait "$process"
same 'a bundle that leaves a process behind' 0 $?
await 5 is_gone "$(<pid)"

tool flood <<'TOOL'
#!/bin/bash
touch "$WORK/begun"
echo the beginning
head -c 1G /dev/zero | tr '\0' x
echo the end
TOOL
start flood
wait "$process"
same 'a bundle that writes 1 GiB' 0 $?
log=$(find state.db.logs -name '*.log' -size +1M)
same 'its log is bounded' true "$([[ $(stat -c %s "$log") -lt 20000000 ]] && echo true)"
same 'and has its beginning and its end' 'the beginning the end' \
  "$(head -n 1 "$log" | cut -c 1-13) $(tail -c 8 "$log")"

# The database is locked by someone else for a while.
tool quick <<'TOOL'
#!/bin/bash
touch "$WORK/begun"
sleep 0.3
TOOL
# (Python is not part of what the tests need; without it this is tried without a lock.)
command -v python3 >/dev/null && python3 - <<'PYTHON' &
import sqlite3, os, time
connection = sqlite3.connect(os.environ["WORK"] + "/state.db", isolation_level=None)
while not os.path.exists(os.environ["WORK"] + "/begun"): time.sleep(0.01)
connection.execute("BEGIN IMMEDIATE")
time.sleep(1.5)
connection.execute("ROLLBACK")
PYTHON
start quick
wait "$process"
same 'a database that is locked for a while' 0 $?
wait

# A step of the clock, both ways, where this machine lets us.
if unshare --time true 2>/dev/null && command -v faketime >/dev/null; then
  faketime '2030-01-01' "$run" -q --driver process:./quick one.json >out 2>err
  same 'the clock is years ahead' 0 $?
fi

# A disk that is full.
mkdir disk
if [[ $EUID -eq 0 ]] && mount -t tmpfs -o size=640k none disk 2>/dev/null; then
  full=$work/disk
  export DEPS_STATE=sqlite:$work/disk/state.db
  "$run" -q --driver process:./quick one.json >out 2>err
  tree_plan 40 >forty.json
  dd if=/dev/zero of=disk/filler bs=1k 2>/dev/null
  status=0
  "$run" -q --driver process:/bin/true --patience 300ms forty.json >out 2>err || status=$?
  same 'a full disk ends the run with status 4' 4 "$status"
  grep -q 'state-open' err || bad "$(cat err)"
  rm disk/filler
  "$run" -q list >out || bad 'the state is damaged'
  "$run" -q --driver process:/bin/true one.json >out 2>err
  same 'and with room again all is well' 0 $?
else
  echo 'not tried: no tmpfs can be mounted here'
fi
exit "$failed"
