#!/bin/sh
# The runner's hand on the engine's host: one container per runner-agent process, alive as long as
# that process keeps our standard input open. It sees the engine's volumes at /volumes and the
# host's network, and does what would otherwise cost a container start each time.
#
# Requests are lines "ID VERB ARGS…", some followed by a body of the number of bytes they name;
# answers are lines "ID ok TEXT" or "ID error TEXT": on stdout in the order of the requests, but
# for `measure`, which may take long and answers on stderr when it is done.
# Volumes are named by their bare names, which are checked; nothing here follows a link that an
# agent could have made.
set -u
agent=1000:1000

ok() { printf '%s ok %s\n' "$id" "$*"; }
fail() { printf '%s error %s\n' "$id" "$(printf %s "$*" | tail -c 500 | tr -s '\n\r\t ' ' ')"; }

# Sets `dir` to the directory of volume $1.
volume() {
  case $1 in '' | .* | *[!A-Za-z0-9_.-]*) dir=''; return 1 ;; esac
  dir=/volumes/$1/_data
  [ -d "$dir" ] && [ ! -L "$dir" ]
}

# A body that was refused is read all the same, so that the next request is found.
skip_body() { head -c "$1" >/dev/null; }

# What this host is like: who filters packets, through which chain, whom agents ask for names.
host() {
  flavour='' chain=''
  for candidate in nft legacy; do
    if "iptables-$candidate" -w -n -L DOCKER-USER >/dev/null 2>&1; then
      flavour=$candidate chain=DOCKER-USER
    fi
  done
  if [ -z "$flavour" ] && iptables-nft -w -n -L FORWARD >/dev/null 2>&1; then
    flavour=nft chain=FORWARD
  fi
  ipv6=no
  [ ! -e /proc/sys/net/ipv6/conf/all/disable_ipv6 ] || ipv6=yes
  gateway='' names=''
  while read -r address name _; do
    [ "$name" != host.docker.internal ] || gateway=$address
  done </etc/hosts
  while read -r key address _; do
    [ "$key" != nameserver ] || names="$names,$address"
  done </etc/resolv.conf
  ok "$flavour;$chain;$ipv6;$gateway;${names#,}"
}

# Which volumes with the given beginnings of names were filled to the end. A mark that names a boot
# of this host counts until the next one.
complete() {
  found=''
  IFS= read -r this_boot </proc/sys/kernel/random/boot_id
  for prefix; do
    for mark in "/volumes/$prefix"*/_data/complete; do
      [ -f "$mark" ] || continue
      boot=''
      IFS= read -r boot <"$mark" || :
      [ -z "$boot" ] || [ "$boot" = "$this_boot" ] || continue
      mark=${mark#/volumes/}
      found="$found ${mark%%/*}"
    done
  done
  ok "${found# }"
}

# prepare UPPER HOME EXCHANGE [NAME BYTES]…, body: the files that the agent reads, its stdin among
# them. Fresh volumes of one attempt.
prepare() {
  upper=/volumes/$1/_data home=/volumes/$2/_data exchange=/volumes/$3/_data why='no such volume'
  if volume "$1" && volume "$2" && volume "$3" &&
    why=$(mkdir -p "$upper/upper" "$upper/work" "$exchange/in" "$exchange/out" 2>&1 &&
      chown "$agent" "$upper/upper" "$home" "$exchange/out" 2>&1); then
    why=''
  fi
  shift 3
  while [ $# -gt 0 ]; do
    case $1 in '' | *[!A-Za-z0-9_.-]* | .*) why='bad file name' ;; esac
    if [ -n "$why" ]; then skip_body "$2"; else head -c "$2" >"$exchange/in/$1" || why='cannot write'; fi
    shift 2
  done
  if [ -z "$why" ]; then ok; else fail "$why"; fi
}

# put VOLUME NAME BYTES, body: the file.
put() {
  case $2 in *[!A-Za-z0-9_.-]* | .*) skip_body "$3"; fail 'bad file name'; return ;; esac
  if volume "$1" && head -c "$3" >"$dir/$2" && chmod 0555 "$dir/$2"; then ok; else fail "cannot write $1/$2"; fi
}

seal() { if volume "$1" && : >"$dir/complete"; then ok; else fail "cannot seal $1"; fi; }
own() { if volume "$1" && chown "$agent" "$dir"; then ok; else fail "cannot hand over $1"; fi; }

# Sets `text` to a file of the harvest in base64, "-" where it is none or larger than $2. Only for a
# container that has ended, so that nobody changes these paths while we look.
harvested() {
  text=-
  if [ ! -L "$dir/out" ] && [ ! -L "$dir/out/done" ] && [ ! -L "$dir/out/done/$1" ] &&
    [ -f "$dir/out/done/$1" ] && [ "$(wc -c <"$dir/out/done/$1")" -le "$2" ]; then
    text=$(base64 -w 0 "$dir/out/done/$1")
  fi
}

# collect EXCHANGE MAX_BYTES: report, bundle and patch.
collect() {
  volume "$1" || { fail 'no such volume'; return; }
  harvested report 65536
  words=$text
  harvested bundle "$2"
  words="$words $text"
  harvested patch "$2"
  ok "$words $text"
}

# measure WORK HOME EXCHANGE, any number of times, below /volumes: bytes on disk of each three, "-"
# where that is unknown.
measure() {
  sizes=''
  while [ $# -ge 3 ]; do
    sum=''
    [ ! -d "/volumes/$1" ] ||
      sum=$(timeout 20 du -sxc -B1 "/volumes/$1" "/volumes/$2" "/volumes/$3" 2>/dev/null | tail -n 1)
    case $sum in *total) sizes="$sizes ${sum%%[!0-9]*}" ;; *) sizes="$sizes -" ;; esac
    shift 3
  done
  ok "${sizes# }"
}

# rules FLAVOUR CHAIN BRIDGE FORWARD_CHAIN INPUT_CHAIN BYTES, body: for iptables-restore. Replaces
# our two chains in one step and makes sure that everything from our bridge goes through them.
rules() {
  if why=$(head -c "$6" | "iptables-$1-restore" --noflush --wait 2>&1) &&
    why=$(jump "$1" "$2" "$3" "$4" 2>&1 && jump "$1" INPUT "$3" "$5" 2>&1); then
    ok
  else
    fail "$why"
  fi
}
jump() {
  "iptables-$1" -w -C "$2" -i "$3" -j "$4" 2>/dev/null || "iptables-$1" -w -I "$2" 1 -i "$3" -j "$4"
}

# unrules FLAVOUR CHAIN BRIDGE FORWARD_CHAIN INPUT_CHAIN
unrules() {
  while "iptables-$1" -w -D "$2" -i "$3" -j "$4" 2>/dev/null; do :; done
  while "iptables-$1" -w -D INPUT -i "$3" -j "$5" 2>/dev/null; do :; done
  for ours in "$4" "$5"; do
    "iptables-$1" -w -F "$ours" 2>/dev/null && "iptables-$1" -w -X "$ours" 2>/dev/null
  done
  ok
}

while IFS=' ' read -r id verb args; do
  # shellcheck disable=SC2086 # arguments hold no spaces
  set -- $args
  case $verb in
    host) host ;;
    complete | prepare | put | seal | own | collect | rules | unrules) "$verb" "$@" ;;
    measure) measure "$@" >&2 & ;;
    *) fail "unknown verb" ;;
  esac
done
