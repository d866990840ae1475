#!/bin/bash
#
# However large images are, little memory is used.
# Usage: memory_test.sh OCI_RELOCATE

set -uo pipefail

command=$PWD/$1
# shellcheck source=tests/registry.sh
. tests/registry.sh
# shellcheck source=tests/report.sh
. tests/report.sh
# shellcheck source=tools/oci-relocate/made_bundle.sh
. tools/oci-relocate/made_bundle.sh

scratch=$(mktemp -d)
export HOME=$scratch TMPDIR=$scratch
clean_up() {
  stop_registry "$scratch/first"
  stop_registry "$scratch/second"
  rm -rf "$scratch"
}
trap clean_up EXIT
made_bundle "$scratch" 4 90000000
first=$(start_registry "$scratch/first") && second=$(start_registry "$scratch/second") || exit 1

# Runs oci-relocate; fails where it has more than 64 MiB at any time.
is_small() {
  /usr/bin/time -f %M -o "$scratch/memory" "$command" "$@" >"$scratch/out" || return 1
  local mib=$(($(<"$scratch/memory") >> 10))
  echo "$mib MiB"
  ((mib < 64))
}

report_check "publish stays below 64 MiB" is_small publish "$scratch/app.tgz" --registry "$first"
report_check "copy stays below 64 MiB" is_small copy "$first/big:v1.0.0" --registry "$second"
report_check "pack stays below 64 MiB" is_small pack "$first/big:v1.0.0" -o "$scratch/packed.tgz"
report_check "verify stays below 64 MiB" is_small verify "$scratch/packed.tgz" --registry "$second"
report_end memory_test
