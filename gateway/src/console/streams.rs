//! What the streams hold, and how fast they grow.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use shared::operations::{Overview, StreamState};

use super::chart::sparkline;
use super::sampler::History;
use super::texts::{Texts, fill};
use super::view::{Answer, Shell, View, page};
use super::{Console, format};

#[derive(Template)]
#[template(path = "console/streams.html")]
struct Page {
    shell: Shell,
    streams: Vec<Row>,
}

struct Row {
    name: String,
    of_events: bool,
    description: String,
    subjects: String,
    messages: String,
    bytes: String,
    depth: String,
    rate: String,
    rates: String,
    last: Option<(String, String)>,
    consumers: usize,
}

/// Shows them.
///
/// # Errors
/// 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, view: View) -> Answer {
    let history = console.sampler.look();
    let streams = Box::pin(console.operations.streams()).await?;
    let streams = streams.into_iter().map(|stream| row(view.t, stream, &history)).collect();
    page(&Page { shell: view.shell("s"), streams })
}

fn row(t: &Texts, stream: StreamState, history: &History) -> Row {
    fn found<'a>(overview: &'a Overview, name: &str) -> Option<&'a StreamState> {
        overview.streams.iter().find(|stream| stream.name == name)
    }
    let depth = history.series(|overview| Some(found(overview, &stream.name)?.messages));
    let last = |overview: &Overview| Some(found(overview, &stream.name)?.last_sequence);
    let whole = |value: f64| format!("{value:.0}");
    Row {
        depth: sparkline(t, &fill(t.depth_of, &stream.name), &depth, whole),
        rate: format::rate(history.rate(last)),
        rates: sparkline(t, &fill(t.rate_of, &stream.name), &history.rates(last), |rate| {
            format::rate(Some(rate))
        }),
        messages: format::count(stream.messages),
        bytes: format::bytes(stream.bytes),
        last: stream.last_at.map(|at| (format::time(at), format::age(t, at))),
        subjects: stream.subjects.join(" "),
        description: stream.description,
        of_events: stream.of_events,
        consumers: stream.consumers,
        name: stream.name,
    }
}
