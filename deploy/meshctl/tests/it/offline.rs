//! What needs no mesh.

use crate::world::{meshctl, run};

#[tokio::test]
async fn each_shell_gets_completions() {
    for (shell, begins, holds) in [
        ("bash", "complete -F _meshctl", "user-svc-credits"),
        ("zsh", "#compdef meshctl", "user-svc-credits"),
        ("fish", "complete -c meshctl", "dlq"),
    ] {
        let script = run(meshctl(&["completions", shell])).await.text();
        assert!(script.contains(begins) && script.contains(holds), "{shell}");
    }
}

#[tokio::test]
async fn the_help_names_every_command_and_how_to_connect() {
    let help = run(meshctl(&["--help"])).await.text();
    for word in ["status", "dlq", "drain", "audit", "NATS_PASSWORD_FILE", "ages (90s, 10m, 2h, 3d)"] {
        assert!(help.contains(word), "{help}");
    }
    // Asked for nothing, it says what it can do.
    let nothing = run(meshctl(&[])).await;
    assert_eq!((nothing.code, nothing.out.as_str()), (2, ""));
    assert!(nothing.error.contains("Usage: meshctl"), "{}", nothing.error);
}

#[tokio::test]
async fn the_users_of_the_broker_are_printed() {
    let users = run(meshctl(&["nats-users"])).await.text();
    assert_eq!(users, shared::messaging::permissions::users_conf());
}

#[tokio::test]
async fn a_pipe_that_nobody_reads_ends_it() {
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", r#""$0" completions bash | true"#, env!("CARGO_BIN_EXE_meshctl")]);
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
