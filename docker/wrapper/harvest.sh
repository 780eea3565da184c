#!/bin/sh
# The last step of an attempt, called by run.sh under a time limit, once nothing else runs:
#
#   harvest.sh BASE AUTHOR EMAIL [--force-commit] [--read-only]
#
# Leaves in /pitaya/exchange/out/new: `bundle` (BASE..HEAD as refs/pitaya/result), `patch` (what is
# uncommitted, untracked files included), and `found`, lines for the report, each written when its
# file is complete, so that what was found before a time limit counts.
#
# All git here works in a repository of our own (`room`), whose objects are those of the agent's.
# The agent's config, hooks, filters, attributes file and fsmonitor are therefore not read; only its
# HEAD is asked for, and its index is taken as a cache of file times.
set -u

base=$1 author=$2 email=$3
shift 3
force='' read_only=''
for option; do
  case $option in
    --force-commit) force=yes ;;
    --read-only) read_only=yes ;;
  esac
done

ws=/workspace out=/pitaya/exchange/out/new
room=$out/room

found() { printf '%s\n' "$*" >>"$out/found"; }
trouble() { found "trouble $(printf %s "$*" | tail -c 500 | tr -s '\n\r\t ' ' ')"; }

clean_git() {
  env -i PATH="$PATH" HOME=/nonexistent LC_ALL=C TZ=UTC \
    GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 \
    GIT_NO_REPLACE_OBJECTS=1 GIT_NO_LAZY_FETCH=1 GIT_OPTIONAL_LOCKS=0 GIT_PAGER=cat \
    GIT_AUTHOR_NAME="$author" GIT_AUTHOR_EMAIL="$email" \
    GIT_COMMITTER_NAME="$author" GIT_COMMITTER_EMAIL="$email" "$@"
}
room_git() { clean_git GIT_DIR="$room" GIT_WORK_TREE="$ws" git "$@"; }

if [ -n "$read_only" ]; then
  found "head $base"
  exit 0
fi

cd "$ws" || exit 1
mkdir -p "$room/objects/info" "$room/objects/pack" "$room/refs/pitaya" || exit 1
echo 'ref: refs/pitaya/result' >"$room/HEAD"
{
  if [ ${#base} -eq 64 ]; then
    printf '[core]\nrepositoryformatversion=1\n[extensions]\nobjectFormat=sha256\n'
  fi
  printf '[core]\nbare=false\nhooksPath=/dev/null\nfsmonitor=false\nuntrackedCache=false\n'
  printf 'checkStat=minimal\ntrustctime=false\nlogAllRefUpdates=false\nlooseCompression=0\n'
  printf 'bigFileThreshold=32m\n[gc]\nauto=0\n[advice]\naddEmbeddedRepo=false\n'
} >"$room/config"
{
  echo "$ws/.git/objects"
  for pack in /pitaya/packs/*/objects; do [ ! -d "$pack" ] || echo "$pack"; done
} >"$room/objects/info/alternates"
if [ -f "$ws/.git/shallow" ] && [ ! -L "$ws/.git/shallow" ]; then cp "$ws/.git/shallow" "$room/shallow"; fi

# Where the agent's work stands.
head=$(clean_git GIT_DIR="$ws/.git" git -c core.hooksPath=/dev/null -c core.fsmonitor=false \
  rev-parse --verify -q HEAD) || head=''
trees=$(room_git rev-parse --verify -q "$head^{tree}" 2>/dev/null) || trees=''
if [ -z "$head" ] || [ -z "$trees" ]; then
  trouble 'the HEAD of the workspace names no commit'
  head=$base
  trees=$(room_git rev-parse --verify "$base^{tree}") || exit 1
fi

# What is uncommitted, as a tree: all changes and all untracked files that are not ignored.
add_all() { room_git add -A --ignore-errors . 2>"$out/add"; }
tree=''
if [ -f .git/index ] && [ ! -L .git/index ] && cp .git/index "$room/index"; then
  add_all
  added=$?
  tree=$(room_git write-tree 2>/dev/null) || tree=''
fi
if [ -z "$tree" ]; then
  rm -f "$room/index" "$room/index.lock"
  room_git read-tree "$head" && add_all
  added=$?
  tree=$(room_git write-tree) || tree=''
fi
[ "$added" -eq 0 ] || trouble "some files could not be read: $(cat "$out/add")"
rm -f "$out/add"

forced=''
if [ -n "$force" ] && [ -n "$tree" ] && [ "$tree" != "$trees" ]; then
  commit=$(room_git commit-tree "$tree" -p "$head" -m 'Work the agent left uncommitted') && {
    head=$commit trees=$tree forced=yes
  }
fi
found "head $head"
[ -z "$forced" ] || found forced

if [ "$head" != "$base" ]; then
  echo "$head" >"$room/refs/pitaya/result"
  if room_git bundle create -q "$out/bundle.part" refs/pitaya/result "^$base" 2>"$out/why"; then
    mv "$out/bundle.part" "$out/bundle"
    found "bundle $(wc -c <"$out/bundle")"
  else
    trouble "no bundle: $(cat "$out/why")"
  fi
  rm -f "$out/bundle.part" "$out/why"
fi

if [ -n "$tree" ] && [ "$tree" != "$trees" ]; then
  if room_git diff-tree -p --binary --full-index --no-renames --no-color --no-ext-diff --no-textconv \
    "$head" "$tree" >"$out/patch.part"; then
    mv "$out/patch.part" "$out/patch"
    found "patch $(wc -c <"$out/patch")"
  else
    trouble 'no patch of the uncommitted work could be made'
  fi
  rm -f "$out/patch.part"
fi
exit 0
