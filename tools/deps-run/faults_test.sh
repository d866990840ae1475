#!/bin/bash
#
# deps-run is killed at every point where its state changes; then at random
# moments, many times. Each task runs exactly once to its end.
# Usage: faults_test.sh DEPS_RUN_WITH_FAULTS

set -uo pipefail

# shellcheck source=tools/deps-run/testing.sh
. tools/deps-run/testing.sh
run=$PWD/$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export WORK=$work

cat >tool <<'TOOL'
#!/bin/bash
if [[ -e $WORK/lock-$CNAB_BUNDLE_NAME ]]; then
  echo "$CNAB_BUNDLE_NAME" >>"$WORK/twice-at-once"
fi
touch "$WORK/lock-$CNAB_BUNDLE_NAME"
[[ ! -e $WORK/slow ]] || sleep 0.0$((RANDOM % 10))
rm "$WORK/lock-$CNAB_BUNDLE_NAME"
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
chmod +x tool

# The processes of earlier runs may still write.
settle() { await 10 bash -c '! pgrep -f "$WORK/tool" >/dev/null'; }

tree_plan 3 >three.json
for ((point = 1; point < 200; ++point)); do
  export DEPS_STATE=sqlite:$work/state-$point.db
  rm -f ended
  status=0
  DEPS_RUN_FAULT=$point DEPS_RUN_FAULT_FILE=$work/points \
    "$run" -q --driver process:./tool --jobs 2 three.json >out 2>err || status=$?
  echo >>points
  [[ $status -ne 0 ]] || break
  id=$("$run" list | jq -r '.[0].id // ""')
  if [[ -z $id ]]; then
    [[ ! -e ended ]] || bad "point $point: something ran without a workflow"
    continue
  fi
  "$run" -q resume "$id" >out 2>err || {
    bad "point $point: resume: status $?"
    cat err
  }
  once_each "point $point ($(sed -n "${point}p" points))" "$id" ended 3 >result
  grep -q FAILED result && {
    failed=1
    cat result
  }
done
if [[ $point -gt 15 && $point -lt 200 ]]; then
  ok "$point points were passed"
else
  bad "$point points"
fi

export DEPS_STATE=sqlite:$work/soak.db
rm -f ended
touch slow
tree_plan 240 >soak.json
"$run" -q --driver process:./tool --jobs 4 soak.json >out 2>err &
kills=0
end=$((SECONDS + ${SOAK_SECONDS:-12}))
while ((SECONDS < end)); do
  process=$!
  sleep 0.$((RANDOM % 3))$((RANDOM % 10))
  kill -KILL "$process" 2>/dev/null || break
  wait "$process" 2>/dev/null
  kills=$((kills + 1))
  id=$("$run" list | jq -r '.[0].id // ""')
  if [[ -n $id ]]; then
    "$run" -q resume "$id" --jobs 4 >out 2>err &
  else
    "$run" -q --driver process:./tool --jobs 4 soak.json >out 2>err &
  fi
done
wait "$!" 2>/dev/null
"$run" -q resume "$id" >out 2>err || {
  bad "soak: resume: $?"
  cat err
}
once_each "a run that was killed $kills times" "$id" ended 240
[[ ! -e twice-at-once ]] || bad "ran twice at the same time: $(cat twice-at-once)"

# The supervisor is killed, too: its children are the runner's.
export DEPS_STATE=sqlite:$work/supervisor.db
rm -f ended
cat >long <<'TOOL'
#!/bin/bash
echo $PPID >"$WORK/supervisor"
sleep 1
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
chmod +x long
tree_plan 1 >one.json
"$run" -q --driver process:./long one.json >out 2>err &
await 10 test -s supervisor
kill -KILL "$(<supervisor)"
wait "$!"
same 'a run outlives its supervisor' "0 1" "$? $(wc -l <ended)"

# Nothing of all that is left in memory.
same 'nothing is left in memory' '' \
  "$(for id in $("$run" list | jq -r '.[].id'); do ls -d "/dev/shm/cnab-deps-deps-${id,,}"* 2>/dev/null; done)"
exit "$failed"
