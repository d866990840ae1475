#!/bin/bash
#
# scripts/install puts commands where they work.
# Usage: install_test.sh INSTALL COMMAND…

set -uo pipefail

# shellcheck source=tests/report.sh
. tests/report.sh

install=$PWD/$1
shift
DEPS_BIN=$(printf "$PWD/%s:" "${@%/*}")
export DEPS_BIN
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

installs() { "$install" --prefix "$work/prefix" >"$work/out" && "$install" --prefix="$work/prefix" >"$work/out"; }

holds_what_it_should() {
  diff <(for command in "${@##*/}"; do
    printf '%s\n' "bin/$command" "share/bash-completion/completions/$command" "share/man/man1/$command.1"
  done | LC_ALL=C sort) <(cd "$work/prefix" && find . -type f -printf '%P\n' | LC_ALL=C sort)
}

pages_are_clean() { mandoc -Tlint -W warning "$work"/prefix/share/man/man1/*; }

# deps-run finds deps-agent beside itself.
commands_work() {
  unset DEPS_BIN
  export PATH=$work/prefix/bin:/usr/bin:/bin DEPS_STATE=sqlite:$work/state.db
  (cd "$work" && jq -n '{schemaVersion: "1.2.0", name: "lone", version: "1.0.0",
      invocationImages: [{imageType: "docker", image: "example.com/lone:v1.0.0"}]}' |
    deps-graph - | deps-solve --offline | deps-plan --action install |
    deps-run --driver process:/bin/true | jq -e '.status == "succeeded"')
}

heeds_destdir() {
  DESTDIR=$work/package "$install" >"$work/out" && [[ -x $work/package/usr/local/bin/deps-graph ]]
}

names_a_missing_command() {
  local status=0
  DEPS_BIN=/nowhere "$install" --prefix "$work/none" 2>"$work/err" || status=$?
  [[ $status -eq 1 && ! -e $work/none ]] && grep -q "no command 'deps-graph'" "$work/err"
}

report_check 'commands are installed, and again over those that are there' installs
report_check 'each with its manual page and completion' holds_what_it_should "$@"
report_check 'manual pages are clean' pages_are_clean
report_check 'DESTDIR stands before the prefix' heeds_destdir
report_check 'a command that is missing is named, and nothing is installed' names_a_missing_command
report_check 'the commands work where they are' commands_work
report_end install_test
