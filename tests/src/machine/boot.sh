#!/bin/sh
# In new namespaces: makes a copy of this machine that keeps whatever changes in memory, and starts "$@" there as
# its first process. $work is an empty folder.
set -e
work=$1
shift
mount -t tmpfs none "$work"
root=$work/root
mkdir "$work/upper" "$work/work" "$root"
mount -t overlay none -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro none "$root/sys"
mount -t tmpfs none "$root/sys/fs/cgroup"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 none "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done

# Only what a test asks for is started, and that is started.
units=$root/etc/systemd/system
printf '[Unit]\nDescription=Nothing\n' > "$units/nothing.target"
ln -sf /dev/null "$units/network-online.target"
rm -f "$root/usr/sbin/policy-rc.d"

exec env -i container=test PATH="$PATH" chroot "$root" "$@"
