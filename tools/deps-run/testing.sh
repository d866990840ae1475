# Plans and run tools for the tests of deps-run; to be sourced. Needs $run, the
# command, and an empty folder as the working directory.
# shellcheck shell=bash disable=SC2154  # $run is the caller's.

# shellcheck source=tests/report.sh
. tests/report.sh

ok() { report_pass "$1"; }
# bad NAME [WHY]
bad() {
  local why
  why=$(mktemp)
  printf '%s\n' "${@:2}" >"$why"
  report_fail "$1" "$why"
  rm "$why"
}
# same NAME EXPECTED FOUND
same() {
  if [[ $2 == "$3" ]]; then
    ok "$1"
  else
    bad "$1" "expected: $2" "found:    $3"
  fi
}

# Makes the plan that the jq program $1 describes: the command itself tells what
# digest it has.
plan() {
  local digest
  digest=$(jq -n "($1) + {digest: (\"sha256:\" + \"0\" * 64)}" | tee body.json |
    "$run" --driver process:/bin/true --dry-run 2>&1 >/dev/null |
    grep -o 'sha256:[0-9a-f]*')
  jq -c --arg digest "$digest" '. + {digest: $digest}' body.json
}

# A binary tree of $1 tasks, in which each needs its two children.
tree_plan() {
  plan "
$1 as \$n | def name: tostring | \"root/\" + .;
{apiVersion: \"cnab-deps/v1\", kind: \"Plan\", action: \"install\", installation: {namespace: \"${2-}\", name: \"tree\"},
 tasks: ([range(\$n) | . as \$i | {i: \$i, depth: ((\$i + 1) | logb | floor)}]
   | (map(.depth) | max) as \$deepest
   | map({id: (.i | name), action: \"install\", stage: (\$deepest - .depth), i,
     needs: ([2 * .i + 1, 2 * .i + 2] | map(select(. < \$n) | name) | sort),
     installation: {namespace: \"${2-}\", name: (\"tree-\" + (.i | tostring)), labels: {}},
     bundle: {name: (\"b\" + (.i | tostring)), version: \"1.0.0\"}, parameters: {}, credentials: {}, outputs: {}})
   | map(if (.needs | length) == 0 then .stage = 0 else . end)
   | sort_by(.stage, .id) | map(del(.i))),
 outputs: {}, unmapped: {parameters: [], credentials: []}} | .stages = (.tasks | group_by(.stage) | map(map(.id)))"
}

# Every task of workflow $1 has succeeded, and file $2 names $3 tools that ran to
# their end, each once.
once_each() {
  same "$1: all tasks have succeeded" '["succeeded",["succeeded"]]' \
    "$("$run" show "$2" | jq -c '[.status, ([.tasks[].status] | unique)]')"
  same "$1: each ran once to its end" "$4 $4" \
    "$(sort "$3" | uniq | wc -l) $(wc -l <"$3")"
  # What became of those that ran twice: bN is the bundle of root/N.
  sort "$3" | uniq -d | while read -r bundle; do
    "$run" events "$2" | grep "\"root/${bundle#b}\""
  done
}

# Waits until the command succeeds, at most $1 seconds.
await() {
  local i
  for ((i = 0; i < 20 * $1; i++)); do
    "${@:2}" 2>/dev/null && return
    sleep 0.05
  done
  bad "waited in vain for: ${*:2}"
}
