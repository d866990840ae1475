#!/bin/bash
#
# Each command starts, describes itself in every form, and is linked as it
# should be.
# Usage: commands_test.sh COMMAND…

set -uo pipefail

# shellcheck source=tests/report.sh
. tests/report.sh

prints_version() {
  local text
  text=$("$1" --version 2>&1) || return
  [[ $text =~ ^${1##*/}\ \(cnab-deps\)\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || {
    echo "printed: $text"
    return 1
  }
}

prints_help() {
  local text word
  text=$("$1" --help 2>&1) || return
  [[ $text == "$("$1" -h)" ]] || return
  for word in "Usage: ${1##*/}" --output --diagnostics 'Exit status:' 130 143; do
    grep -qF -e "$word" <<<"$text" || {
      echo "no '$word' in: $text"
      return 1
    }
  done
}

# An option that was there twice would have two meanings.
has_each_option_once() {
  local twice
  twice=$("$1" --help | grep -oE '^ +(-., |    )--[a-z-]+' | sort | uniq -d)
  [[ -z $twice ]] || {
    echo "twice: $twice"
    return 1
  }
}

refuses_unknown_options() {
  local status=0 text
  text=$("$1" --no-such-option 2>&1 </dev/null) || status=$?
  [[ $status -eq 2 && $text == "${1##*/}: error: unknown option '--no-such-option' [usage]"* ]] || {
    echo "status $status: $text"
    return 1
  }
}

# Help, too, is output that can fail to be written.
notices_a_full_device() {
  local status=0
  "$1" --help >/dev/full || status=$?
  [[ $status -eq 4 ]]
}

has_clean_manual_page() { "$1" --man | mandoc -Tlint -W warning; }

has_valid_completion() { "$1" --completion | bash -n; }

# BoringSSL and curl are linked from archives. libpq brings an OpenSSL of its
# own, which must not serve a symbol of ours; nothing else may bring one.
links_no_system_tls() {
  if readelf -d "$1" | grep -q 'NEEDED.*libpq'; then
    ! readelf -d "$1" | grep -E 'NEEDED.*lib(ssl|crypto|curl)'
  else
    ! ldd "$1" | grep -E 'lib(ssl|crypto|curl)'
  fi
}

binds_no_system_tls() {
  ! LD_DEBUG=bindings "$1" --version 2>&1 |
    grep -E "binding file [^ ]*${1##*/} .* to [^ ]*lib(ssl|crypto|curl)"
}

for command in "$@"; do
  name=${command##*/}
  report_check "$name prints its version" prints_version "$command"
  report_check "$name prints its help" prints_help "$command"
  report_check "$name refuses an unknown option" refuses_unknown_options "$command"
  report_check "$name has each option once" has_each_option_once "$command"
  report_check "$name notices a full device" notices_a_full_device "$command"
  report_check "$name has a clean manual page" has_clean_manual_page "$command"
  report_check "$name has a valid completion" has_valid_completion "$command"
  report_check "$name links no TLS library of the system" links_no_system_tls "$command"
  report_check "$name binds to no TLS library of the system" binds_no_system_tls "$command"
done
report_end commands
