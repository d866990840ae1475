#!/bin/bash
#
# Publishing that is interrupted: by signals, and killed again and again until it
# is done.
# Usage: interrupted_test.sh OCI_RELOCATE

set -uo pipefail

command=$PWD/$1
# shellcheck source=tests/registry.sh
. tests/registry.sh
# shellcheck source=tests/report.sh
. tests/report.sh
# shellcheck source=tools/oci-relocate/made_bundle.sh
. tools/oci-relocate/made_bundle.sh

scratch=$(mktemp -d)
export HOME=$scratch
mkdir "$scratch/tmp"
clean_up() {
  stop_registry "$scratch/registry"
  rm -rf "$scratch"
}
trap clean_up EXIT
made_bundle "$scratch" 8 6000000
registry=$(start_registry "$scratch/registry") || exit 1

# Sends SIGNAL once an upload has begun; prints the exit status.
interrupt() {
  local pid wait before
  before=$(grep -c '"POST ' "$scratch/registry/log")
  TMPDIR=$scratch/tmp "$command" publish "$scratch/app.tgz" --registry "$registry/$2" >/dev/null 2>"$scratch/err" &
  pid=$!
  for ((wait = 0; wait < 500; ++wait)); do
    [[ $(grep -c '"POST ' "$scratch/registry/log") -gt $before ]] && break
    sleep 0.01
  done
  kill "-$1" "$pid"
  wait "$pid"
  echo $?
}

# A signal may come when all is done already; then nothing is left to interrupt.
ends_in_good_order() {
  local status
  status=$(interrupt "$1" "$2")
  [[ $status == "$3" || $status == 0 ]] || { echo "exit status $status"; return 1; }
  [[ -z $(ls -A "$scratch/tmp") ]] || { echo "left behind: $(ls -A "$scratch/tmp")"; return 1; }
  # The registry cannot drop what it has received a part of, but it is asked to.
  sleep 0.5
  local opened ended
  opened=$(grep -c "\"POST /v2/$2/[^\"]*\" 202" "$scratch/registry/log")
  ended=$(grep -o "\"\(PUT[^\"]*\" 201\|DELETE[^\"]*\"\)" "$scratch/registry/log" |
    grep -o "/v2/$2/big/blobs/uploads/[0-9a-f-]*" | sort -u | wc -l)
  [[ $opened == "$ended" ]] || { echo "$opened uploads begun, $ended ended"; return 1; }
}

killed_until_done() {
  local i delay
  for ((i = 1; i <= 40; ++i)); do
    delay=$(awk "BEGIN { print $i * 0.03 }")
    timeout --signal=KILL "$delay" "$command" publish "$scratch/app.tgz" \
      --registry "$registry/killed" >"$scratch/out" 2>&1 && break
  done
  "$command" publish "$scratch/app.tgz" --registry "$registry/killed" >"$scratch/out" || return 1
  echo "done after $i times"
  "$command" verify "$registry/killed/big:v1.0.0" >"$scratch/out" || { cat "$scratch/out"; return 1; }
  skopeo inspect --raw --tls-verify=false "docker://$registry/killed/big:v1.0.0" |
    grep -q io.cnab.manifest.type
}

# With files of up to 1 MB.
full_disk() {
  (
    trap '' XFSZ
    ulimit -f 1000
    TMPDIR=$scratch/tmp "$command" pack "$registry/killed/big:v1.0.0" -o "$scratch/full.tgz" 2>"$scratch/err"
  )
  local status=$?
  cat "$scratch/err"
  [[ $status == 4 && -z $(ls -A "$scratch/tmp") && ! -e $scratch/full.tgz ]] &&
    grep -q 'File too large.*file-write' "$scratch/err" && grep -q 'hint:.*TMPDIR' "$scratch/err"
}

report_check "SIGINT ends it with 130 and leaves nothing behind" \
  ends_in_good_order INT int 130
report_check "SIGTERM ends it with 143 and leaves nothing behind" \
  ends_in_good_order TERM term 143
report_check "killed again and again it gets done" killed_until_done
report_check "a full disk ends pack with 4, a hint, and nothing left behind" full_disk
report_end interrupted_test
