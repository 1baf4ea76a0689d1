//! `pushd completions`, in the shells.

use std::process::Command;

use system_tests::{WAIT_MS, artefact, daemon, program};

#[test]
fn bash_completes_settings_and_commands() {
    let script = r#"
        source <("$0" completions bash)
        for words in "pusherd --outbox-l" "pusherd doc" "pusherd setup ngi" "pusherd setup cad" "pusherd bench --subs" "pusherd ticket rot" "pusherd rev"; do
            COMP_WORDS=($words)
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            COMPREPLY=()
            _pusherd pusherd "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            echo "${COMPREPLY[@]}"
        done
        complete -p pushd 2>&1 | grep -c _pusherd
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script]).arg(artefact("pushd"));
    let ended = program::run(&mut bash, WAIT_MS);
    // The last line: bash's builtin command `pushd` is unchanged.
    assert_eq!(
        ended.stdout, "--outbox-len-max\ndoctor\nnginx\ncaddy\n--subscribers\nrotate\nrevoke\n0\n",
        "{}",
        ended.stderr
    );
}

#[test]
fn other_shells_have_completions_and_an_unknown_shell_is_an_error() {
    for (shell, part) in [("zsh", "#compdef pusherd"), ("fish", "complete -c pusherd")] {
        let mut command = daemon::command("pusherd");
        let text = program::run(command.args(["completions", shell]), WAIT_MS).success();
        assert!(text.contains(part), "{shell}");
    }
    let mut command = daemon::command("pushd");
    let ended = program::run(command.args(["completions", "tcsh"]), WAIT_MS);
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.stderr.contains("tcsh"), "{}", ended.stderr);
}
