#!/bin/bash
#
# Every id of lib/diag/ids.def occurs in a case or in a unit test, or
# tests/ids_without_test.txt says why not ("ID  REASON").
# Usage: ids.sh, in the source tree.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh

# Everything that a test expects.
collect() {
  find tests/cases -type f \( -name stderr -o -name stdout \) -exec cat {} + 2>/dev/null
  find lib tools tests -type f \( -name '*_test.cc' -o -name '*_test.sh' \) -exec cat {} +
}

occurs() {
  local enumerator=$1 id=$2
  grep -qE "DiagnosticId::$enumerator\b|\[$id\]|\"$id\"|title=$id::" "$scratch/expected"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
collect >"$scratch/expected"
excused=tests/ids_without_test.txt
while read -r enumerator id; do
  if occurs "$enumerator" "$id"; then
    if grep -q "^$id " "$excused"; then
      echo "a test expects it: take it out of $excused" >"$scratch/why"
      report_fail "$id" "$scratch/why"
    else
      report_pass "$id"
    fi
  elif grep -q "^$id  *[^ ]" "$excused"; then
    report_pass "$id ($(sed -n "s/^$id  *//p" "$excused"))"
  else
    echo "no case and no unit test expects it" >"$scratch/why"
    report_fail "$id" "$scratch/why"
  fi
done < <(sed -n 's/^DEPS_DIAGNOSTIC(\([A-Za-z]*\), "\([a-z-]*\)".*/\1 \2/p' lib/diag/ids.def)
report_end ids
