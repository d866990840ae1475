# shellcheck shell=bash
#
# What goes between a host and an engine, kept and held against the schema. To
# be sourced.

# record_messages PROGRAM DIR: makes DIR/bin/deps-engine-NAME of such a PROGRAM,
# which does the same, answers at the end of a call, and keeps each call that comes
# to its end in DIR/calls.
record_messages() {
  mkdir -p "$2/bin" "$2/calls"
  cat >"$2/bin/${1##*/}" <<WRAPPER
#!/bin/bash
call=\$(mktemp -u "$2/calls/XXXXXXXX")
# No pipe: what the engine leaves running would hold its end open.
cat >"\$call.asks"
"$1" "\$@" <"\$call.asks" >"\$call.says"
status=\$?
cat "\$call.says"
echo "\$@" >"\$call.done"
exit "\$status"
WRAPPER
  chmod +x "$2/bin/${1##*/}"
}

# check_messages DIR VALIDATE: whether all messages in DIR/calls are as the schema
# asks. What an engine refuses as no request is none.
check_messages() {
  local end call line count=0
  for end in "$1"/calls/*.done; do
    call=${end%.done}
    grep -q '"invalid_argument"' "$call.says" || [[ ! -s $call.says ]] ||
      "$2" lib/schema/engine.schema.json "$call.asks" || {
      cat "$end" "$call.asks"
      return 1
    }
    while IFS= read -r line; do
      "$2" lib/schema/engine.schema.json - <<<"$line" || {
        printf '%s\n%s\n' "$(<"$end")" "$line"
        return 1
      }
      ((++count))
    done < <(jq -c . "$call.says")
  done
  echo "$count messages are as the schema asks"
  ((count > 0))
}
