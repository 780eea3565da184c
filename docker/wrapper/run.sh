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
# What the harvest made is left in /pitaya/exchange/out/done. Its file `report` says what is there, and
# is whole when it ends in a line `end`. The segments are left beside it, in out/segments.
#
# Everything here runs as the agent's user, so the agent can kill or fool it. Nothing on the host
# believes a word of it.
#
# Variables are named p_…, since one of another name may be part of the agent's environment.
set -u

p_run=/pitaya/run p_exchange=/pitaya/exchange p_out=/pitaya/exchange/out p_wrapper=/pitaya/wrapper
p_segment_bytes=1048576 p_first_segment=100000000

p_base='' p_grace=10 p_limit=60 p_author=Pitaya p_email=agent@pitaya.local
p_options='' p_harvest_only=''
while [ $# -gt 0 ]; do
  case $1 in
    --base) p_base=$2; shift ;;
    --grace) p_grace=$2; shift ;;
    --harvest-limit) p_limit=$2; shift ;;
    --author) p_author=$2 p_email=$3; shift 2 ;;
    --force-commit | --read-only) p_options="$p_options $1" ;;
    --harvest-only) p_harvest_only=yes ;;
    --) shift; break ;;
    *) echo "pitaya: unknown option $1" >&2; exit 125 ;;
  esac
  shift
done

. "$p_wrapper/ground.sh"

# Is process $1, just looked at, of the plumbing: one we started, or a child or grandchild of it?
is_plumbing() {
  case " $p_plumbing " in *" $1 "* | *" $p_parent "*) return 0 ;; esac
  look_at "$p_parent" || return 1
  case " $p_plumbing " in *" $p_parent "*) return 0 ;; esac
  return 1
}

# Ends every process but init, ourselves and the plumbing. Uses builtins only: under a fork bomb
# there is no process to be had.
#
# STOP reaches all of them in one step of the kernel. A child whose making was under way then is
# stopped as well, but shows a little later, and a CONT sent before it shows never reaches it. So we
# look until nobody else is left and all of the plumbing stands still, twice in a row: a process
# that stands still has no child under way. One in state D whose child stands still does too: a shell
# waits so for its child to become another program.
kill_others() {
  kill -STOP -1 2>/dev/null
  p_rounds=0 p_still=0 p_holders=''
  while [ "$p_still" -lt 2 ] && [ "$p_rounds" -lt 5000 ]; do
    p_rounds=$((p_rounds + 1)) p_still=$((p_still + 1)) p_held=$p_holders p_holders=''
    for p_entry in /proc/[0-9]*; do
      p_pid=${p_entry#/proc/}
      case $p_pid in 1 | $$) continue ;; esac
      look_at "$p_pid" || continue
      case $p_state in
        Z | X) continue ;;
        T | t) p_moves='' p_holders="$p_holders $p_parent " ;;
        D) case $p_held in *" $p_pid "*) p_moves='' ;; *) p_moves=yes ;; esac ;;
        *) p_moves=yes ;;
      esac
      if is_plumbing "$p_pid"; then
        [ -z "$p_moves" ] || p_still=0
      else
        kill -KILL "$p_pid" 2>/dev/null
        p_still=0
      fi
    done
  done
  kill -CONT -1 2>/dev/null
}

# Waits for child $1 and sets p_code. A signal we trap ends a wait early, with the signal's code; the
# child's own is then had by waiting again, unless the shell had given it out already.
wait_for() {
  p_code=''
  while :; do
    p_woken=''
    wait "$1"
    p_result=$?
    [ "$p_result" -ne 127 ] || [ -z "$p_code" ] || return 0
    p_code=$p_result
    [ -n "$p_woken" ] || return 0
  done
}

make_places() { make_room "$p_out" && mkdir "$p_out/segments" 2>/dev/null; }
note() { echo "$@" >>"$p_out/done/report"; }

