#!/bin/bash
#
# What people see: the live view on a terminal of tmux, of any size; plain lines
# where there is no terminal; and the page of a workflow in Chromium.
# Usage: view_test.sh DEPS_RUN

set -uo pipefail

# shellcheck source=tools/deps-run/testing.sh
. tools/deps-run/testing.sh
run=$PWD/$1
work=$(mktemp -d)
servers=0
terminal() { tmux -S "$work/socket-$servers" -f /dev/null "$@"; }
cleanup() {
  # A child that a signal ends before it has become a command has this trap, too.
  [[ $BASHPID -eq $$ ]] || return
  terminal kill-server 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work" || exit 1
export WORK=$work DEPS_STATE=sqlite:$work/state.db LC_ALL=C.UTF-8
unset NO_COLOR CI

cat >tool <<'TOOL'
#!/bin/bash
touch "$WORK/begun-$CNAB_BUNDLE_NAME"
while [[ ! -e $WORK/go && ! -e $WORK/go-$CNAB_BUNDLE_NAME ]]; do sleep 0.05; done
[[ ! -e $WORK/fail-$CNAB_BUNDLE_NAME ]]
TOOL
chmod +x tool
tree_plan 7 >seven.json
# With a name that is longer than most terminals are wide.
plan "$(jq -c --arg long "$(printf 'long-%.0s' {1..40})" 'del(.digest)
  | .tasks |= map(if .id == "root/6" then .id = "root/\($long)" else . end | .needs |= (map(if . == "root/6" then "root/\($long)" else . end) | sort))
  | .stages |= map(map(if . == "root/6" then "root/\($long)" else . end) | sort)
  | .tasks |= sort_by(.stage, .id)' seven.json)" >long.json

# begin COLUMNS ROWS VARIABLE=VALUE… COMMAND…: in a terminal of that size.
begin() {
  rm -f begun-* go go-* status
  terminal kill-server 2>/dev/null
  # A server that goes is not asked again.
  servers=$((servers + 1))
  terminal new-session -d -x "$1" -y "$2" \
    "$(printf '%q ' env "${@:3}") >out; echo \$? >status; exec sleep 1000"
}
screen() { terminal capture-pane -p | sed '/^ *$/d'; }
ended() { await 20 test -s status; }
# Times and ids, which are others each time.
steady() {
  sed -E 's/[0-9]+(\.[0-9]+)?(ms|s)\b/TIME/g; s/[0-9]+m[0-9]+s/TIME/g; s/\b01[0-9A-Z]{24}\b/ID/g; s/ +$//'
}
live() { begin "$1" "$2" "${@:4}" "$run" --driver process:./tool --jobs 3 "$3" && await 20 test -e begun-b5; }
settled() { [[ $(screen | steady | sort) == "$view" ]]; }

live 90 20 seven.json TERM=tmux
# Which task has which line is left to chance.
view='  root/3  TIME
  root/4  TIME
  root/5  TIME
3 running, 4 waiting of 7  TIME'
await 10 settled
same 'each running task has a line with its time, and the rest is counted' "$view" "$(screen | steady | sort)"
touch go-b3 go-b4
view='  root/1  TIME
  root/5  TIME
  root/6  TIME
3 running, 2 succeeded, 2 waiting of 7  TIME'
await 10 settled
same 'what has ended is counted' "$view" "$(screen | steady | sort)"
first=$(screen | tail -n 1)
await 10 bash -c '[[ "$1" != "$2" ]]' - "$first" "$(sleep 1.2 && screen | tail -n 1)"
touch go
ended
same 'in the end there is one line' '0 deps-run: workflow ID succeeded after TIME: 7 succeeded' \
  "$(<status) $(screen | steady)"

live 90 20 seven.json TERM=tmux
terminal resize-window -x 30 -y 4
fits() { [[ $(screen | wc -l) -le 4 ]] && screen | tail -n 1 | grep -q '3 running, 4 waiting of 7'; }
await 10 fits
same 'a terminal that becomes smaller holds what fits' true "$(fits && echo true)"
touch go
ended

live 24 8 long.json TERM=tmux
touch go-b3 go-b4
await 20 test -e begun-b6
# Three tasks and the summary, which is cut, too.
cut() { narrow=$(screen) && [[ $(wc -l <<<"$narrow") -eq 4 ]] && grep -q '^  .*long-.*> ' <<<"$narrow"; }
await 10 cut
same 'a name that is too long is cut, and no line is broken' true \
  "$(cut && ! grep -q '.\{25\}' <<<"$narrow" && echo true)"
touch go
ended

live 90 5 seven.json TERM=tmux
touch go
ended
same 'in few rows nothing is left behind' '0 1' "$(<status) $(screen | wc -l)"

touch fail-b3
live 100 20 seven.json TERM=tmux
touch go
ended
same 'a failure is told once, in colour' '1 1 true' \
  "$(<status) $(screen | grep -c "task 'root/3' failed") $(terminal capture-pane -p -e | grep -q $'\e\\[[0-9;]*3[0-9]' && echo true)"
same 'and the summary counts it' 'deps-run: workflow ID failed after TIME: 1 failed, 2 skipped, 4 succeeded' \
  "$(screen | steady | grep ' workflow ')"
live 100 20 seven.json TERM=tmux NO_COLOR=1
touch go
ended
same 'NO_COLOR takes the colours away' 'true 1' \
  "$(! terminal capture-pane -p -e | grep -q $'\e\\[[0-9;]*3[0-9]' && echo true) $(screen | grep -c "task 'root/3' failed")"
rm fail-b3

# Without a terminal.
touch go
"$run" --driver process:./tool --jobs 1 seven.json >out 2>err
same 'without a terminal there are plain lines' "deps-run: workflow ID running
deps-run: root/3 started
deps-run: root/3 succeeded after TIME
deps-run: root/4 started
deps-run: root/4 succeeded after TIME" "$(steady <err | head -n 5)"
same 'and one for the end' 'deps-run: workflow ID succeeded after TIME: 7 succeeded' "$(steady <err | tail -n 1)"
same 'with nothing in them that only a terminal understands' '' "$(grep $'[\e\r]' err)"
begin 100 20 TERM=dumb "$run" --driver process:./tool --jobs 1 seven.json
touch go
ended
same 'a terminal that cannot move its cursor gets plain lines' 'deps-run: root/3 started' "$(screen | steady | grep -x 'deps-run: root/3 started')"

# The page of a workflow that failed, as Chromium has it after loading.
touch fail-b3 go
"$run" -q --driver process:./tool seven.json >out 2>err
"$run" show --format html "$(jq -r .id out)" >page.html
chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --virtual-time-budget=2000 \
  --dump-dom "file://$work/page.html" >dom.html 2>chromium.log
same 'Chromium loads the page' '0 true' "$? $(grep -q '</html>' dom.html && echo true)"
same 'its graph has each task' 7 "$(grep -o '<svg.*</svg>' <(tr -d '\n' <dom.html) | grep -o 'root/[0-9]' | sort -u | wc -l)"
chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --window-size=900,900 --hide-scrollbars \
  --screenshot="$work/page.png" "file://$work/page.html" >chromium.log 2>&1
same 'and draws it' 'PNG true' "$(head -c 4 page.png | tail -c 3) $([[ $(stat -c %s page.png) -gt 10000 ]] && echo true)"
report_end view
