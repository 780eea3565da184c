# Sourced by what runs beside or around the agent: our own tools, and how a process is looked at.
# POSIX sh. Variables are named p_…, since one of another name may be part of the agent's environment.

# Our own tools come from where the agent cannot write.
p_agent_path=${PATH:-/usr/local/bin:/usr/bin:/bin} PATH=''
IFS=:
for p_dir in $p_agent_path; do
  case $p_dir in
    /workspace* | /home/agent* | /tmp* | /dev/* | /pitaya* | *..*) ;;
    /*) PATH=${PATH:+$PATH:}$p_dir ;;
  esac
done
unset IFS
export PATH

# Sets p_state and p_parent of process $1; fails when it is gone. A name cannot fake these lines:
# its newlines are escaped there.
look_at() {
  p_state='' p_parent=''
  while IFS='	 ' read -r p_key p_value p_rest; do
    case $p_key in
      State:) p_state=$p_value ;;
      PPid:) p_parent=$p_value; return 0 ;;
    esac
  done 2>/dev/null <"/proc/$1/status"
  return 1
}

# Fresh directories under $1 for the work of harvest.sh.
make_room() {
  mkdir "$1/done" "$1/room" "$1/room/objects" "$1/room/objects/info" "$1/room/objects/pack" \
    "$1/room/refs" "$1/room/refs/pitaya" 2>/dev/null
}
