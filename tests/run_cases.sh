#!/bin/bash
#
# Runs the cases of a folder. See usage() below.

set -uo pipefail

usage() {
  cat <<'USAGE'
usage: run_cases.sh [--update] BIN_DIR CASES_DIR

A case is a folder with a pipeline as one would type it, in the file `cmd`, and
what comes of it: `stdout`, `stderr` (each absent where nothing comes) and
`status` (absent where it is 0). Other files are its input.

Each case runs in a copy of its folder, with the commands of BIN_DIR on PATH, an
empty HOME and little else in the environment. Where `cmd` mentions $REGISTRY,
a registry listens at that address; in what is printed the address is replaced
by the word REGISTRY, and the path of the copy by the word FOLDER.

  --update  write what comes of each case into its folder
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/report.sh
. "$here/report.sh"
# shellcheck source=tests/registry.sh
. "$here/registry.sh"

clean_up() {
  stop_registry "$scratch/registry"
  rm -rf "$scratch"
}

# Runs the case $1: stdout, stderr and status appear in $scratch.
run_case() {
  local case=$1 work=$scratch/work registry_setting=()
  rm -rf "$work"
  mkdir -p "$work"
  cp -rL "$case" "$work/case"
  rm -f "$work/case/"{cmd,stdout,stderr,status}
  mkdir "$work/home" "$work/tmp"
  if grep -q 'REGISTRY' "$case/cmd"; then
    [[ -n $registry ]] || registry=$(start_registry "$scratch/registry") || exit 1
    registry_setting=("REGISTRY=$registry")
  fi
  (cd "$work/case" && exec env -i \
    "PATH=$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    LC_ALL=C TZ=UTC TERM=dumb "HOME=$work/home" "TMPDIR=$work/tmp" \
    "XDG_CONFIG_HOME=$work/home/config" "XDG_CACHE_HOME=$work/home/cache" \
    "XDG_STATE_HOME=$work/home/state" "XDG_RUNTIME_DIR=$work/home/run" \
    "${registry_setting[@]}" \
    timeout --kill-after=5 120 bash -o pipefail -c "$(<"$case/cmd")" bash \
    </dev/null >"$scratch/stdout" 2>"$scratch/stderr")
  echo $? >"$scratch/status"
  local script="s|$work/case|FOLDER|g; s|$work/home|HOME|g; s|$work/tmp|TMPDIR|g"
  [[ -z $registry ]] || script+="; s|${registry//./\\.}|REGISTRY|g"
  LC_ALL=C sed -i "$script" "$scratch/stdout" "$scratch/stderr"
}

# What the case $1 expects in the file $2.
expectation() {
  if [[ -f $1/$2 ]]; then
    cat "$1/$2"
  elif [[ $2 == status ]]; then
    echo 0
  fi
}

compare_case() {
  local case=$1 name=${1##*/} file failed=''
  : >"$scratch/why"
  for file in status stdout stderr; do
    expectation "$case" "$file" >"$scratch/expected"
    diff -a -u --label "$name/$file, expected" --label "$name/$file, actual" \
      "$scratch/expected" "$scratch/$file" >>"$scratch/why" || failed=1
  done
  if [[ -z $failed ]]; then
    report_pass "$name"
  else
    report_fail "$name" "$scratch/why"
  fi
}

# Writes what came of the case $1 into its folder, where it differs.
update_case() {
  local case=$1 file
  for file in status stdout stderr; do
    if expectation "$case" "$file" | cmp -s - "$scratch/$file"; then
      continue
    fi
    if [[ ! -s $scratch/$file || ($file == status && $(<"$scratch/status") == 0) ]]; then
      rm -f "$case/$file"
    else
      cp "$scratch/$file" "$case/$file"
    fi
    echo "updated $case/$file"
  done
}

main() {
  local update='' folders=() cases case
  while [[ $# -gt 0 ]]; do
    case $1 in
      --help) usage && exit ;;
      --update) update=1 ;;
      *) folders+=("$1") ;;
    esac
    shift
  done
  if [[ ${#folders[@]} -ne 2 || ! -d ${folders[0]-} || ! -d ${folders[1]} ]]; then
    usage >&2
    exit 2
  fi
  bin=$(cd "${folders[0]}" && pwd)
  cases=$(cd "${folders[1]}" && pwd)
  registry=''
  scratch=$(mktemp -d)
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM

  for case in "$cases"/*/; do
    case=${case%/}
    [[ -f $case/cmd ]] || continue
    run_case "$case"
    [[ -z $update ]] || update_case "$case"
    compare_case "$case"
  done
  report_end cases
}

main "$@"
