#!/bin/bash
#
# Runs what README.md shows and compares what it prints. See usage() below.

set -euo pipefail

usage() {
  cat <<'USAGE'
usage: tests/readme/readme.sh [--update]

Runs every ```sh block of README.md, one after the other in one shell and with
the commands on PATH, and compares its standard output with the ```text block
that follows it; with --update, writes it there. The block that calls scripts
is not run: what it calls must be there. The ```make block must suit make.

Environment:
  DEPS_BIN  folders of commands to put first on PATH, separated by colons
USAGE
}

fail() {
  printf 'readme: %s\n' "$*" >&2
  exit 1
}

# Writes the blocks of README.md to $scratch as N.sh, N.text and make, where N
# counts the sh blocks.
take_apart() {
  awk -v folder="$scratch" '
    /^```(sh|text|make)$/ {
      kind = substr($0, 4)
      if (kind == "sh") count++
      file = folder "/" (kind == "make" ? kind : count "." kind)
      printf "" > file
      next
    }
    /^```/ { if (file) close(file); file = ""; next }
    file { print > file }
  ' README.md
}

# The scripts that a block of this kind names are there, and can be run.
check_scripts() {
  local script
  while read -r script; do
    [[ -x $script ]] || fail "$script is not there or not executable"
  done < <(grep -o '^scripts/[a-z-]*' "$1")
}

# Runs all blocks in one shell; the output of N.sh goes to N.out.
run_blocks() {
  local count=0 file
  {
    echo 'set -euo pipefail'
    while [[ -e $scratch/$((++count)).sh ]]; do
      file=$scratch/$count
      if grep -q '^scripts/' "$file.sh"; then
        check_scripts "$file.sh"
        continue
      fi
      printf 'echo "README.md, block %d" >&2\n{\n%s\n} >%q\n' "$count" "$(<"$file.sh")" "$file.out"
    done
  } >"$scratch/all"
  TMPDIR=$scratch bash "$scratch/all" </dev/null || fail "exit status $? from the block named above"
}

compare() {
  local text different=0
  for text in "$scratch"/*.text; do
    diff -u --label README.md --label output "$text" "${text%.text}.out" || different=1
  done
  [[ $different -eq 0 ]] || fail "README.md shows other output; $0 --update writes it"
}

# Puts the output of each block into the text block that follows it.
update() {
  awk -v folder="$scratch" '
    /^```sh$/ { count++ }
    /^```$/ { within = 0 }
    !within { print }
    /^```text$/ {
      within = 1
      file = folder "/" count ".out"
      while ((getline line < file) > 0) print line
      close(file)
    }
  ' README.md >"$scratch/README.md"
  cat "$scratch/README.md" >README.md
}

check_make() {
  local goal
  mkdir "$scratch/project"
  touch "$scratch/project"/{porter.yaml,deps.lock.json,credentials.yaml}
  goal=$(make -n -C "$scratch/project" -f "$scratch/make" deploy) || fail "make refuses the Makefile"
  [[ $goal == *deps-plan*deps-run* ]] || fail "the Makefile does not plan and run: $goal"
}

main() {
  cd "$(dirname "${BASH_SOURCE[0]}")/../.."
  case ${1-} in
    '' | --update) ;;
    --help) usage && exit ;;
    *) fail "unknown argument '$1'; see --help" ;;
  esac
  [[ -z ${DEPS_BIN-} ]] || PATH=$DEPS_BIN:$PATH
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  take_apart
  [[ -e $scratch/1.sh && -e $scratch/make ]] || fail "README.md has no blocks"
  check_make
  run_blocks
  if [[ ${1-} == --update ]]; then
    update
  else
    compare
  fi
}

main "$@"
