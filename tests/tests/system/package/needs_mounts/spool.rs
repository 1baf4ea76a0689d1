//! The installed spool: events that pages publish while the service is stopped.

use super::*;

/// Publishes the number in the query, and prints whether the event waits in the spool, or why it is lost.
const PAGE: &str = "<?php
    $receipt = @Pusher::publish('t', $_GET['n'] ?? 'command line');
    echo $receipt?->spooled ? 'spooled' : error_get_last()['message'] ?? 'published';";

/// With the groups of the user, as a shell or cron gives them to its processes.
const SCRIPT: &str =
    "setpriv --reuid=www-data --regid=www-data --init-groups /usr/bin/php /var/www/html/push.php";
const APACHE: &str = "curl --silent --show-error http://127.0.0.1/push.php?n=apache";
const FPM: &str = "SCRIPT_FILENAME=/var/www/html/push.php REQUEST_METHOD=GET QUERY_STRING=n=fpm \
    cgi-fcgi -bind -connect /run/php/php8.2-fpm.sock | tail -n 1";

/// Starts a machine whose Apache and php-fpm run before anything is installed.
#[track_caller]
fn machine() -> Machine {
    let machine = Machine::with_systemd();
    machine.sh("ip link set lo up");
    fs::write(machine.path("/var/www/html/push.php"), PAGE).unwrap();
    machine.sh("systemctl start apache2 php8.2-fpm");
    machine
}

#[track_caller]
fn events_wait(machine: &Machine) {
    machine.sh("systemctl stop pushd");
    for publish in [SCRIPT, APACHE, FPM] {
        assert_eq!(machine.sh(publish).trim(), "spooled", "{publish}");
    }
    let waiting = machine.sh("pusherd spool list");
    assert_eq!(waiting.lines().count(), 3, "{waiting}");
    machine.sh("systemctl start pushd");
    let history = machine.sh("pusherd history t");
    let events = ["command line", "apache", "fpm"];
    assert!(
        events.iter().all(|event| history.contains(event)),
        "{history}"
    );
    let status = machine.sh("pusherd status");
    let line = "spool       /var/spool/pushd: 3 drained, 0 expired, 0 refused, 0 set aside";
    assert!(status.lines().any(|found| found == line), "{status}");
    // The service may still use the directory: Apache's next event is published.
    assert_eq!(machine.sh(APACHE).trim(), "published");
}

/// Running servers can use the spool at once, in whatever order the packages come.
#[test]
fn events_wait_while_the_service_is_stopped() {
    let machine = machine();
    install(&machine, &[deb("pushd_"), deb("php8.2-pusher_")]);
    events_wait(&machine);
    machine.sh("apt-get purge -y pushd php8.2-pusher");
    install(&machine, &[deb("php8.2-pusher_")]);
    install(&machine, &[deb("pushd_")]);
    events_wait(&machine);
}

/// Returns the row of phpinfo() about the spool in Apache, after a restart with these lines of php.ini.
#[track_caller]
fn row_with(machine: &Machine, ini: &str) -> String {
    let path = machine.path("/etc/php/8.2/apache2/conf.d/99-test.ini");
    fs::write(path, ini).unwrap();
    machine.sh("systemctl restart apache2");
    let info = machine.sh("curl --silent --show-error http://127.0.0.1/info.php");
    let row = info.lines().find_map(|line| line.strip_prefix("Spool => "));
    row.unwrap_or_else(|| panic!("{info}")).to_owned()
}

/// Apache's unit has PrivateTmp: its /tmp is not the one of the shell, and of the administrator who looks.
#[test]
fn phpinfo_in_apache_says_why_the_spool_cannot_be_used() {
    let machine = machine();
    install(&machine, &[deb("pushd_"), deb("php8.2-pusher_")]);
    let info = "<?php
        ob_start();
        phpinfo(INFO_MODULES);
        preg_match('~Spool </td><td class=\"v\">(.*?) </td>~', ob_get_clean(), $row);
        echo 'Spool => ', html_entity_decode($row[1]);";
    fs::write(machine.path("/var/www/html/info.php"), info).unwrap();
    machine.sh("systemctl stop pushd");
    assert_eq!(row_with(&machine, ""), "/var/spool/pushd");

    machine.sh("install -d -m 1777 /tmp/spool");
    let row = row_with(&machine, "pusher.spool=/tmp/spool");
    assert_eq!(
        row,
        "/tmp/spool (cannot be used: the spool directory /tmp/spool does not exist: does the service have a /tmp of \
         its own (PrivateTmp)?)"
    );
    let lost = machine.sh(APACHE);
    assert!(lost.contains("its own (PrivateTmp)?"), "{lost}");

    // The directory of php.ini is the administrator's choice, as open_basedir is.
    let row = row_with(&machine, "open_basedir=/var/www");
    assert_eq!(row, "/var/spool/pushd");
    assert_eq!(machine.sh(APACHE).trim(), "spooled");
}
