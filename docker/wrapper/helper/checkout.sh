#!/bin/sh
# Fills the volume of one checkout, mounted at /pitaya/checkout, with a work tree and its repository
# in tree/, as a plain clone would have them, but for objects, remote and tags:
#
#   checkout.sh OBJECT_FORMAT COMMIT BRANCH NAME EMAIL SHALLOW_BYTES REFS_BYTES PACK_DIR…
#
# On standard input the shallow file, then lines "update refs/heads/… <commit>" for the branches.
set -eu
format=$1 branch=$3 name=$4 email=$5 shallow_bytes=$6 refs_bytes=$7
commit=$2
shift 7
tree=/pitaya/checkout/tree

umask 022
export GIT_AUTHOR_NAME="$name" GIT_AUTHOR_EMAIL="$email" \
  GIT_COMMITTER_NAME="$name" GIT_COMMITTER_EMAIL="$email"
git init -q --template= --object-format="$format" "$tree"
git -C "$tree" symbolic-ref HEAD "refs/heads/$branch"
# The overlay shows other inodes and change times than those the index holds. A workspace does not
# outlive its attempt, so nothing in it needs to reach the disk.
cat >>"$tree/.git/config" <<CONFIG
[core]
	checkStat = minimal
	trustctime = false
	fsync = none
[gc]
	auto = 0
CONFIG
git -C "$tree" config user.name "$name"
git -C "$tree" config user.email "$email"
mkdir -p "$tree/.git/objects/info"
for pack; do echo "$pack/objects"; done >"$tree/.git/objects/info/alternates"
if [ "$shallow_bytes" -gt 0 ]; then head -c "$shallow_bytes" >"$tree/.git/shallow"; fi
head -c "$refs_bytes" | git -C "$tree" update-ref --stdin
git -C "$tree" -c checkout.workers=0 reset -q --hard "$commit"
# Files as old as the index are read again by every status; these are made older.
git -C "$tree" ls-files -z | (cd "$tree" && xargs -0 -r touch -h -c -d '10 seconds ago')
# It fails where a repository's own attributes make a fresh clone dirty, as they would anywhere.
git -C "$tree" update-index -q --refresh || :
# Nothing of this was forced to the disk: it counts until this host goes down.
cat /proc/sys/kernel/random/boot_id >/pitaya/checkout/complete
