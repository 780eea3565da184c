#!/bin/sh
# Fills the volume of one pack, mounted at $1 (/pitaya/packs/<sha256>), from a bundle's pack data:
#
#   store-pack.sh DIR OBJECT_FORMAT SHALLOW_BYTES PACK_BYTES [PARENT_DIR…]
#
# On standard input the shallow file, then the pack. A thin pack finds its bases in the parents.
set -eu
dir=$1 format=$2 shallow_bytes=$3 pack_bytes=$4
shift 4

mkdir -p "$dir/objects/info" "$dir/objects/pack" "$dir/refs"
echo 'ref: refs/heads/none' >"$dir/HEAD"
if [ "$format" = sha256 ]; then
  printf '[core]\nrepositoryformatversion=1\nbare=true\n[extensions]\nobjectFormat=sha256\n' >"$dir/config"
else
  printf '[core]\nrepositoryformatversion=0\nbare=true\n' >"$dir/config"
fi
for parent; do echo "$parent/objects"; done >"$dir/objects/info/alternates"
if [ "$shallow_bytes" -gt 0 ]; then head -c "$shallow_bytes" >"$dir/shallow"; fi

# Old histories hold these harmless faults, and a plain clone takes them.
tolerated=zeroPaddedFilemode=ignore,missingSpaceBeforeDate=ignore,badTimezone=ignore
head -c "$pack_bytes" |
  git --git-dir="$dir" index-pack --strict="$tolerated" --fix-thin --stdin >/dev/null

# A workspace lists the packs it sees by itself.
rm -f "$dir/objects/info/alternates"
: >"$dir/complete"
