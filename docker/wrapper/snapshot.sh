#!/bin/sh
# Takes a snapshot of an agent at work: exec'd by the runner, as the agent's user, in its container.
#
#   snapshot.sh BASE AUTHOR EMAIL SECONDS MAX_SESSION_BYTES [--read-only] -- SESSION_FILE…
#
# On stdout come lines "file NAME BYTES", each followed by that many bytes: session/PATH for the
# session files that are there (their paths are below the agent's home, and `*` in one that was asked
# for stands for any part of a name), bundle, patch, and the report of harvest.sh; then a line "end".
#
# Conversation and files must be of one moment, so while we look all else in the container stands
# still. By STOP, and not by the engine's freezer: git has to work in here, with the agent's rights
# and no more, and nothing can be started in a frozen container. It also leaves the freezer to the
# runner's warden, whose freezing must not end because a snapshot does; frozen in the middle, we and
# the agent go on together. A conversation is written after what it tells of was done, so at any one
# moment it holds nothing that the files do not.
#
# However this ends, the agent goes on: we are small, and the kernel, short of memory, ends the git
# that we started first.
set -u
p_wrapper=/pitaya/wrapper
. "$p_wrapper/ground.sh"

base=$1 author=$2 email=$3 seconds=$4 left=$5
shift 5
options=''
while [ "$1" != -- ]; do options="$options $1"; shift; done
shift

place=/pitaya/exchange/out/snapshot.$$
finish() {
  kill -CONT -1 2>/dev/null
  rm -rf "$place"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM PIPE

# A process that was being made when STOP came shows a little later, and a CONT sent before it shows
# never reaches it. So we wait until all stand still, twice in a row; see run.sh.
stand_still() {
  kill -STOP -1 2>/dev/null
  rounds=0 still=0 holders=''
  while [ "$still" -lt 2 ]; do
    rounds=$((rounds + 1)) still=$((still + 1)) held=$holders holders=''
    [ "$rounds" -le 5000 ] || return 1
    for entry in /proc/[0-9]*; do
      pid=${entry#/proc/}
      case $pid in 1 | $$) continue ;; esac
      look_at "$pid" || continue
      case $p_state in
        Z | X) continue ;;
        T | t) holders="$holders $p_parent "; continue ;;
        D) case $held in *" $pid "*) continue ;; esac ;;
        # Started after the STOP, by somebody outside.
        *) kill -STOP "$pid" 2>/dev/null ;;
      esac
      still=0
    done
  done
}

# send NAME FILE
send() {
  size=$(wc -c <"$2") && printf 'file %s %d\n' "$1" "$size" && head -c "$size" "$2"
}

mkdir "$place" && make_room "$place" || exit 1
stand_still || exit 1
number=0 kept=''
# Without a field separator the shell expands `*` in an unquoted word, and does not split it.
IFS=''
# shellcheck disable=SC2231 # it is to be expanded
for wanted; do
  for file in /home/agent/$wanted; do
    case $file in *[!A-Za-z0-9_./-]*) continue ;; esac
    if [ -f "$file" ] && [ ! -L "$file" ]; then
      left=$((left - $(wc -c <"$file")))
      [ "$left" -ge 0 ] || exit 1
      cp "$file" "$place/session.$number" || exit 1
      kept="$kept $number:${file#/home/agent/}"
      number=$((number + 1))
    fi
  done
done
unset IFS
# Without a conversation there is nothing to go on from.
[ -n "$kept" ] || { echo end; exit 0; }

echo 'pitaya-report 1' >"$place/done/report"
(
  echo 1000 >/proc/self/oom_score_adj
  # shellcheck disable=SC2086 # options are ours
  exec timeout -k 2 "$seconds" /bin/sh "$p_wrapper/harvest.sh" "$place" "$base" "$author" "$email" \
    --let-go $options </dev/null >/dev/null 2>&1
) 2>/dev/null
code=$?
kill -CONT -1 2>/dev/null
[ "$code" -eq 0 ] || exit 1
echo end >>"$place/done/report"

for file in $kept; do send "session/${file#*:}" "$place/session.${file%%:*}" || exit 1; done
for name in report bundle patch; do
  [ ! -f "$place/done/$name" ] || send "$name" "$place/done/$name" || exit 1
done
echo end
