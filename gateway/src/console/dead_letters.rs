//! The events that consumers could not apply.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use shared::messaging::CONSUMERS;
use shared::operations::{BuriedEvent, Filter};

use super::Console;
use super::format;
use super::view::{Answer, Shell, View, page_with};

/// How many are listed at most: the newest.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "console/dead_letters.html")]
struct Page {
    shell: Shell,
    consumers: Vec<(&'static str, bool)>,
    letters: Vec<Row>,
    /// Whether there are older ones.
    is_cut: bool,
    is_wrong: bool,
}

/// A dead letter, as lists show it.
pub struct Row {
    pub sequence: u64,
    pub consumer: String,
    pub reason: String,
    pub published_on: String,
    pub deliveries: u64,
    pub time: String,
}

impl Row {
    /// Of a dead letter.
    pub fn of(letter: BuriedEvent) -> Self {
        Self {
            sequence: letter.sequence,
            time: format::time(letter.event.stored_at),
            consumer: letter.consumer,
            reason: letter.reason,
            published_on: letter.published_on,
            deliveries: letter.deliveries,
        }
    }
}

/// Lists them, the newest first.
///
/// # Errors
/// 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, view: View) -> Answer {
    let chosen = view.fields.get("consumer");
    let is_wrong = chosen.is_some_and(|name| !CONSUMERS.iter().any(|spec| spec.name == name));
    let letters = if is_wrong {
        Vec::new()
    } else {
        Box::pin(console.operations.dead_letters(chosen, &Filter::default(), MOST)).await?
    };
    let status = if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let shown = Page {
        shell: view.shell("d"),
        consumers: CONSUMERS.iter().map(|spec| (spec.name, chosen == Some(spec.name))).collect(),
        is_cut: letters.len() == MOST,
        letters: letters.into_iter().rev().map(Row::of).collect(),
        is_wrong,
    };
    page_with(status, &shown)
}
