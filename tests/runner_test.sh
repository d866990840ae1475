#!/bin/bash
#
# The case runner itself: what it compares, counts, rewrites and cleans up.

set -uo pipefail

# shellcheck source=tests/report.sh
. tests/report.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bin=$scratch/bin cases=$scratch/cases
mkdir -p "$bin" "$cases"
printf '#!/bin/bash\necho "<$*> & more"\n' >"$bin/shout"
chmod +x "$bin/shout"

# new_case NAME CMD: an empty expectation.
new_case() {
  mkdir -p "$cases/$1"
  echo "$2" >"$cases/$1/cmd"
}

run_cases() {
  TMPDIR=$scratch XML_OUTPUT_FILE=$scratch/report.xml tests/run_cases.sh "$@" "$bin" "$cases" >"$scratch/log" 2>&1
}

# The last line and the numbers in the XML agree with "PASSED FAILED".
counts() {
  cat "$scratch/log" "$scratch/report.xml"
  [[ $(tail -n 1 "$scratch/log") == "$1 passed, $2 failed" ]] &&
    grep -q "tests=\"$(($1 + $2))\" failures=\"$2\"" "$scratch/report.xml" &&
    [[ $(grep -c '<testcase ' "$scratch/report.xml") -eq $(($1 + $2)) ]]
}

stopped() { ! pgrep -f -a "docker-registry serve $scratch/"; }

new_case silent true
new_case shouting 'shout a b'
new_case failing 'echo bad >&2; false | cat'
new_case reading 'cat input; cat cmd'
echo text >"$cases/reading/input"
# shellcheck disable=SC2016
new_case placed 'pwd; echo "$HOME $TMPDIR"'
run_cases
report_check 'an expectation that is absent is that of silence and success' counts 1 4
report_check 'XML is escaped' grep -q '&lt;a b&gt; &amp; more' "$scratch/report.xml"

run_cases --update
report_check 'rewritten expectations hold' counts 5 0
run_cases
report_check 'expectations that were rewritten hold again' counts 5 0
report_check 'a pipeline fails with its first part' diff "$cases/failing/status" - <<<1
report_check 'standard error is kept' diff "$cases/failing/stderr" - <<<bad
report_check 'no file stands for nothing' test ! -e "$cases/silent/stdout"
report_check 'paths of the run are named' diff "$cases/placed/stdout" - <<<$'FOLDER\nHOME TMPDIR'
report_check 'the expectations are no input of the case' \
  diff "$cases/reading/stderr" - <<<'cat: cmd: No such file or directory'

rm -r "${cases:?}"/*
# shellcheck disable=SC2016
new_case registry 'curl -s "http://$REGISTRY/v2/"; echo " at $REGISTRY"'
echo '{} at REGISTRY' >"$cases/registry/stdout"
run_cases
report_check 'a case that mentions a registry has one' counts 1 0
report_check 'the registry is gone with the run' stopped
report_check 'the run leaves no file' test -z "$(find "$scratch" -mindepth 1 -maxdepth 1 -name 'tmp.*')"

tests/run_cases.sh "$bin" >"$scratch/log" 2>&1
report_check 'the usage is told' test $? -eq 2
report_end runner
