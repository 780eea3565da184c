#!/bin/sh
# Runs one agent in its container, then harvests what it left. POSIX sh; needs coreutils and git.
#
#   run.sh [--base COMMIT] [--grace SECONDS] [--harvest-limit SECONDS] [--author NAME EMAIL]
#          [--force-commit] [--read-only] [--harvest-only] -- ARGV...
#
# Standard input, from the runner: lines "NAME BASE64", which become the agent's environment and
# nothing else's, then a line ".". Without that last line the agent is not started.
# The agent's output goes on to our stdout and stderr, and to segments of 1 MiB in a tmpfs, the last
# 16 of each kept, from which a restarted runner reads on (follow.sh).
# What the harvest made is left in /pitaya/exchange/out; its file `report`, written last, says what.
#
# Everything here runs as the agent's user: the agent can kill or fool it. Nothing on the host
# believes a word of it.
set -u

RUN=/pitaya/run EXCHANGE=/pitaya/exchange OUT=/pitaya/exchange/out WRAPPER=/pitaya/wrapper
SEGMENT_BYTES=1048576 FIRST_SEGMENT=100000000

base='' grace=10 limit=60 author=Pitaya email=agent@pitaya.local options='' harvest_only=''
while [ $# -gt 0 ]; do
  case $1 in
    --base) base=$2; shift ;;
    --grace) grace=$2; shift ;;
    --harvest-limit) limit=$2; shift ;;
    --author) author=$2 email=$3; shift 2 ;;
    --force-commit | --read-only) options="$options $1" ;;
    --harvest-only) harvest_only=yes ;;
    --) shift; break ;;
    *) echo "pitaya: unknown option $1" >&2; exit 125 ;;
  esac
  shift
done

