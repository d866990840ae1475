#!/bin/bash
#
# Asks Bazel whether the code keeps to the layers that lib/README.md lists.
# Usage: layers.sh [BAZEL_OPTION…], in the source tree.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=tests/report.sh
. tests/report.sh

# Prints "LAYER NAME" for each name in the table of lib/README.md.
read_layers() {
  sed -n 's/^| *\([0-9]\) *| *\([^|]*\)|.*/\1 \2/p' lib/README.md | tr -d '`,' |
    awk '{ for (i = 2; i <= NF; ++i) print $1, $i }'
}

# Prints "FROM TO" for each dependency between targets that are shipped.
read_dependencies() {
  local all='//lib/... + //tools/...'
  bazel "${startup[@]}" query "$@" --noimplicit_deps --notool_deps --output=graph \
    --nograph:factored --order_output=full \
    "kind('cc_(library|binary) rule', $all) except //lib/third_party/... except attr('testonly', 1, $all)" |
    sed -n 's/^ *"\(.*\)" -> "\(.*\)"$/\1 \2/p'
}

# Of the table $1 and the dependencies on standard input: prints what breaks a
# rule of the kind `rule`, or the edges between packages.
judge() {
  awk -v rule="$2" '
    function unit(label,    name) {
      name = label
      sub(/^\/\/lib\//, "", name)
      sub(/^\/\//, "", name)
      if (name in layer) return name
      if (name ~ /^tools\//) { sub(/:.*/, "", name); layer[name] = 7; return name }
      sub(/:.*/, "", name)
      while (!(name in layer) && sub(/\/[^\/]*$/, "", name)) {}
      return name
    }
    NR == FNR { layer[$2] = $1; next }
    {
      from = unit($1); to = unit($2)
      if (rule == "known") {
        if (!(from in layer)) print $1 " has no layer in lib/README.md"
        if (!(to in layer)) print $2 " has no layer in lib/README.md"
      }
      if (from == to || !(from in layer) || !(to in layer)) next
      if (rule == "down" && layer[from] < layer[to])
        print $1 " (layer " layer[from] ") needs " $2 " (layer " layer[to] ")"
      if (rule == "apart" && layer[from] == layer[to] && layer[from] >= 6)
        print $1 " and " $2 " are both in layer " layer[to]
      if (rule == "edges") print from, to
    }' "$1" - | sort -u
}

# Succeeds where nothing breaks the rule $1.
holds() {
  local found
  found=$(judge "$scratch/layers" "$1" <"$scratch/dependencies")
  [[ -z $found ]] || {
    echo "$found"
    return 1
  }
}

has_no_cycle() {
  judge "$scratch/layers" edges <"$scratch/dependencies" |
    { tsort >/dev/null; } 2>&1
}

is_readable() {
  [[ -s $scratch/layers && -s $scratch/dependencies ]] && return
  cat "$scratch/log"
  return 1
}

startup=()
while [[ ${1-} == --output_base=* || ${1-} == --output_user_root=* ]]; do
  startup+=("$1")
  shift
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
read_layers >"$scratch/layers"
read_dependencies "$@" >"$scratch/dependencies" 2>"$scratch/log" </dev/null ||
  report_fail 'Bazel lists the dependencies' "$scratch/log"
report_check 'the table of layers and the dependencies can be read' is_readable
report_check 'every package has a layer' holds known
report_check 'dependencies point downwards' holds down
report_check 'algorithms and commands do not depend on each other' holds apart
report_check 'packages do not depend on each other in circles' has_no_cycle
report_end layers
