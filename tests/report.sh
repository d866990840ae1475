# shellcheck shell=bash
#
# Results of a test written in shell: a line for each, a count at the end, and
# JUnit XML for whoever set XML_OUTPUT_FILE. To be sourced.

report_passed=0
report_failed=0
report_cases=''

# Text for XML 1.0: escaped, without what it cannot hold.
report_escape() {
  iconv -f UTF-8 -t UTF-8 -c | tr -d '\000-\010\013\014\016-\037' |
    sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'
}

# report_pass NAME
report_pass() {
  report_passed=$((report_passed + 1))
  printf 'ok      %s\n' "$1"
  report_cases+="  <testcase name=\"$(report_escape <<<"$1")\"/>"$'\n'
}

# report_fail NAME [FILE]: FILE says why.
report_fail() {
  report_failed=$((report_failed + 1))
  printf 'FAILED  %s\n' "$1"
  report_cases+="  <testcase name=\"$(report_escape <<<"$1")\"><failure message=\"failed\">"
  if [[ -n ${2-} ]]; then
    sed 's/^/        /' "$2"
    report_cases+=$(head -c 20000 "$2" | report_escape)
  fi
  report_cases+="</failure></testcase>"$'\n'
}

# report_check NAME COMMAND…: passes where the command does; what it prints
# says why not.
report_check() {
  local log
  log=$(mktemp)
  if "${@:2}" >"$log" 2>&1; then
    report_pass "$1"
  else
    report_fail "$1" "$log"
  fi
  rm -f "$log"
}

# expect NAME EXPECTED FOUND: passes where they are equal. If not, it shows both, and
# the files that the array report_context names.
report_context=()
expect() {
  local log
  if [[ $2 == "$3" ]]; then
    report_pass "$1"
    return
  fi
  log=$(mktemp)
  {
    printf 'expected: %s\nfound:    %s\n' "$2" "$3"
    cat "${report_context[@]}" </dev/null
  } >"$log" 2>&1
  report_fail "$1" "$log"
  rm -f "$log"
}

# report_end SUITE: writes the count and the XML; fails where something did.
report_end() {
  if [[ -n ${XML_OUTPUT_FILE-} ]]; then
    cat >"$XML_OUTPUT_FILE" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
<testsuite name="$1" tests="$((report_passed + report_failed))" failures="$report_failed" errors="0">
$report_cases</testsuite>
</testsuites>
XML
  fi
  printf '%d passed, %d failed\n' "$report_passed" "$report_failed"
  [[ $report_failed -eq 0 ]]
}
