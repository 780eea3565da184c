#!/bin/sh
# Puts what an attempt begins with into its fresh workspace and home, as the agent's user:
#
#   fill-in.sh PATCH_BYTES [ROOT PATH MODE BYTES]…
#
# On standard input the patch of an earlier attempt, then the files, whose paths are below their
# roots. What the patch changes stays uncommitted. Ends with code 3 where the patch does not fit.
set -eu
patch_bytes=$1
shift
cd /workspace
if [ "$patch_bytes" -gt 0 ]; then
  head -c "$patch_bytes" | git apply --binary --whitespace=nowarn - || exit 3
fi

# Sets `file` to the place of PATH below ROOT, with nothing there. On the way are real directories: a
# link that a commit brought could lead elsewhere.
clear_place() {
  at=$1 rest=$2
  while :; do
    case $rest in
      */*) at=$at/${rest%%/*} rest=${rest#*/} ;;
      *) break ;;
    esac
    if [ -L "$at" ] || [ ! -d "$at" ]; then rm -f "$at" && mkdir "$at"; fi
  done
  file=$at/$rest
  rm -rf "$file"
}

while [ $# -gt 0 ]; do
  case $3 in *00) umask 077 ;; *) umask 022 ;; esac
  clear_place "$1" "$2"
  head -c "$4" >"$file"
  chmod "$3" "$file"
  shift 4
done
