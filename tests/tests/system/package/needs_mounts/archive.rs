//! The .tar.gz, from its installation below `/usr/local` to its removal, by the commands of INSTALL.md.

use super::*;

const APACHE: &str = "curl --silent --show-error http://127.0.0.1/push.php";
const FPM: &str = "SCRIPT_FILENAME=/var/www/html/push.php REQUEST_METHOD=GET \
    cgi-fcgi -bind -connect /run/php/php8.2-fpm.sock | tail -n 1";
const CLI: &str = "/usr/bin/php /var/www/html/push.php";

fn run_commands_of(machine: &Machine, heading: &str) {
    for line in commands_of(heading) {
        machine.sh(&line.replace("pushd-*.tar.gz", "/var/tmp/pushd.tar.gz"));
    }
}

#[test]
fn it_works_below_usr_local_and_leaves_nothing() {
    let machine = Machine::with_systemd();
    machine.sh("ip link set lo up");
    fs::write(machine.path("/var/www/html/push.php"), PUSH_PHP).unwrap();
    machine.sh("systemctl start apache2 php8.2-fpm");
    let answers = || [APACHE, FPM, CLI].map(|ask| machine.sh(ask).trim().to_owned());
    assert_eq!(answers(), ["no class"; 3]);
    fs::copy(archive("gz"), machine.path("/var/tmp/pushd.tar.gz")).unwrap();
    run_commands_of(&machine, "## From the .tar.gz");
    machine.in_its_network(|| Wamp::connect(WEB.parse().unwrap()));
    let program = machine.sh("ps -o args= -p $(systemctl show -P MainPID pushd)");
    assert_eq!(program.trim(), "/usr/local/bin/pushd");
    let receipt = machine.sh(&publish_from_php(AS_WEB_SERVER));
    assert!(receipt.contains("subscribers"), "{receipt}");
    // Each PHP has the extension, also those of running servers.
    assert_eq!(answers(), ["0"; 3]);
    let settings = machine.sh("/usr/bin/php --ri pusher");
    assert!(settings.contains("/var/spool/pushd"), "{settings}");

    // An upgrade keeps the process and its connections.
    let pid = machine.sh("systemctl show -P MainPID pushd");
    let unpack = commands_of("## From the .tar.gz").remove(0);
    machine.sh(&unpack.replace("pushd-*.tar.gz", "/var/tmp/pushd.tar.gz"));
    machine.sh("systemctl reload pushd");
    let log = "journalctl --unit pushd --output cat";
    let handed_over = || machine.sh(log).contains("took the connections over");
    assert!(wait_until(WAIT_MS, handed_over), "{}", machine.sh(log));
    assert_eq!(machine.sh("systemctl show -P MainPID pushd"), pid);

    // An extension of another installation stays.
    let own = "/etc/php/8.2/cli/conf.d/20-pusher.ini";
    machine.sh(&format!("rm {own} && echo 'error_reporting=1' > {own}"));
    let script = "/usr/local/share/pushd/php-extension.sh";
    let said = machine.run(&format!("{script} enable && {script} disable"));
    assert!(
        said.stderr.contains("belongs to another installation"),
        "{}",
        said.stderr
    );
    assert_eq!(machine.sh(&format!("cat {own}")), "error_reporting=1\n");
    machine.sh(&format!("rm {own} && {script} enable"));
    assert_eq!(answers(), ["0"; 3]);

    run_commands_of(&machine, "## Removing what the .tar.gz installed");
    assert_eq!(answers(), ["no class"; 3]);
    let left = leftovers(&machine);
    assert!(left.is_empty(), "{left:#?}");
}
