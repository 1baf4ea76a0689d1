//! Why the spool cannot be used: phpinfo() says it of the publisher's side, `pusherd status` of the daemon's.

use std::os::unix::fs::symlink;

use system_tests::daemon::command;
use system_tests::{WAIT_MS, program};
use xtask::apache::Apache;

use super::*;

/// Publishes, and prints the warning or the result.
const PUBLISH: &str = "<?php
    $receipt = @Pusher::publish('t', 1);
    echo $receipt?->spooled ? 'spooled' : error_get_last()['message'] ?? 'published';";

/// Prints the row of phpinfo() about the spool.
const INFO: &str = "<?php
    ob_start();
    phpinfo(INFO_MODULES);
    preg_match('~<tr><td class=\"e\">Spool </td><td class=\"v\">(.*?) </td>~', ob_get_clean(), $row);
    echo html_entity_decode($row[1] ?? 'no row');";

/// Starts Apache with a spool, and without a daemon.
fn apache(spool: &Path) -> (Application, Apache) {
    let site = Application::of(&[("publish.php", PUBLISH), ("info.php", INFO)]);
    let php = Php::with_extension("tcp://127.0.0.1:1").set("pusher.spool", spool.display());
    let php = php.set("pusher.retry_ms", 0);
    let apache = php.apache(site.path(), "", &[]);
    (site, apache)
}

fn page(apache: &Apache, name: &str) -> String {
    http::get(apache.address, &format!("/{name}.php"))
        .unwrap()
        .text()
}

#[test]
fn phpinfo_and_the_warning_have_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let spool = folder.path().join("spool");
    let file = spool.join("spool");
    let (_site, apache) = apache(&spool);
    #[track_caller]
    fn both_say(apache: &Apache, spool: &Path, reason: &str) {
        let warning = page(apache, "publish");
        assert!(warning.contains(&format!("; and {reason}")), "{warning}");
        let row = page(apache, "info");
        let expected = format!("{} (cannot be used: {reason}", spool.display());
        assert!(row.starts_with(&expected), "{row}");
    }
    let denied = format!("this user may not write to {}", file.display());
    // Apache's user may not enter the folder. (Another mount namespace, as with PrivateTmp, has the same result as
    // a directory that is missing.)
    both_say(&apache, &spool, &denied);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let missing = format!("the spool directory {} does not exist", spool.display());
    both_say(&apache, &spool, &missing);
    fs::create_dir(&spool).unwrap();
    both_say(&apache, &spool, &denied);
    fs::set_permissions(&spool, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(page(&apache, "info"), spool.display().to_string());
    assert_eq!(
        fs::read_dir(&spool).unwrap().count(),
        0,
        "a look leaves no file"
    );
    assert_eq!(page(&apache, "publish"), "spooled");
    assert_eq!(page(&apache, "info"), spool.display().to_string());
    // Another user's file.
    fs::remove_file(&file).unwrap();
    fs::write(&file, "").unwrap();
    both_say(&apache, &spool, &denied);
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(16 << 20)
        .unwrap();
    both_say(
        &apache,
        &spool,
        &format!("the spool {} is full", file.display()),
    );
}

/// Returns the lines of `pusherd status` about the spool.
fn status(daemon: &Daemon) -> String {
    let mut command = command("pusherd");
    command.args(["status", "--publish-address", &daemon.publish.to_string()]);
    let text = program::run(&mut command, WAIT_MS).success();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let from = lines
        .iter()
        .position(|line| line.starts_with("spool "))
        .expect(&text);
    let more = lines[from + 1..]
        .iter()
        .take_while(|line| line.starts_with(' '));
    std::iter::once(&lines[from])
        .chain(more)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_status_has_the_reason_and_the_results() {
    let (_folder, spool, flags) = directories();
    fs::remove_dir(&spool).unwrap();
    let flags = flags.each_ref().map(String::as_str);
    let daemon = Daemon::start_with(&flags);
    let says = |reason: &str| {
        let is_said = wait_until(WAIT_MS, || status(&daemon).contains(reason));
        assert!(is_said, "{reason}: {}", status(&daemon));
    };
    let path = spool.display();
    let counts = |counts: &str| format!("spool       {path}: {counts}");
    says(&format!("{path}: No such file or directory"));
    fs::write(&spool, "").unwrap();
    says(&format!("{path}: Not a directory"));
    fs::remove_file(&spool).unwrap();
    fs::create_dir(&spool).unwrap();
    let zero = counts("0 drained, 0 expired, 0 refused, 0 set aside");
    assert!(
        wait_until(WAIT_MS, || status(&daemon) == zero),
        "{}",
        status(&daemon)
    );

    let absent = Php::with_extension("tcp://127.0.0.1:1").set("pusher.spool", &path);
    let leave = |code: &str| {
        assert_eq!(absent.print(code), "");
    };
    leave("Pusher::publish('t', 1) ?? print 'lost';");
    says(&counts("1 drained, 0 expired, 0 refused, 0 set aside"));
    fs::write(spool.join("spool"), "\ndamaged\n").unwrap();
    says(&counts("1 drained, 0 expired, 0 refused, 1 set aside"));
    // A record with a correct checksum, as from a publisher whose clock is wrong, or that does not check its topics.
    let record = |time_ms: u64, topic: &str| {
        leave(&format!(
            r#"$object = '{{"v":1,"time":{time_ms},"ttl":60,"topic":"{topic}","id":"x","event":1}}';
               file_put_contents('{path}/spool', hash('crc32b', $object) . " $object\n");"#,
        ));
    };
    record(1000, "t");
    says(&counts("1 drained, 1 expired, 0 refused, 1 set aside"));
    record(1 << 50, "");
    says(&counts("1 drained, 1 expired, 1 refused, 1 set aside"));
    // A link in place of the file is not followed, but set aside.
    symlink("/dev/null", spool.join("spool")).unwrap();
    says(&counts("1 drained, 1 expired, 1 refused, 2 set aside"));
}
