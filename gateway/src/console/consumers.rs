//! How far the consumers are.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use shared::operations::ConsumerState;

use super::chart::sparkline;
use super::sampler::History;
use super::texts::{Texts, fill};
use super::view::{Answer, Shell, View, page};
use super::{Console, format};

#[derive(Template)]
#[template(path = "console/consumers.html")]
struct Page {
    shell: Shell,
    consumers: Vec<Row>,
}

/// A consumer, as tables show it.
pub struct Row {
    pub name: String,
    pub stream: String,
    pub subjects: String,
    pub lag: String,
    pub chart: String,
    pub unacknowledged: String,
    pub redelivered: String,
    pub rate: String,
    pub pulls: String,
    pub last: Option<(String, String)>,
    pub is_paused: bool,
    pub state: String,
    pub sign: &'static str,
}

/// Shows them.
///
/// # Errors
/// 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, view: View) -> Answer {
    let history = console.sampler.look();
    let consumers = Box::pin(console.operations.consumers()).await?;
    let consumers = consumers.into_iter().map(|consumer| row(view.t, consumer, &history)).collect();
    page(&Page { shell: view.shell("c"), consumers })
}

/// In one word: `paused`; `unread` when events wait and nobody asks for them; `reading`.
pub fn state_of(consumer: &ConsumerState) -> &'static str {
    let is_idle = consumer.waiting_pulls == 0 && consumer.ack_pending == 0;
    match consumer.paused_seconds {
        Some(_) => "paused",
        None if is_idle && consumer.pending > 0 => "unread",
        None => "reading",
    }
}

/// One of them.
pub fn row(t: &Texts, consumer: ConsumerState, history: &History) -> Row {
    let same = |found: &&ConsumerState| found.name == consumer.name;
    let lag = history.series(|overview| Some(overview.consumers.iter().find(same)?.pending));
    let deliveries = history.rate(|overview| Some(overview.consumers.iter().find(same)?.deliveries));
    let (state, sign) = match (state_of(&consumer), consumer.paused_seconds) {
        ("paused", left) => {
            let left = Duration::from_secs(left.unwrap_or_default());
            (fill(t.paused_for, format::duration(t, left)), "warn")
        }
        ("unread", _) => (t.unread.to_owned(), "bad"),
        _ => (t.reading.to_owned(), "ok"),
    };
    Row {
        chart: sparkline(t, &fill(t.lag_of, &consumer.name), &lag, |value| format!("{value:.0}")),
        subjects: consumer.subjects.join(" "),
        lag: format::count(consumer.pending),
        unacknowledged: format::count(consumer.ack_pending),
        redelivered: format::count(consumer.redelivered),
        rate: format::rate(deliveries),
        pulls: format::count(consumer.waiting_pulls),
        last: consumer.delivered_at.map(|at| (format::time(at), format::age(t, at))),
        is_paused: consumer.paused_seconds.is_some(),
        name: consumer.name,
        stream: consumer.stream,
        state,
        sign,
    }
}