# Our own tools come from where the agent cannot write.
agent_path=${PATH:-/usr/local/bin:/usr/bin:/bin} PATH=''
IFS=:
for dir in $agent_path; do
  case $dir in
    /workspace* | /home/agent* | /tmp* | /dev/* | /pitaya* | *..*) ;;
    /*) PATH=${PATH:+$PATH:}$dir ;;
  esac
done
unset IFS
export PATH

# Bytes written to stream $1, told by its segments: one is always made ahead of its first byte.
count_bytes() {
  bytes=0
  for file in "$RUN/$1".*; do
    [ -s "$file" ] || continue
    size=$(wc -c <"$file")
    bytes=$(((${file##*.} - FIRST_SEGMENT) * SEGMENT_BYTES + size))
  done
}

# Is process $1 a child or grandchild of our plumbing (split's writer of segments)? Reads the whole
# stat file, since a process may carry newlines and parentheses in its name.
is_plumbing() {
  depth=0 of=$1
  while [ "$depth" -lt 3 ]; do
    stat=''
    while IFS= read -r line || [ -n "$line" ]; do stat="$stat$line "; done 2>/dev/null <"/proc/$of/stat"
    stat=${stat##*) }
    stat=${stat#* }
    of=${stat%% *}
    case " $plumbing " in *" $of "*) return 0 ;; esac
    case $of in '' | *[!0-9]* | 0 | 1) return 1 ;; esac
    depth=$((depth + 1))
  done
  return 1
}

# Ends every process but init, ourselves and the plumbing. Uses builtins only: under a fork bomb
# there is no process to be had. STOP reaches all of them in one step of the kernel, so that none
# can fork away from the KILL that follows.
kill_others() {
  kill -STOP -1 2>/dev/null
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    case " 1 $$ $plumbing " in *" $pid "*) continue ;; esac
    is_plumbing "$pid" || kill -KILL "$pid" 2>/dev/null
  done
  kill -CONT -1 2>/dev/null
}

agent='' agent_code='' plumbing='' woken=''

# The end, however it came: the agent's exit, a TERM, or a failure of this script such as a refused
# fork, which ends a shell.
finish() {
  own_code=$?
  trap ':' HUP INT QUIT TERM USR1 USR2 ALRM
  trap - EXIT
  kill_others
  if [ -n "$agent" ] && [ -z "$agent_code" ]; then
    while :; do
      woken=''
      wait "$agent"
      agent_code=$?
      [ -n "$woken" ] || break
    done
  fi
  # No writer is left: the plumbing sees the end of the output once it has passed on all of it.
  exec 5>&- 6>&-
  for pid in $plumbing; do wait "$pid"; done

  rm -rf "$OUT/new" "$OUT/done" && mkdir -p "$OUT/new/segments" || exit 125
  report=$OUT/new/report
  echo 'pitaya-report 1' >"$report"
  [ -z "$agent" ] || echo "agent ${agent_code:-$own_code}" >>"$report"
  for stream in stdout stderr; do
    [ -d "$RUN" ] && [ -z "$harvest_only" ] || break
    count_bytes "$stream"
    echo "$stream $bytes" >>"$report"
    for file in "$RUN/$stream".*; do
      [ ! -s "$file" ] || cp "$file" "$OUT/new/segments/" || echo 'trouble segments were not kept' >>"$report"
    done
  done
  # shellcheck disable=SC2086 # options are ours
  timeout -k 2 "$limit" /bin/sh "$WRAPPER/harvest.sh" "$base" "$author" "$email" $options \
    </dev/null >/dev/null 2>"$OUT/new/harvest.log"
  code=$?
  [ ! -f "$OUT/new/found" ] || cat "$OUT/new/found" >>"$report"
  case $code in
    0) ;;
    124 | 137) echo "trouble the harvest took longer than $limit s" >>"$report" ;;
    *) echo "trouble the harvest ended with code $code: $(tail -c 300 "$OUT/new/harvest.log" | tr -s '\n\r\t ' ' ')" >>"$report" ;;
  esac
  rm -rf "$OUT/new/room" "$OUT/new/found" "$OUT/new/harvest.log"
  echo end >>"$report"
  mv "$OUT/new" "$OUT/done" || exit 125
  exit "${agent_code:-$own_code}"
}

trap finish EXIT
trap 'woken=yes' HUP INT QUIT USR1 USR2 ALRM
if [ -n "$harvest_only" ]; then exit 0; fi

# The first TERM asks the agent to end, and a timer ends it if it does not. If no process can be
# had for the timer, the shell fails here, and `finish` kills at once.
on_term() {
  woken=yes
  kill -TERM "$agent" 2>/dev/null
  (sleep "$grace"; kill -KILL "$agent" 2>/dev/null) &
}
trap 'woken=yes; [ -z "$agent" ] || on_term' TERM

mkfifo "$RUN/stdout" "$RUN/stderr" "$RUN/stdout-copy" "$RUN/stderr-copy" || exit 125
for stream in stdout stderr; do
  : >"$RUN/$stream.$FIRST_SEGMENT"
  # Each segment's writer makes the next one first, so that a reader always has a file to wait on.
  STREAM=$RUN/$stream split -b "$SEGMENT_BYTES" -a 9 --numeric-suffixes="$FIRST_SEGMENT" \
    --filter='n=${FILE##*.}; : >"$STREAM.$((n + 1))"; cat >"$FILE"; rm -f "$STREAM.$((n - 16))"' \
    - "$RUN/$stream." <"$RUN/$stream-copy" >/dev/null 2>&1 &
  plumbing="$plumbing $!"
done
# A tee goes on when one of its two ends is gone: the stream of a dead runner, or a full tmpfs.
tee -p "$RUN/stdout-copy" <"$RUN/stdout" 2>/dev/null &
plumbing="$plumbing $!"
tee -p "$RUN/stderr-copy" <"$RUN/stderr" 2>/dev/null >&2 &
plumbing="$plumbing $!"
exec 3<&0 5>"$RUN/stdout" 6>"$RUN/stderr" </dev/null

(
  while IFS=' ' read -r name value <&3; do
    case $name in
      .)
        exec 3<&-
        PATH=$agent_path
        input=/dev/null
        [ ! -f "$EXCHANGE/in/stdin" ] || input=$EXCHANGE/in/stdin
        # A background list ignores INT and QUIT; an agent expects them as they were.
        if PATH="$PATH" env --default-signal=INT,QUIT true 2>/dev/null; then
          exec env --default-signal=INT,QUIT "$@" <"$input" >&5 2>&6 5>&- 6>&-
        fi
        exec "$@" <"$input" >&5 2>&6 5>&- 6>&-
        ;;
      '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) break ;;
    esac
    # A value may end in newlines, which a substitution drops; the mark keeps them.
    value=$(printf %s "$value" | base64 -d && echo .) || break
    export "$name=${value%.}"
  done
  echo 'pitaya: the runner left before the agent could be started' >&6
  exit 125
) &
agent=$!
exec 3<&-

while :; do
  woken=''
  wait "$agent"
  agent_code=$?
  [ -n "$woken" ] || break
done
exit "$agent_code"
