# A PostgreSQL server for a test, on a UNIX socket in a folder of its own. To be
# sourced: start_postgres sets POSTGRES_URL; stop_postgres ends it. The server is
# started with the library POSTGRES_PRELOAD and the options POSTGRES_OPTIONS, where
# they are set; its data is below POSTGRES_PARENT, or /tmp.
# shellcheck shell=bash

postgres_bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
postgres_folder=

# The server refuses to be root.
postgres_do() {
  if [[ $EUID -eq 0 ]]; then
    setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"
  else
    "$@"
  fi
}

start_postgres() {
  # Short: the path of a socket is.
  postgres_folder=$(mktemp -d "${POSTGRES_PARENT-/tmp}/pg-XXXXXX")
  [[ $EUID -ne 0 ]] || chown postgres:postgres "$postgres_folder"
  (
    cd "$postgres_folder" || exit
    postgres_do "$postgres_bin/initdb" -D data -U deps -A trust --no-sync >initdb.out 2>&1 ||
      cat initdb.out >&2
  )
  resume_postgres
  # shellcheck disable=SC2034  # for the sourcing script
  POSTGRES_URL="postgres://deps@/postgres?host=$postgres_folder"
}

resume_postgres() {
  (
    cd "$postgres_folder" || exit
    LD_PRELOAD=${POSTGRES_PRELOAD-} postgres_do "$postgres_bin/pg_ctl" -D data -w -s -l "$postgres_folder/log" \
      -o "-c listen_addresses= -c unix_socket_directories=$postgres_folder ${POSTGRES_OPTIONS-}" start
  )
}

pause_postgres() {
  (cd "$postgres_folder" && postgres_do "$postgres_bin/pg_ctl" -D data -w -s -m fast stop)
}

# postgres_sql ARGUMENT…: asks the server; Debian's psql would look for it first.
postgres_sql() {
  "$postgres_bin/psql" -q -v ON_ERROR_STOP=1 -h "$postgres_folder" -U deps postgres "$@"
}

stop_postgres() {
  [[ -n $postgres_folder ]] || return 0
  (cd "$postgres_folder" && postgres_do "$postgres_bin/pg_ctl" -D data -w -s -m immediate stop)
  rm -rf "$postgres_folder"
  postgres_folder=
}
