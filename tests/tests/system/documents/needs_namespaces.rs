//! Executes blocks beside a pushd with default settings, in a network namespace where its default ports are free.

use std::fs;
use std::process::Command;

use system_tests::c::{Link, Program};
use system_tests::php::{Application, Php};
use system_tests::{WAIT_MS, artefact};
use tempfile::TempDir;
use xtask::requirements::NAMESPACES;

use super::{Block, check, in_language};

/// Variables that the examples use.
const PHP_PRELUDE: &str = "<?php
error_reporting(E_ALL);
set_error_handler(fn ($level, $message) => throw new ErrorException($message));
$entry = $a = $b = ['title' => 'A kitten', 'article' => 'It sleeps.'];
$id = 7;
";

#[test]
fn shell() {
    for block in in_language("sh") {
        let script = format!("set -euo pipefail\n{}", block.code);
        if block.is_run {
            run_beside_pushd(&block, &script);
        } else {
            check(&block, Command::new("bash").args(["-n", "-c", &script]));
        }
    }
}

#[test]
fn php() {
    for block in in_language("php") {
        let code = match block.code.strip_prefix("<?php") {
            Some(code) => format!("{PHP_PRELUDE}{code}"),
            None => format!("{PHP_PRELUDE}{}", block.code),
        };
        if block.is_run {
            let mut php = Php::with_extension("tcp://127.0.0.1:5555").command();
            run_program_beside_pushd(&block, &mut php, &code);
        } else {
            let file = Application::of(&[("block.php", &block.code)]);
            let mut php = Php::plain().command();
            check(&block, php.arg("-l").arg(file.path().join("block.php")));
        }
    }
}

#[test]
fn python() {
    for block in in_language("python") {
        // The Python for which Debian builds python3-zmq.
        let mut python = Command::new("/usr/bin/python3");
        if block.is_run {
            run_program_beside_pushd(&block, &mut python, &block.code);
        } else {
            let parse = "import ast, sys; ast.parse(sys.argv[1])";
            check(&block, python.args(["-c", parse, &block.code]));
        }
    }
}

/// The kernel checks the rules, and does not apply them.
#[test]
fn nft() {
    for block in in_language("nft") {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("rules.nft");
        fs::write(&file, &block.code).unwrap();
        let mut nft = NAMESPACES.unshare(&["--net", "nft", "--check", "--file"]);
        check(&block, nft.arg(file));
    }
}

/// Statements outside a function are the body of `main`.
#[test]
fn c() {
    for block in in_language("c") {
        let (includes, rest): (Vec<_>, Vec<_>) = block
            .code
            .lines()
            .partition(|line| line.starts_with("#include"));
        let (includes, rest) = (includes.join("\n"), rest.join("\n"));
        let program = match rest.contains("int main") {
            true => format!("{includes}\n{rest}\n"),
            false => format!(
                "{includes}\n#include <stdio.h>\nint main(void) {{\n{rest}\nreturn 0;\n}}\n"
            ),
        };
        run_compiled_beside_pushd(&block, "block.c", &program);
    }
}

#[test]
fn cpp() {
    for block in in_language("cpp") {
        run_compiled_beside_pushd(&block, "block.cpp", &block.code);
    }
}

#[track_caller]
fn run_compiled_beside_pushd(block: &Block, name: &str, code: &str) {
    let file = Application::of(&[(name, code)]);
    let file = file.path().join(name);
    let program = Program::compile(file.to_str().unwrap(), Link::Static);
    let path = program.path();
    run_beside_pushd(
        block,
        &format!("PUSH_TIMEOUT_MS={WAIT_MS} '{}'", path.display()),
    );
}

#[track_caller]
fn run_program_beside_pushd(block: &Block, program: &mut Command, code: &str) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("block");
    fs::write(&file, code).unwrap();
    let words = std::iter::once(program.get_program())
        .chain(program.get_args())
        .chain([file.as_os_str()]);
    let line: Vec<String> = words
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    run_beside_pushd(block, &line.join(" "));
}

/// Runs the block while pushd serves on its default ports, in a network where those are free.
#[track_caller]
fn run_beside_pushd(block: &Block, script: &str) {
    const SURROUNDINGS: &str = r#"
        ip link set lo up
        cd "$FOLDER"
        # A block may start a pushd of its own.
        [[ $BLOCK == *"pusherd --listen"* ]] || pusherd 2>pushd.log &
        is_there() { curl --silent --fail http://127.0.0.1:5555/healthz >/dev/null; }
        [[ $BLOCK == *"pusherd --listen"* ]] || until is_there; do :; done
        bash -c "$BLOCK" || exit
        until is_there; do :; done
    "#;
    let folder = TempDir::new().unwrap();
    let programs = artefact("pushd").parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = NAMESPACES.unshare(&["--net", "--pid", "--fork", "--kill-child"]);
    command
        .args(["bash", "-c", SURROUNDINGS])
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("FOLDER", folder.path())
        .env("BLOCK", script);
    check(block, &mut command);
}
