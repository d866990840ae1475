# shellcheck shell=bash
#
# A registry of containers for tests: docker-registry on a free port of the
# loopback, its content in a folder. To be sourced.

# start_registry DIR: starts one that keeps all it has in the folder DIR, and
# prints its HOST:PORT.
start_registry() {
  local dir=$1 address='' wait
  mkdir -p "$dir/content"
  cat >"$dir/config.yml" <<CONFIG
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: $dir/content}
  delete: {enabled: true}
http:
  addr: 127.0.0.1:0
CONFIG
  docker-registry serve "$dir/config.yml" </dev/null >"$dir/log" 2>&1 3>&- &
  echo $! >"$dir/pid"
  for ((wait = 0; wait < 200; ++wait)); do
    address=$(sed -n 's/.*listening on \([0-9.]*:[0-9]*\).*/\1/p' "$dir/log" | head -n 1)
    if [[ -n $address ]]; then
      echo "$address"
      return
    fi
    kill -0 "$(<"$dir/pid")" 2>/dev/null || break
    sleep 0.05
  done
  cat "$dir/log" >&2
  stop_registry "$dir"
  return 1
}

# stop_registry DIR: stops the one of start_registry DIR, if it runs.
stop_registry() {
  local pid
  [[ -f $1/pid ]] || return 0
  pid=$(<"$1/pid")
  rm -f "$1/pid"
  kill "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
}
