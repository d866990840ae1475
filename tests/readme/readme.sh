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
is not run: what it calls must be there. Then the target of the ```make block is
made, and each step of the ```yaml block is run, in a folder with a bundle.json.

Registries, containers and state are in a temporary folder.

Environment:
  DEPS_BIN  folders of commands to put first on PATH, separated by colons
USAGE
}

fail() {
  printf 'readme: %s\n' "$*" >&2
  exit 1
}

# Writes the blocks of README.md to $scratch as N.sh, N.text, make and yaml, where
# N counts the sh blocks.
take_apart() {
  awk -v folder="$scratch" '
    /^```(sh|text|make|yaml)$/ {
      kind = substr($0, 4)
      if (kind == "sh") count++
      file = folder "/" (kind ~ /make|yaml/ ? kind : count "." kind)
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
  connected=$connected isolated=$isolated bash "$scratch/all" </dev/null || fail "exit status $? from the block named above"
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

# A folder as the Makefile and the CI job have it.
make_project() {
  mkdir "$scratch/project"
  cp testdata/demo/credentials.yaml "$scratch/project"
  sed "s|REGISTRY|$connected|g; s|VERSION|0.1.0|g" testdata/demo/myenv/bundle.json \
    >"$scratch/project/bundle.json"
  cd "$scratch/project"
  deps-graph bundle.json | deps-solve --lock deps.lock.json >/dev/null
  export SHOP_TOKEN='open sesame'
}

run_make() {
  make --silent -f "$scratch/make" DEPS_STATE="sqlite:$scratch/make.db" deploy >"$scratch/made" ||
    fail "make deploy: exit status $?"
  [[ $(jq -r .status "$scratch/made") == succeeded ]] || fail "make deploy did not succeed"
  make --silent --question -f "$scratch/make" plan.json || fail "make would plan again"
}

# The scripts of the steps, in their order, as one.
steps_of_yaml() {
  awk '
    /^  run: \|$/ { within = 1; next }
    /^  run: / { print substr($0, 8); within = 0; next }
    !/^    / { within = 0 }
    within
  ' "$scratch/yaml"
}

run_yaml() {
  rm plan.json
  steps_of_yaml >"$scratch/steps"
  [[ $(grep -c 'deps-' "$scratch/steps") -eq 4 ]] || fail "not the steps that were expected"
  STATE=sqlite:$scratch/yaml.db bash -e "$scratch/steps" >"$scratch/deployed" ||
    fail "the steps for CI: exit status $?"
  [[ $(jq -r .status "$scratch/deployed") == succeeded ]] || fail "the deployment did not succeed"
}

start_servers() {
  keep_containers_in "$scratch/podman"
  connected=$(start_registry "$scratch/connected")
  isolated=$(start_registry "$scratch/isolated")
  testdata/demo/publish "$connected" >/dev/null
}

clean_up() {
  stop_registry "$scratch/connected"
  stop_registry "$scratch/isolated"
  cd /
  remove_containers "$scratch/podman"
  rm -rf "$scratch"
}

main() {
  cd "$(dirname "${BASH_SOURCE[0]}")/../.."
  case ${1-} in
    '' | --update) ;;
    --help) usage && exit ;;
    *) fail "unknown argument '$1'; see --help" ;;
  esac
  # shellcheck source=tests/registry.sh
  . tests/registry.sh
  # shellcheck source=tests/containers.sh
  . tests/containers.sh
  [[ -z ${DEPS_BIN-} ]] || PATH=$DEPS_BIN:$PATH
  DEPS_AGENT=$(command -v deps-agent) || fail "no deps-agent on PATH"
  export DEPS_AGENT
  scratch=$(mktemp -d /tmp/readme.XXXXXX)
  trap clean_up EXIT
  export TMPDIR=$scratch XDG_CACHE_HOME=$scratch/cache XDG_STATE_HOME=$scratch/state
  take_apart
  [[ -e $scratch/1.sh && -e $scratch/make && -e $scratch/yaml ]] || fail "README.md has no blocks"
  start_servers
  run_blocks
  if [[ ${1-} == --update ]]; then
    update
    return
  fi
  compare
  make_project
  run_make
  run_yaml
}

main "$@"
