//! The explorer: which events the streams hold.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use shared::error::Error;
use shared::messaging::STREAMS;
use shared::operations::{Filter, StoredEvent};
use shared::time::Timestamp;

use super::fields::{Fields, time};
use super::texts::Texts;
use super::view::{Answer, Shell, View, page_with};
use super::{Console, format};

const LIMIT: usize = 50;
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "console/events.html")]
struct Page {
    shell: Shell,
    fields: Vec<Field>,
    streams: Vec<(&'static str, bool)>,
    limit: String,
    limit_wrong: Option<&'static str>,
    stream_wrong: Option<&'static str>,
    events: Vec<Row>,
    /// Whether older ones may fit that were not looked at.
    gave_up: bool,
    /// Whether the list is read again by itself: not where that means much work.
    is_live: bool,
    is_wrong: bool,
}

/// A text to filter by.
struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    wrong: Option<&'static str>,
}

/// An event, as lists show it.
pub struct Row {
    /// By what it is found: `<stream>:<sequence>`.
    pub key: String,
    pub time: String,
    pub subject: String,
    pub source: String,
    pub data: String,
}

impl Row {
    /// Of an event.
    pub fn of(event: &StoredEvent) -> Self {
        Self {
            key: format!("{}:{}", event.stream, event.sequence),
            time: format::time(event.stored_at),
            subject: event.subject.clone(),
            source: event.source.clone().unwrap_or_default(),
            data: pretty(event),
        }
    }
}

/// The data of an event, as people read it.
pub fn pretty(event: &StoredEvent) -> String {
    serde_json::to_string_pretty(&event.data).unwrap_or_default()
}

/// What is wrong, by the name of the field.
type Wrong = HashMap<String, &'static str>;

/// Shows those that fit, the newest first.
///
/// # Errors
/// 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, view: View) -> Answer {
    let t = view.t;
    let mut wrong = Wrong::new();
    let limit = view.fields.get("limit").map_or(Some(LIMIT), |text| text.parse().ok());
    let limit = limit.filter(|limit| (1..=MOST).contains(limit));
    if limit.is_none() {
        wrong.insert("limit".to_owned(), t.limit_wrong);
    }
    let filter = filter(&view.fields, t, &mut wrong);
    let mut found = None;
    if wrong.is_empty() {
        match Box::pin(console.operations.find(&filter, limit.unwrap_or(LIMIT))).await {
            Ok(events) => found = Some(events),
            Err(Error::Invalid(violations)) => {
                wrong.extend(violations.iter().map(|one| (one.field.clone(), rule(t, &one.field))));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let field = |name, label, hint| Field {
        name,
        label,
        hint,
        value: view.fields.text(name),
        wrong: wrong.get(name).copied(),
    };
    let stream = |name| (name, view.fields.get("stream") == Some(name));
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    page_with(
        status,
        &Page {
            shell: view.shell("e"),
            fields: vec![
                field("subject", t.subject, "counsels.message.created"),
                field("aggregate", t.aggregate, ""),
                field("user", t.user, ""),
                field("since", t.since, "15m"),
                field("until", t.until, "2026-01-02 03:04"),
            ],
            streams: STREAMS.iter().map(|spec| stream(spec.name)).collect(),
            limit: limit.map_or_else(|| view.fields.text("limit"), |limit| limit.to_string()),
            limit_wrong: wrong.get("limit").copied(),
            stream_wrong: wrong.get("stream").copied(),
            gave_up: found.as_ref().is_some_and(|found| found.gave_up),
            events: found.iter().flat_map(|found| found.events.iter().rev().map(Row::of)).collect(),
            is_live: filter.user.is_none() && wrong.is_empty(),
            is_wrong: !wrong.is_empty(),
        },
    )
}

fn filter(fields: &Fields, t: &'static Texts, wrong: &mut Wrong) -> Filter {
    let text = |name: &str| fields.get(name).map(str::to_owned);
    let mut at = |name: &str| -> Option<Timestamp> {
        let read = time(fields.get(name)?);
        if read.is_none() {
            wrong.insert(name.to_owned(), t.time_wrong);
        }
        read
    };
    Filter {
        since: at("since"),
        until: at("until"),
        stream: text("stream"),
        subject: text("subject"),
        aggregate: text("aggregate"),
        user: text("user"),
    }
}

/// The rule that a field of the filter breaks.
fn rule(t: &'static Texts, field: &str) -> &'static str {
    match field {
        "subject" => t.subject_wrong,
        "stream" => t.stream_wrong,
        _ => t.id_wrong,
    }
}
