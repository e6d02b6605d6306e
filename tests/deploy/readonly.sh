#!/bin/sh
# readonly.sh FOLDER PROGRAM…: runs a program as a container does that has a read-only root: as the user of the image, with
# no capability, and no file system to write to but FOLDER. Needs root and a mount namespace of its own (unshare --mount).
set -eu
state=$1
shift
mount --bind "$state" "$state"
awk '$2 !~ "^/(proc|dev|sys)(/|$)" {print $2}' /proc/self/mounts | while read -r place; do
    [ "$place" = "$state" ] || mount -o remount,bind,ro "$place"
done
if touch "$state/../other" 2>/dev/null; then
    echo "the root is not read-only" >&2
    exit 1
fi
exec setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
