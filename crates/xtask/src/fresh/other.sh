#!/bin/bash
# In a fresh system with a running systemd: installs the packages of /packages that do not belong to a version of PHP, and tries the
# daemon, the C library and the classes in plain PHP.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
. /etc/os-release
echo "$PRETTY_NAME, $(ldd --version | head -n 1), PHP $(php -r 'echo PHP_VERSION;')"

cd /packages
apt-get install -y --no-install-recommends ./pushd_*.deb ./libpusher0_*.deb
systemctl is-active pushd.service
pusherd doctor http://127.0.0.1:8080/

pusherd subscribe --count 2 kittensCategory > /events &
reader=$!
until pusherd topics | grep -q kittensCategory; do
    kill -0 "$reader"
    sleep 0.2
done
curl --fail --silent --show-error --json '{"n":1}' http://127.0.0.1:5555/publish/kittensCategory
php -r 'require "/pusher/pusher.php"; echo Pusher::publish("kittensCategory", ["n" => 2])->subscribers, "\n";' | grep -x 1
wait "$reader"
cat /events
if ldd /usr/lib/*/libpusher.so.0 | grep 'not found'; then exit 1; fi

systemctl reload pushd
pusherd upgrade
systemctl stop pushd
apt-get purge -y pushd libpusher0
