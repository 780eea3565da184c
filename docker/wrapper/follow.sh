#!/bin/sh
# Reads on from the output of the agent in this container, for a runner that was restarted:
#
#   follow.sh STDOUT_OFFSET STDERR_OFFSET
#
# On our stdout a line with the offset the following bytes begin at, then stdout's bytes as they
# come; the same for stderr on our stderr. The offset is larger than asked for when what was asked
# for is no longer kept. Goes on until it is killed; ends by itself only when it fell behind, to be
# called again. Files do the waiting, no polling: every segment's successor exists before it is full.
set -u
run=/pitaya/run segment_bytes=1048576 first_segment=100000000

follow() {
  stream=$1 offset=$2
  for file in "$run/$stream".*; do
    start=$(((${file##*.} - first_segment) * segment_bytes))
    break
  done
  [ "$offset" -ge "$start" ] || offset=$start
  echo "$offset"
  number=$((offset / segment_bytes + first_segment)) skip=$((offset % segment_bytes))
  while [ -e "$run/$stream.$number" ]; do
    tail -f -c "+$((skip + 1))" "$run/$stream.$number" 2>/dev/null | head -c "$((segment_bytes - skip))"
    number=$((number + 1)) skip=0
  done
}

# The end of one is the end of both.
trap 'trap "" TERM; kill -TERM 0; exit 0' USR1
(follow stdout "$1"; kill -USR1 $$) &
(follow stderr "$2" >&2; kill -USR1 $$) &
while :; do wait; done
