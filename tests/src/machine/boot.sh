#!/bin/sh
# In new namespaces: makes a copy of this machine that keeps all changes in memory, and starts "$@" there as
# its first process. $work is an empty folder, $enter the script that makes a folder the root.
set -e
work=$1
enter=$2
shift 2
mount -t tmpfs none "$work"
root=$work/root
mkdir "$work/upper" "$work/work" "$root"
mount -t overlay none -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"

# Tests look there for changed files.
mkdir "$root/changes"
mount --bind "$work/upper" "$root/changes"

# No service starts by itself, and no policy prevents the ones that a test starts.
units=$root/etc/systemd/system
printf '[Unit]\nDescription=Nothing\n' > "$units/nothing.target"
ln -sf /dev/null "$units/network-online.target"
rm -f "$root/usr/sbin/policy-rc.d"

exec env -i container=test PATH="$PATH" sh "$enter" "$root" "$@"
