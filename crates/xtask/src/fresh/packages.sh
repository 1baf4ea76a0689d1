#!/bin/bash
# In a fresh Debian with a running systemd, Apache with mod_php and php-fpm: installs the packages of /packages according
# to INSTALL.md, and checks that the running servers have the class.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
echo '<?php echo class_exists("Pusher") ? Pusher::publish("t", [1])->subscribers : "no class Pusher", "\n";' \
    > /var/www/html/push.php

ask_apache() { curl --silent --show-error --fail http://127.0.0.1/push.php; }
ask_fpm() {
    SCRIPT_FILENAME=/var/www/html/push.php REQUEST_METHOD=GET cgi-fcgi -bind -connect /run/php/php8.2-fpm.sock
}
systemctl start apache2 php8.2-fpm
ask_apache | grep -x 'no class Pusher'
ask_fpm | grep -x 'no class Pusher'

cd /packages
apt-get install -y --no-install-recommends ./pushd_*.deb ./php8.2-pusher_*.deb
systemctl is-active pushd.service
ask_apache | grep -x 0
ask_fpm | grep -x 0

apt-get purge -y pushd php8.2-pusher
ask_apache | grep -x 'no class Pusher'
left=$(find / -xdev \( -path /packages -o -path /proc -o -path /var/log -o -path /var/cache \) -prune -o -name '*push[de]*' -print)
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
