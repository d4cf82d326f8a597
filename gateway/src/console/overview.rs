//! Everything on one screen, and what is wrong in one line.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use shared::health::Status;
use shared::operations::{InstanceState, Overview};
use shared::time::Timestamp;

use super::consumers::state_of;
use super::flow::{Flow, flows};
use super::sampler::History;
use super::texts::{Texts, fill};
use super::view::{Answer, Shell, View, page};
use super::{Console, format};

/// How long an event may wait in an outbox before that is worth a word, in seconds.
const OUTBOX_LATE: f64 = 10.0;

#[derive(Template)]
#[template(path = "console/overview.html")]
struct Page {
    shell: Shell,
    problems: Vec<Problem>,
    dead_letters: String,
    outbox: String,
    live: usize,
    rate: String,
    flows: Vec<Flow>,
    height: usize,
    instances: Vec<Row>,
    missing: Vec<&'static str>,
}

/// Something that is wrong, and where to see more of it.
struct Problem {
    says: String,
    at: String,
}

/// An instance.
struct Row {
    service: String,
    id: String,
    address: String,
    version: String,
    since: String,
    health: &'static str,
    /// Which sign stands before it.
    sign: &'static str,
    reasons: Vec<String>,
    calls: String,
    rate: String,
    failed: String,
    in_flight: String,
}

/// Shows it.
///
/// # Errors
/// 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, view: View) -> Answer {
    let history = console.sampler.look();
    let overview = Box::pin(console.operations.overview()).await?;
    let t = view.t;
    let (flows, height) = flows(&overview, &history);
    let stored = |overview: &Overview| {
        Some(
            overview
                .streams
                .iter()
                .filter(|stream| stream.of_events)
                .map(|stream| stream.last_sequence)
                .sum(),
        )
    };
    page(&Page {
        shell: view.shell("o"),
        problems: problems(t, &overview),
        dead_letters: format::count(overview.dead_letters),
        outbox: format::count(overview.outbox),
        live: overview.instances.len(),
        rate: format::rate(history.rate(stored)),
        instances: overview.instances.iter().map(|state| row(t, state, &history)).collect(),
        missing: overview.missing,
        flows,
        height,
    })
}

fn row(t: &Texts, state: &InstanceState, history: &History) -> Row {
    let InstanceState { instance, report } = state;
    let (health, sign) = match report.as_ref().map(|report| report.status) {
        Some(Status::Ready) => (t.ready, "ok"),
        Some(Status::Degraded) => (t.degraded, "warn"),
        Some(Status::Unready) => (t.unready, "bad"),
        None => (t.silent, "bad"),
    };
    let calls = report.as_ref().map(|report| report.calls).unwrap_or_default();
    let rate = history.rate(|overview| {
        let same = overview.instances.iter().find(|found| found.instance.id == instance.id)?;
        Some(same.report.as_ref()?.calls.total)
    });
    Row {
        service: instance.service.clone(),
        id: short(&instance.id).to_owned(),
        address: instance.address.clone(),
        version: instance.version.clone(),
        since: format::age(t, Timestamp::from_micros(instance.started_at.saturating_mul(1_000_000))),
        health,
        sign,
        reasons: report.as_ref().map(|report| report.reasons.clone()).unwrap_or_default(),
        calls: format::count(calls.total),
        rate: format::rate(rate),
        failed: format::count(calls.failed),
        in_flight: format::count(calls.in_flight),
    }
}

/// The end of an id: its beginning is the time, which neighbours share.
fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

/// What is wrong, the worst first.
fn problems(t: &Texts, overview: &Overview) -> Vec<Problem> {
    let here = |says: String| Problem { says, at: "/ops#instances".to_owned() };
    let mut found: Vec<_> =
        overview.missing.iter().map(|service| here(fill(t.service_missing, service))).collect();
    if overview.dead_letters > 0 {
        let says = if overview.dead_letters == 1 {
            t.one_dead_letter.to_owned()
        } else {
            fill(t.dead_letters_count, format::count(overview.dead_letters))
        };
        found.push(Problem { says, at: "/ops/dead-letters".to_owned() });
    }
    for InstanceState { instance, report } in &overview.instances {
        let text = match report.as_ref().map(|report| report.status) {
            Some(Status::Ready) => continue,
            Some(Status::Degraded) => t.instance_degraded,
            Some(Status::Unready) => t.instance_unready,
            None => t.instance_silent,
        };
        found.push(here(fill(&fill(text, &instance.service), short(&instance.id))));
    }
    for consumer in &overview.consumers {
        let says = match state_of(consumer) {
            "paused" => fill(t.is_paused, &consumer.name),
            "unread" => fill(t.is_unread, &consumer.name),
            _ => continue,
        };
        found.push(Problem { says, at: format!("/ops/consumers/{}", consumer.name) });
    }
    for InstanceState { instance, report } in &overview.instances {
        let outbox = report.as_ref().and_then(|report| report.outbox);
        if outbox.is_some_and(|outbox| outbox.oldest_seconds > OUTBOX_LATE) {
            found.push(here(fill(t.outbox_late, &instance.service)));
        }
    }
    found
}
