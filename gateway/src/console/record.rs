//! What operators did.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use serde_json::Value;
use shared::messaging::OPERATIONS;
use shared::operations::{Filter, StoredEvent};

use super::texts::Texts;
use super::view::{Answer, Shell, View, page};
use super::{Console, format};

const MOST: usize = 200;

#[derive(Template)]
#[template(path = "console/record.html")]
struct Page {
    shell: Shell,
    entries: Vec<Row>,
}

struct Row {
    key: String,
    time: String,
    operator: String,
    what: String,
    about: String,
    details: String,
    source: String,
}

/// Lists it, the newest first.
///
/// # Errors
/// 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, view: View) -> Answer {
    let filter = Filter { stream: Some(OPERATIONS.to_owned()), ..Filter::default() };
    let found = Box::pin(console.operations.find(&filter, MOST)).await?;
    let entries = found.events.iter().rev().map(|event| row(view.t, event)).collect();
    page(&Page { shell: view.shell("r"), entries })
}

fn row(t: &Texts, event: &StoredEvent) -> Row {
    let text = |name: &str| match event.data.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let mut words = event.subject.split('.').skip(1);
    let (aggregate, fact) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let what = match (aggregate, fact) {
        ("dead_letter", "replay_requested") => t.did_replay_letter,
        ("dead_letter", "discard_requested") => t.did_discard_letter,
        ("consumer", "replay_requested") => t.did_replay_consumer,
        ("consumer", "pause_requested") => t.did_pause,
        ("consumer", "resume_requested") => t.did_resume,
        ("instance", "drain_requested") => t.did_drain,
        // Of a newer version.
        _ => fact,
    };
    let about = match aggregate {
        "dead_letter" => format!("DLQ:{} {}", text("deadLetter"), text("consumer")),
        "instance" => format!("{} {}", text("service"), text("instance")),
        other => text(other),
    };
    let details = ["reason", "until", "fromSequence", "subject"].map(text);
    Row {
        key: format!("{}:{}", event.stream, event.sequence),
        time: format::time(event.stored_at),
        operator: text("operator"),
        what: what.to_owned(),
        about,
        details: details.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        source: event.source.clone().unwrap_or_default().trim_start_matches('/').to_owned(),
    }
}
