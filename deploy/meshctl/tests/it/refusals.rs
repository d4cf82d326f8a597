//! What is refused, and how it is said.

use shared::testkit::{NatsServer, free_port};

use crate::world::{Ran, meshctl, run};

async fn ctl(nats: &NatsServer, arguments: &[&str]) -> Ran {
    let mut command = meshctl(arguments);
    command.envs(nats.environment("operator"));
    run(command).await
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_field_and_rule() {
    let nats = NatsServer::start().await;
    for (arguments, field, rule) in [
        (&["consumers", "pause", "nobody", "--for", "10m"][..], "'nobody' for '<NAME>'", "user-svc-credits"),
        (
            &["consumers", "pause", "user-svc-credits", "--for", "soon"],
            "--for",
            "must be a length of time such as 90s",
        ),
        (&["consumers", "pause", "user-svc-credits"], "--for", "required"),
        (
            &["events", "find", "--subject", "a..b"],
            "subject: ",
            "must be a NATS subject, such as counsels.message",
        ),
        (&["events", "find", "--subject", "orders.paid"], "subject: ", "is of no stream of the mesh"),
        (&["events", "find", "--stream", "users"], "stream: ", "must be one of USERS, COUNSELS"),
        (&["events", "find", "--aggregate", "*"], "aggregate: ", "must be an id"),
        (
            &["events", "find", "--since", "yesterday"],
            "--since",
            "must be a time such as 2026-01-02T03:04:05Z",
        ),
        (&["events", "find", "--limit", "0"], "--limit", "must be a number from 1 to 10000"),
        (&["events", "get", "NOWHERE:1"], "event: ", "must be an event's id, or <STREAM>:<sequence>"),
        (&["replay", "user-svc-credits", "--from", "USERS:1"], "from: ", "user-svc-credits reads PAYMENTS"),
        (&["replay", "user-svc-credits", "--from", "x"], "from: ", "must be a sequence number, a time"),
        (&["dlq", "list", "--consumer", "*"], "consumer: ", "must be a name, without dots"),
        (&["dlq", "replay"], "SEQUENCES", "required"),
        (&["dlq", "replay", "1", "--all"], "'--all'", "cannot be used with"),
        (&["dlq", "discard", "1"], "--reason", "required"),
        (&["dlq", "discard", "1", "--reason", " "], "--reason", "must not be empty"),
        (&["status", "--nats", "nats://me:secret@127.0.0.1"], "--nats", "must hold no password"),
        (&["status", "--watch", "0"], "--watch", "0 is not in 1.."),
        (&["unknown"], "'unknown'", "unrecognized subcommand"),
    ] {
        let ran = ctl(&nats, arguments).await;
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {}", ran.error);
        assert!(ran.error.contains(field) && ran.error.contains(rule), "{arguments:?}: {}", ran.error);
    }
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let nats = NatsServer::start().await;
    for (arguments, said) in [
        (&["events", "get", "USERS:1"][..], "event not found"),
        (&["trace", "0198c0de-0000-7000-8000-000000000000"], "event not found"),
        (&["dlq", "show", "1"], "dead letter not found"),
        (&["drain", "0198"], "instance not found"),
    ] {
        let ran = ctl(&nats, arguments).await;
        assert_eq!((ran.code, ran.error), (1, format!("meshctl: {said}\n")), "{arguments:?}");
    }
    for (arguments, said) in [
        (&["streams"][..], "there are no streams: no service has run yet\n"),
        (&["consumers"], "there are no consumers: no service has run yet\n"),
        (&["outbox"], "no service runs\n"),
        (&["audit"], "nothing is on record\n"),
        (&["events", "find"], "no such events\n"),
        (&["dlq", "list"], "there are no such dead letters\n"),
    ] {
        assert_eq!(ctl(&nats, arguments).await.text(), said, "{arguments:?}");
    }
    let status = ctl(&nats, &["status"]).await.text();
    assert!(status.starts_with("4 problems\n  user-svc does not run\n"), "{status}");
}

#[tokio::test]
async fn a_broker_that_is_not_there_or_refuses_is_named() {
    let port = free_port();
    let url = format!("nats://127.0.0.1:{port}");
    let ran = run(meshctl(&["status", "--nats", &url])).await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.error.starts_with(&format!("meshctl: no connection to {url}: ")), "{}", ran.error);
    assert!(ran.error.contains("--nats or NATS_URL"), "{}", ran.error);

    let nats = NatsServer::start().await;
    let mut stranger = meshctl(&["status"]);
    stranger.env("NATS_URL", nats.url()).env("NATS_USER", "operator").env("NATS_PASSWORD", "a wrong secret");
    let ran = run(stranger).await;
    assert_eq!(ran.code, 1);
    assert!(ran.error.to_lowercase().contains("authorization"), "{}", ran.error);
    assert!(!ran.error.contains("a wrong secret"), "{}", ran.error);

    let mut half = meshctl(&["status"]);
    half.env("NATS_USER", "operator");
    let ran = run(half).await;
    assert_eq!(ran.code, 2);
    assert!(ran.error.contains("NATS_USER: give NATS_USER and NATS_PASSWORD"), "{}", ran.error);
}
