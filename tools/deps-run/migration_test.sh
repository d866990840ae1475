#!/bin/bash
#
# A state that an earlier version left in the midst of a run is brought to the
# present version and gone on with; one of a later version is refused, and left as
# it is.
# Usage: migration_test.sh sqlite|postgres DEPS_RUN VERSION_1_SQL

set -uo pipefail

# shellcheck source=tools/deps-run/testing.sh
. tools/deps-run/testing.sh
# shellcheck source=tests/postgres.sh
. tests/postgres.sh
kind=$1
run=$PWD/$2
tables=$PWD/$3
work=$(mktemp -d)
cleanup() {
  stop_postgres
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
export WORK=$work XDG_STATE_HOME=$work/home DEPS_STATE=sqlite:$work/state.db
if [[ $kind == postgres ]]; then
  start_postgres
  DEPS_STATE=$POSTGRES_URL
fi
# sql: runs what it reads.
sql() {
  if [[ $kind == postgres ]]; then
    sed 's/) STRICT/)/; s/INTEGER PRIMARY KEY AUTOINCREMENT/BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY/
      s/INTEGER/BIGINT/g; s/BLOB/BYTEA/g; s/TEXT/TEXT COLLATE "C"/g' |
      postgres_sql -A -t
  else
    sqlite3 -bail state.db
  fi
}

cat >tool <<'TOOL'
#!/bin/bash
echo "$CNAB_BUNDLE_NAME" >>"$WORK/ended"
TOOL
chmod +x tool
tree_plan 3 >three.json
plan=$(sed "s/'/''/g" three.json)
digest=$(jq -r '.digest | sub("sha256:"; "")' three.json)
{
  text=$(<"$tables")
  text=${text//@PLAN@/$plan}
  text=${text//@DIGEST@/$digest}
  text=${text//@HOST@/$(hostname)}
  echo "${text//@TOOL@/$work/tool}"
} | sql
same 'a state of version 1 is there' 1 "$(sql <<<'SELECT max(version) FROM schema;')"

id=01JGFJJZ000000000000000001
same 'it is read as it was' '["running",["succeeded","unknown","pending"],"kept"]' \
  "$("$run" show $id | jq -c '[.status, [.tasks[].status], .tasks[0].outputs.said.value]')"
same 'and brought to the present version' true \
  "$([[ $(sql <<<'SELECT max(version) FROM schema;') -gt 1 ]] && echo true)"
echo b1 >ended
"$run" -q resume $id >out 2>err || cat err
once_each 'the run goes on' $id ended 3
same 'with what it had before' '["kept",1,2]' \
  "$("$run" show $id | jq -c '[.tasks[0].outputs.said.value, .tasks[0].attempt, .tasks[1].attempt]')"
rm ended
"$run" -q --driver process:./tool three.json >out 2>err
same 'a new run is its like' '0 3' "$? $(wc -l <ended)"

before=$("$run" list | jq length)
sql <<<'INSERT INTO schema(version) VALUES(99);'
for command in list "show $id" "resume $id" "--driver process:./tool three.json" 'worker --drain'; do
  # shellcheck disable=SC2086
  "$run" $command >out 2>err
  same "a later version is refused: ${command%% *}" '4 true' \
    "$? $(grep -q 'the state is of version 99.*\[state-open\]' err && echo true)"
done
sql <<<'DELETE FROM schema WHERE version = 99;'
same 'and left as it is' "$before" "$("$run" list | jq length)"
report_end "migration-$kind"
