//! What is said when something is gone, and when it is back.

mod service;
mod watching;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

use super::*;
use crate::messaging::{CreateMessagingTables, IndexPublishedAlone};

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateMessagingTables), Box::new(IndexPublishedAlone)]
    }
}

fn known(phase: Phase) -> Known {
    Known { phase, ..Known::default() }
}

#[test]
fn a_process_gets_calls_between_its_start_and_its_end() {
    let report = |phase| known(phase).report(Vec::new());
    let (starting, serving, stopping) =
        (report(Phase::Starting), report(Phase::Serving), report(Phase::Stopping));
    assert_eq!(
        (starting.status, &starting.reasons[..]),
        (Status::Unready, &["process: starting".to_owned()][..])
    );
    assert_eq!((serving.status, serving.reasons.len()), (Status::Ready, 0));
    assert_eq!(
        (stopping.status, &stopping.reasons[..]),
        (Status::Unready, &["process: stopping".to_owned()][..])
    );
}

#[test]
fn without_the_broker_work_goes_on_and_without_the_database_it_does_not() {
    let outbox = |waiting, oldest_seconds| Some(Backlog { waiting, oldest_seconds });
    let without_broker =
        Known { broker: Some("not connected"), outbox: outbox(3, 90.0), ..known(Phase::Serving) };
    let report = without_broker.clone().report(Vec::new());
    assert_eq!(report.status, Status::Degraded);
    assert_eq!(report.reasons, ["broker: not connected; 3 events wait in the outbox"]);
    assert_eq!(report.outbox, outbox(3, 90.0));

    let without_both = Known { database: Some("gone".to_owned()), ..without_broker };
    let report = without_both.report(vec!["user-svc: no instance".to_owned()]);
    assert_eq!(report.status, Status::Unready);
    let broker = "broker: not connected; 3 events wait in the outbox";
    assert_eq!(report.reasons, ["database: gone", "user-svc: no instance", broker]);
}

#[test]
fn events_that_wait_beside_a_good_broker_are_late() {
    let report = |waiting, oldest_seconds| {
        let outbox = Some(Backlog { waiting, oldest_seconds });
        Known { outbox, ..known(Phase::Serving) }.report(Vec::new())
    };
    assert_eq!(report(500, 2.0).status, Status::Ready);
    let late = report(1, 31.0);
    assert_eq!((late.status, &*late.reasons[0]), (Status::Degraded, "outbox: 1 event waits, one for 31 s"));
    let many = report(Backlog::COUNTED, 40.0);
    assert_eq!(many.reasons, ["outbox: 10000 events or more wait, one for 40 s"]);
}

#[test]
fn a_call_counts_when_it_is_answered() {
    let health = Health::default();
    let (well, badly, given_up) = (health.call(), health.call(), health.call());
    assert_eq!(health.report().calls.in_flight, 3);
    well.answered(false);
    badly.answered(true);
    drop(given_up);
    let Calls { total, failed, in_flight, seconds } = health.report().calls;
    assert_eq!((total, failed, in_flight), (2, 1, 0));
    assert!((0.0..1.0).contains(&seconds), "{seconds}");
}
