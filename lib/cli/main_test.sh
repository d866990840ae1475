#!/bin/bash
#
# A command in the real world: streams that are full, closed or cut, signals,
# exceptions, and the texts that other programs read.
# Usage: main_test.sh COMMAND

set -uo pipefail

command=$PWD/$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failed=0

# check NAME STATUS STDERR: the last run of `run` ended like this.
check() {
  if [[ $status == "$2" && $(<stderr) == "$3" ]]; then
    echo "ok: $1"
  else
    echo "FAILED: $1: status $status, expected $2; standard error: $(<stderr)"
    failed=1
  fi
}

run() {
  "$@" >stdout 2>stderr
  status=$?
}

expect() {
  if "${@:2}"; then
    echo "ok: $1"
  else
    echo "FAILED: $1"
    failed=1
  fi
}

printf 'a\0b\377\r\n' >binary
run "$command" binary
check 'a copy succeeds' 0 ''
expect 'every byte is kept' cmp -s binary stdout
run "$command" <binary
expect 'every byte of standard input is kept' cmp -s binary stdout

full='sample: <stdout>: error: cannot be written: No space left on device [file-write]'
"$command" binary >/dev/full 2>stderr
status=$?
check 'a full standard output' 4 "$full"
"$command" --direct binary >/dev/full 2>stderr
status=$?
check 'a full standard output that the command did not ask about' 4 "$full"
"$command" --lines 100000 >/dev/full 2>stderr
status=$?
check 'a full standard output that is met early' 4 "$full"
"$command" --help >/dev/full 2>stderr
status=$?
check 'help to a full standard output' 4 "$full"

"$command" binary >&- 2>stderr
status=$?
check 'a closed standard output' 4 \
  'sample: <stdout>: error: cannot be written: Bad file descriptor [file-write]'
"$command" -o copy binary >&- 2>stderr
status=$?
check 'a closed standard output that is not needed' 0 ''
run "$command" <&-
check 'a closed standard input' 4 \
  'sample: <stdin>: error: cannot be read: Bad file descriptor [file-read]'
run "$command" </
check 'a folder as standard input' 4 \
  'sample: <stdin>: error: cannot be read: Is a directory [file-read]'

trap '' PIPE
"$command" --lines 1000000 2>stderr | head -n 1 >stdout
status=${PIPESTATUS[0]}
trap - PIPE
check 'a reader that leaves early, where the caller ignores SIGPIPE' 141 ''

run "$command" --act throw
check 'an exception is a bug of the command' 5 'sample: error: thrown [internal]'
run "$command" --act exhaust
check 'no memory' 5 'sample: error: out of memory [internal]'

mkfifo pipe
for signal in INT:130 TERM:143; do
  # A background job of a shell without job control ignores SIGINT.
  (
    set -m
    "$command" pipe >stdout 2>stderr &
    child=$!
    exec 3>pipe
    kill "-${signal%:*}" "$child"
    wait "$child"
    echo $? >status
  ) 2>/dev/null
  status=$(<status)
  check "SIG${signal%:*}" "${signal#*:}" ''
done

"$command" --man >man.1
expect 'the manual page is clean' mandoc -Tlint -W warning man.1
expect 'the manual page names the nested operand' grep -q 'NAME' man.1
expect 'the manual page keeps a leading dot' \
  grep -q '\.dotted and a back\\slash' <(mandoc -Tascii man.1 | sed 's/.\x08//g')
"$command" --completion >completion
expect 'the completion is a script' bash -n completion

# complete WORDS…: what bash would offer for the last word, sorted on one line.
complete_words() {
  # shellcheck disable=SC2016
  bash -c 'compopt() { :; }; source "$1"; shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _sample; printf "%s\n" "${COMPREPLY[@]}"' \
    bash completion "$@" | sort | tr '\n' ' '
}
expect_words() {
  local got
  got=$(complete_words "${@:2}")
  expect "completion of '${*:2}' is '$1' and was '$got'" test "$got" = "$1"
}
expect_words '--color --compact --completion ' sample --co
expect_words 'tree ' sample --format tr
expect_words 'always auto ' sample --color = a
expect_words 'always auto never ' sample --color =
expect_words 'show ' sample sh
expect_words 'binary ' sample -o bin
exit "$failed"
