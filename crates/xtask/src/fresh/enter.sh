#!/bin/sh
# Usage, in a new mount and process namespace: enter.sh ROOT COMMAND...
# Mounts the kernel's filesystems below ROOT, makes ROOT the root of the namespace and runs COMMAND there.
# pivot_root and not chroot: the kernel refuses user namespaces to a process in a chroot, and tests make some.
set -e
root=$1
shift
mount --rbind "$root" "$root"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro none "$root/sys"
mount -t tmpfs none "$root/sys/fs/cgroup"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs none "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 none "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done

cd "$root"
pivot_root . .
umount -l .
exec "$@"
