#!/bin/sh
# Enables or disables the extension of this archive in each PHP of the machine that can load it, and restarts running
# servers that have PHP loaded.
set -eu

# The build of PHP that can load the extension.
build='API@PHPAPI@,NTS'
ini=$(cd "$(dirname "$0")" && pwd -P)/pusher.ini

# Prints the folders of settings: those of Debian's PHP @PHP@, one for each of apache2, cli, fpm and others, and those
# that other PHPs name. Apache's PHP module cannot be asked; outside Debian it has the folder of the command line.
folders() {
    for folder in /etc/php/@PHP@/*/conf.d; do
        [ ! -d "$folder" ] || echo "$folder"
    done
    for program in php php-fpm php-cgi; do
        command -v "$program" > /dev/null || continue
        information=$("$program" -i) || continue
        if echo "$information" | grep -q "^PHP Extension Build => $build\$"; then
            echo "$information" | sed -n 's|^Scan this dir for additional .ini files => \(/[^:]*\).*|\1|p'
        fi
    done
}

enable() {
    folders | sort -u > "$list"
    while read -r folder; do
        file=$folder/20-pusher.ini
        if [ -e "$file" ] && [ "$(readlink -f "$file")" != "$ini" ]; then
            echo "$file belongs to another installation: not changed" >&2
        else
            ln -sf "$ini" "$file"
            echo "enabled: $file"
        fi
    done < "$list"
    if [ ! -s "$list" ]; then
        echo "no PHP here has the build $build, which \`php -i\` shows as \"PHP Extension Build\"" >&2
        exit 1
    fi
}

disable() {
    folders | sort -u > "$list"
    while read -r folder; do
        file=$folder/20-pusher.ini
        if [ "$(readlink -f "$file")" = "$ini" ]; then
            rm "$file"
            echo "disabled: $file"
        fi
    done < "$list"
}

list=$(mktemp)
trap 'rm -f "$list"' EXIT
case ${1-} in
    enable) enable ;;
    disable) disable ;;
    *)
        echo "usage: $0 enable|disable" >&2
        exit 2
        ;;
esac
if [ -d /run/systemd/system ]; then
    for unit in apache2.service httpd.service php-fpm.service php@PHP@-fpm.service; do
        if systemctl --quiet is-active "$unit"; then
            systemctl restart "$unit"
            echo "restarted: $unit"
        fi
    done
fi
