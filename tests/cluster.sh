# shellcheck shell=bash
#
# A cluster with Argo Workflows for tests: lib/engine/testing. To be sourced; needs
# root, for the namespaces of containers.

# make_image DIR: the files of an image with busybox, for --image REF=DIR.
make_image() {
  local dir=$1
  mkdir -p "$dir"/{bin,tmp,cnab/app}
  cp "$(command -v busybox)" "$dir/bin/busybox"
  /usr/sbin/chroot "$dir" /bin/busybox --install -s /bin
}

# start_cluster SERVER DIR ARG…: starts it with all it has in DIR, and sets
# KUBERNETES_URL and ARGO_URL.
start_cluster() {
  local server=$1 dir=$2 wait
  mkdir -p "$dir"
  mkfifo "$dir/commands"
  "$server" "${@:2}" <"$dir/commands" >"$dir/answers" 2>"$dir/log" &
  echo $! >"$dir/pid"
  # It ends with its input.
  exec {cluster_input}>"$dir/commands"
  for ((wait = 0; wait < 100; ++wait)); do
    read -r KUBERNETES_URL ARGO_URL <"$dir/answers" && export KUBERNETES_URL ARGO_URL && return
    sleep 0.1
  done
  cat "$dir/log"
  return 1
}

# tell_cluster DIR WORD…: one of the commands that its source lists; waits for the
# answer.
tell_cluster() {
  local dir=$1 before wait
  before=$(wc -l <"$dir/answers")
  echo "${*:2}" >&"$cluster_input"
  for ((wait = 0; wait < 100; ++wait)); do
    (($(wc -l <"$dir/answers") > before)) && return
    sleep 0.05
  done
  return 1
}

# stop_cluster DIR: ends all that start_cluster has started.
stop_cluster() {
  [[ -e $1/pid ]] || return 0
  exec {cluster_input}>&-
  wait "$(<"$1/pid")" 2>/dev/null
}
