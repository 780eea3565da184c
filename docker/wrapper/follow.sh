#!/bin/sh
# Reads on from the output of the agent in this container, for a runner that was restarted:
#
#   follow.sh STDOUT_OFFSET STDERR_OFFSET
#
# What the agent wrote to stdout comes on our stdout, what it wrote to stderr on our stderr, until
# we are killed. Before the bytes of each segment, and so after every full MiB of the stream, comes
# a line of 16 characters with the offset they begin at. It is larger than expected where segments
# are no longer kept.
#
# Files do the waiting, nothing polls: a segment's successor is there before the segment is full.
set -u
run=/pitaya/run segment_bytes=1048576 first_segment=100000000

# Sets `number` to the first segment of stream $1 that is kept.
first_kept() {
  for file in "$run/$1".*; do
    number=${file##*.}
    return
  done
}

follow() {
  stream=$1 number=$(($2 / segment_bytes + first_segment)) skip=$(($2 % segment_bytes))
  # A link of our own, so that the segment stays while we read it.
  hold=$run/hold.$stream.$$
  while :; do
    if ! ln "$run/$stream.$number" "$hold" 2>/dev/null; then
      before=$number
      first_kept "$stream"
      skip=0
      [ "$number" != "$before" ] || return
      continue
    fi
    printf '%015d\n' "$(((number - first_segment) * segment_bytes + skip))"
    tail -f -c "+$((skip + 1))" "$hold" 2>/dev/null | $at_once head -c "$((segment_bytes - skip))"
    rm -f "$hold"
    number=$((number + 1)) skip=0
  done
}

# Without it, head keeps up to 4 KiB until there are more or the segment is full.
at_once='stdbuf -o0'
[ "$(echo x | $at_once head -c 1 2>/dev/null)" = x ] || at_once=''

follow stdout "$1" &
follow stderr "$2" >&2 &
wait
