# Prints what an image lacks for an agent to run in it: check-image.sh PROGRAM
missing=''
for tool in "$1" git base64 cat cp cut env head mkdir mkfifo mv rm sleep split tail tee timeout tr wc; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
case $missing in
  *split* | *tee*) ;;
  *)
    echo x | SHELL=/bin/sh split -b 1 --filter='cat >/dev/null' - x 2>/dev/null &&
      echo x | tee -p /dev/null >/dev/null 2>&1 || missing="$missing GNU-coreutils"
    ;;
esac
echo "$missing"
