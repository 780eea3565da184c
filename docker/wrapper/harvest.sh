#!/bin/sh
# What an agent has made. Called under a time limit by run.sh, as the last step of an attempt, once
# nothing else runs; and by snapshot.sh, while everything else stands still:
#
#   harvest.sh PLACE BASE AUTHOR EMAIL [--force-commit] [--read-only] [--let-go]
#
# With --let-go it lets everything else go on as soon as it no longer looks at the workspace.
# Leaves in PLACE/done: `bundle` (BASE..HEAD as refs/pitaya/result), `patch` (what is
# uncommitted, untracked files included), and lines in `report`, each written when its file is
# complete, so that what was found before a time limit counts.
#
# Git works in a repository of our own (`room`), whose objects are those of the agent's. So the
# agent's config, hooks, filters and fsmonitor are not read; its index is taken as a cache of file
# times, and its HEAD is read as a file where that is enough.
set -u

out=$1 base=$2 author=$3 email=$4
shift 4
force='' read_only='' let_go=''
for option; do
  case $option in
    --force-commit) force=yes ;;
    --read-only) read_only=yes ;;
    --let-go) let_go=yes ;;
  esac
done

ws=/workspace done=$out/done room=$out/room

found() { printf '%s\n' "$*" >>"$done/report"; }
trouble() { found "trouble $(printf %s "$*" | tail -c 500 | tr -s '\n\r\t ' ' ')"; }

clean_git() {
  env -i PATH="$PATH" HOME=/nonexistent LC_ALL=C TZ=UTC \
    GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 \
    GIT_NO_REPLACE_OBJECTS=1 GIT_NO_LAZY_FETCH=1 GIT_OPTIONAL_LOCKS=0 GIT_PAGER=cat \
    GIT_AUTHOR_NAME="$author" GIT_AUTHOR_EMAIL="$email" \
    GIT_COMMITTER_NAME="$author" GIT_COMMITTER_EMAIL="$email" "$@"
}
room_git() { clean_git GIT_DIR="$room" GIT_WORK_TREE="$ws" git "$@"; }

# Sets `line` to the first line of a file, if it is one.
first_line() {
  line=''
  [ -f "$1" ] && [ ! -L "$1" ] && IFS= read -r line <"$1"
}

# Sets `head` to the commit of the agent's HEAD. Packed, linked and odd references are git's to read.
find_head() {
  head=''
  if first_line "$ws/.git/HEAD"; then
    case $line in
      *..*) ;;
      'ref: refs/heads/'*) first_line "$ws/.git/${line#ref: }" && head=$line ;;
      *) head=$line ;;
    esac
  fi
  case $head in
    *[!0-9a-f]*) head='' ;;
  esac
  [ ${#head} -eq ${#base} ] || head=$(clean_git GIT_DIR="$ws/.git" git -c core.hooksPath=/dev/null \
    -c core.fsmonitor=false rev-parse --verify -q HEAD) || head=''
}

# What is uncommitted, as a tree: all changes and all untracked files that are not ignored.
add_all() { room_git add -A --ignore-errors . 2>"$room/add"; }
take_index() { [ -f .git/index ] && [ ! -L .git/index ] && cp .git/index "$room/index"; }

if [ -n "$read_only" ]; then
  found "head $base"
  exit 0
fi

cd "$ws" || exit 1
echo 'ref: refs/pitaya/result' >"$room/HEAD"
{
  if [ ${#base} -eq 64 ]; then
    printf '[core]\nrepositoryformatversion=1\n[extensions]\nobjectFormat=sha256\n'
  fi
  printf '[core]\nbare=false\nhooksPath=/dev/null\nfsmonitor=false\nuntrackedCache=false\n'
  printf 'checkStat=minimal\ntrustctime=false\nlogAllRefUpdates=false\nlooseCompression=0\n'
  printf 'fsync=none\nbigFileThreshold=32m\n[gc]\nauto=0\n[advice]\naddEmbeddedRepo=false\n'
} >"$room/config"
{
  echo "$ws/.git/objects"
  for pack in /pitaya/packs/*/objects; do [ ! -d "$pack" ] || echo "$pack"; done
} >"$room/objects/info/alternates"
if [ -f "$ws/.git/shallow" ] && [ ! -L "$ws/.git/shallow" ]; then
  cp "$ws/.git/shallow" "$room/shallow"
fi

find_head
echo "$head" >"$room/refs/pitaya/result"

# The common case: all is committed. Git says so of this very HEAD, or it is looked at closely.
is_clean=''
if [ -n "$head" ] && take_index; then
  status=$(room_git status --porcelain=v2 --branch --no-renames --ignore-submodules=dirty 2>/dev/null |
    head -c 4096)
  case $status in
    *'
'[!#]*) ;;
    "# branch.oid $head"*) is_clean=yes ;;
  esac
fi

forced='' tree='' head_tree=''
if [ -z "$is_clean" ]; then
  head_tree=$(room_git rev-parse --verify -q "$head^{tree}" 2>/dev/null) || {
    trouble 'the HEAD of the workspace names no commit'
    head=$base
    head_tree=$(room_git rev-parse --verify "$base^{tree}") || exit 1
  }
  add_all
  added=$?
  tree=$(room_git write-tree 2>/dev/null) || {
    # The agent's index was of no use.
    rm -f "$room/index" "$room/index.lock"
    room_git read-tree "$head" && add_all
    added=$?
    tree=$(room_git write-tree) || tree=$head_tree
  }
  [ "$added" -eq 0 ] || trouble "some files could not be read: $(cat "$room/add")"
  if [ "$tree" != "$head_tree" ] && [ -n "$force" ]; then
    commit=$(room_git commit-tree "$tree" -p "$head" -m 'Work the agent left uncommitted') && {
      head=$commit head_tree=$tree forced=yes
    }
  fi
  echo "$head" >"$room/refs/pitaya/result"
fi
# All that is left to read are objects, which do not change.
[ -z "$let_go" ] || kill -CONT -1 2>/dev/null
found "head $head"
[ -z "$forced" ] || found forced

if [ "$head" != "$base" ]; then
  if room_git bundle create -q "$done/bundle" refs/pitaya/result "^$base" 2>"$room/why"; then
    found bundle
  else
    trouble "no bundle: $(cat "$room/why")"
  fi
fi

if [ "$tree" != "$head_tree" ]; then
  if room_git diff-tree -p --binary --full-index --no-renames --no-color --no-ext-diff --no-textconv \
    "$head" "$tree" >"$done/patch"; then
    found patch
  else
    trouble 'no patch of the uncommitted work could be made'
  fi
fi
exit 0