# Reports how much was written to each stream, which the segments tell, and keeps them.
keep_output() {
  p_kept=''
  for p_stream in stdout stderr; do
    p_last=''
    # One is always made ahead of its first byte.
    for p_file in "$p_run/$p_stream".*; do
      [ ! -s "$p_file" ] || p_last=$p_file p_kept="$p_kept $p_file"
    done
    p_bytes=0
    if [ -n "$p_last" ]; then
      p_size=$(wc -c <"$p_last")
      p_bytes=$(((${p_last##*.} - p_first_segment) * p_segment_bytes + p_size))
    fi
    note "$p_stream $p_bytes"
  done
  # shellcheck disable=SC2086 # names are ours
  [ -z "$p_kept" ] || cp $p_kept "$p_out/segments/" || note "trouble the output's last part was not kept"
}

p_agent='' p_agent_code='' p_plumbing='' p_term=''

# The end, however it came: the agent's exit, a TERM, or a failure of this script such as a refused
# fork, which ends a shell.
finish() {
  p_own_code=$?
  trap - EXIT
  trap p_woken=yes HUP INT QUIT TERM USR1 USR2 ALRM
  kill_others
  if [ -n "$p_agent" ] && [ -z "$p_agent_code" ]; then
    wait_for "$p_agent"
    p_agent_code=$p_code
  fi
  # No writer is left: the plumbing sees the end of the output once it has passed on all of it.
  exec 5>&- 6>&-
  for p_pid in $p_plumbing; do wait_for "$p_pid"; done

  # Whatever the agent left in their place.
  make_places || { rm -rf "$p_out/done" "$p_out/segments" "$p_out/room" && make_places; } || exit 125
  note 'pitaya-report 1'
  [ -z "$p_agent" ] || note "agent $p_agent_code"
  [ -n "$p_harvest_only" ] || keep_output
  # shellcheck disable=SC2086 # options are ours
  timeout -k 2 "$p_limit" /bin/sh "$p_wrapper/harvest.sh" "$p_out" "$p_base" "$p_author" "$p_email" $p_options \
    </dev/null >/dev/null 2>"$p_out/room/log"
  p_code=$?
  case $p_code in
    0) ;;
    124 | 137) note "trouble the harvest took longer than $p_limit s" ;;
    *) note "trouble the harvest ended with code $p_code: $(tail -c 300 "$p_out/room/log" | tr -s '\n\r\t ' ' ')" ;;
  esac
  note end
  exit "${p_agent_code:-$p_own_code}"
}

trap finish EXIT
trap p_woken=yes HUP INT QUIT USR1 USR2 ALRM
[ -z "$p_harvest_only" ] || exit 0

# A TERM asks the agent to end, and a timer ends it if it does not. If no process can be had for the
# timer, the shell fails here, and `finish` kills at once; if none for its sleep, it does not wait.
on_term() {
  p_term=yes p_woken=yes
  [ -n "$p_agent" ] || return 0
  kill -TERM "$p_agent" 2>/dev/null
  (
    trap 'kill -KILL "$p_agent" 2>/dev/null' EXIT
    sleep "$p_grace"
  ) &
}
trap on_term TERM

# A background list ignores INT and QUIT; an agent expects them as they were.
p_env=$(command -v env)
"$p_env" --default-signal=INT,QUIT true 2>/dev/null || p_env=''

# Certificates of the runner's surroundings, behind those of the image: most programs take one file.
if [ -f "$p_exchange/in/extra-ca.crt" ]; then
  for p_file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    [ ! -r "$p_file" ] || break
  done
  cat "$p_file" "$p_exchange/in/extra-ca.crt" >"$p_run/ca.crt" 2>/dev/null
fi

mkfifo "$p_run/stdout" "$p_run/stderr" "$p_run/stdout-copy" "$p_run/stderr-copy" || exit 125
for p_stream in stdout stderr; do
  : >"$p_run/$p_stream.$p_first_segment"
  # Each segment's writer makes the next one first, so that a reader always has a file to wait on.
  SHELL=/bin/sh STREAM=$p_run/$p_stream split -b "$p_segment_bytes" -a 9 \
    --numeric-suffixes="$p_first_segment" \
    --filter='n=${FILE##*.} old=$STREAM.$((n - 17)); : >"$STREAM.$((n + 1))"
      [ ! -e "$old" ] || rm -f "$old"; exec cat >"$FILE"' \
    - "$p_run/$p_stream." <"$p_run/$p_stream-copy" >/dev/null 2>&1 &
  p_plumbing="$p_plumbing $!"
done
# A tee goes on when one of its two ends is gone: the stream of a dead runner, or a full tmpfs.
tee -p "$p_run/stdout-copy" <"$p_run/stdout" 2>/dev/null &
p_plumbing="$p_plumbing $!"
tee -p "$p_run/stderr-copy" <"$p_run/stderr" >&2 2>/dev/null &
p_plumbing="$p_plumbing $!"
exec 3<&0 5>"$p_run/stdout" 6>"$p_run/stderr" </dev/null

(
  while IFS=' ' read -r p_name p_value <&3; do
    case $p_name in
      .)
        exec 3<&-
        PATH=$p_agent_path
        p_input=/dev/null
        [ ! -f "$p_exchange/in/stdin" ] || p_input=$p_exchange/in/stdin
        if [ -n "$p_env" ]; then
          exec "$p_env" --default-signal=INT,QUIT "$@" <"$p_input" >&5 2>&6 5>&- 6>&-
        fi
        exec "$@" <"$p_input" >&5 2>&6 5>&- 6>&-
        ;;
      '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) break ;;
    esac
    # A value may end in newlines, which a substitution drops; the mark keeps them.
    p_value=$(printf %s "$p_value" | base64 -d && echo .) || break
    export "$p_name=${p_value%.}"
  done
  echo 'pitaya: the runner left before the agent could be started' >&6
  exit 125
) &
p_agent=$!
exec 3<&-
[ -z "$p_term" ] || on_term

wait_for "$p_agent"
p_agent_code=$p_code
exit "$p_agent_code"
