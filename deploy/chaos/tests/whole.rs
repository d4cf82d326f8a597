//! `chaos mesh`, as much of it as fits into a minute, and that it notices when a promise is broken; `chaos roll`, each
//! process restarted once; and `chaos overload`, for a few seconds.

use std::time::Duration;

use chaos::whole::{Options, Report, overload, roll, run};
use shared::testkit::Engine;

fn options(engine: Engine, is_cluster: bool) -> Options {
    let acting = Duration::from_secs(15);
    Options { seed: 7, people: 8, acting, engine, is_cluster, broken: None, old: None, has_disks: false }
}

async fn reported(options: Options) -> Report {
    Box::pin(run(options)).await.expect("the mesh runs")
}

async fn keeps_its_promises(options: Options) {
    let report = reported(options).await;
    assert!(report.violations.is_empty(), "{report}");
    assert!(report.faults.len() > 3, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_promised_is_lost() {
    keeps_its_promises(options(Engine::Sqlite, false)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_is_not_noticed() {
    let options = roll::Options { people: 4, rounds: 1, engine: Engine::Sqlite };
    let report = Box::pin(roll::run(options)).await.expect("the mesh runs");
    assert!(report.is_clean(), "{report}");
    let (processes, requests) = report.restarted();
    assert_eq!(processes, 8, "{report}");
    assert!(requests > 20, "{report}");
}

/// How fast anything is depends on what else the machine has to do: that is for longer runs on one that has nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_answered_or_refused_and_then_all_is_well() {
    let (overload, calm) = (Duration::from_secs(6), Duration::from_secs(2));
    let (queue_limit, engine) = (Duration::from_millis(50), Engine::Sqlite);
    let options =
        overload::Options { rate: None, overload, calm, sockets: 100, queue_limit, engine, is_apart: false };
    let report = Box::pin(overload::run(options)).await.expect("the mesh runs");
    assert!(report.broken().is_empty(), "{report}");
    assert!(report.too_large().is_empty(), "{report}");
    let [accepted, _] = report.counts();
    assert!(accepted > 0, "{report}");
    let (refused, asked) = report.refused_afterwards();
    assert!(asked > 0 && refused == 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes a minute more; `deploy/just test --test whole -- --ignored`"]
async fn nothing_is_lost_on_postgres_and_a_cluster_either() {
    keeps_its_promises(options(Engine::Postgres, true)).await;
}

/// A build that breaks a promise is caught within one run.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it builds broken services first, which takes minutes; `deploy/just test --test whole -- --ignored`"]
async fn a_broken_promise_is_noticed() {
    for broken in [
        ("counseling-svc", "publish-before-commit"),
        ("user-svc", "ack-before-commit"),
        ("user-svc", "no-inbox"),
    ] {
        let report = reported(Options { broken: Some(broken), ..options(Engine::Sqlite, false) }).await;
        assert!(!report.violations.is_empty(), "{broken:?} was not noticed: {report}");
    }
}
