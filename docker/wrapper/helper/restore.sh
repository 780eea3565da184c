#!/bin/sh
# Lays what an earlier attempt left over a fresh workspace and home, as the agent's user:
#
#   restore.sh PATCH_BYTES [FILE BYTES]…
#
# On standard input the patch, then the files, whose paths are below the home. What the patch changes
# stays uncommitted. Ends with code 3 where the patch does not fit.
set -eu
patch_bytes=$1
shift
cd /workspace
if [ "$patch_bytes" -gt 0 ]; then
  head -c "$patch_bytes" | git apply --binary --whitespace=nowarn - || exit 3
fi
umask 077
while [ $# -gt 0 ]; do
  file=/home/agent/$1
  mkdir -p "${file%/*}"
  head -c "$2" >"$file"
  shift 2
done
