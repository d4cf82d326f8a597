//! One consumer: paused, resumed and sent back.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use shared::error::Error;
use shared::operations::From;

use super::consumers::{Row, row};
use super::failed::Failed;
use super::fields::{Fields, Form, time};
use super::notice::Notice;
use super::texts::Texts;
use super::view::{Answer, Shell, View, page, page_with};
use super::{Console, PATH, format};
use crate::session::Session;

/// The longest pause: a week, in minutes.
const LONGEST_PAUSE: u64 = 7 * 24 * 60;

#[derive(Template)]
#[template(path = "console/consumer.html")]
struct Page {
    shell: Shell,
    consumer: Row,
    /// What was asked for, and what is wrong with it.
    from: String,
    from_wrong: Option<&'static str>,
    minutes: String,
    minutes_wrong: Option<&'static str>,
}

/// Asks before a consumer is sent back.
#[derive(Template)]
#[template(path = "console/replay.html")]
struct Confirmation {
    shell: Shell,
    consumer: String,
    sequence: u64,
    count: String,
}

/// What is wrong with a form of the page.
#[derive(Default)]
struct Wrong {
    from: Option<&'static str>,
    minutes: Option<&'static str>,
}

/// Shows it.
///
/// # Errors
/// 404 when there is none of this name, 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, Path(name): Path<String>, view: View) -> Answer {
    shown(&console, &view, &name, &Fields::default(), Wrong::default()).await
}

async fn shown(console: &Console, view: &View, name: &str, form: &Fields, wrong: Wrong) -> Answer {
    let history = console.sampler.look();
    let consumers = Box::pin(console.operations.consumers()).await?;
    let consumer = consumers.into_iter().find(|consumer| consumer.name == name);
    let consumer = consumer.ok_or(Error::NotFound("consumer"))?;
    let is_wrong = wrong.from.is_some() || wrong.minutes.is_some();
    let shown = Page {
        shell: view.shell("c"),
        consumer: row(view.t, consumer, &history),
        from: form.text("from"),
        from_wrong: wrong.from,
        minutes: form.get("minutes").unwrap_or("15").to_owned(),
        minutes_wrong: wrong.minutes,
    };
    page_with(if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &shown)
}

/// Pauses it for so many minutes.
///
/// # Errors
/// 400 when that is no length of time, else as [`show`].
pub async fn pause(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    session: Session,
    view: View,
    Form(form): Form,
) -> Answer {
    let minutes = form.get("minutes").and_then(|text| text.parse().ok());
    let Some(minutes) = minutes.filter(|minutes| (1..=LONGEST_PAUSE).contains(minutes)) else {
        let wrong = Wrong { minutes: Some(view.t.minutes_wrong), ..Wrong::default() };
        return shown(&console, &view, &name, &form, wrong).await;
    };
    Box::pin(console.by(&session).pause(&name, Duration::from_secs(minutes * 60))).await?;
    Ok(Notice::Paused.on(&at(&name)))
}

/// Resumes it.
///
/// # Errors
/// As [`show`].
pub async fn resume(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    session: Session,
) -> Result<Response, Failed> {
    Box::pin(console.by(&session).resume(&name)).await?;
    Ok(Notice::Resumed.on(&at(&name)))
}

/// Says how many events a consumer would get again.
///
/// # Errors
/// 400 when that is no place in its stream, else as [`show`].
pub async fn confirm_replay(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    view: View,
) -> Answer {
    let asked = match place(view.t, &view.fields) {
        Ok(from) => Box::pin(console.operations.would_replay(&name, from)).await,
        Err(wrong) => {
            let wrong = Wrong { from: Some(wrong), ..Wrong::default() };
            return shown(&console, &view, &name, &view.fields, wrong).await;
        }
    };
    match asked {
        Ok((sequence, count)) => page(&Confirmation {
            shell: view.shell("c"),
            consumer: name,
            sequence,
            count: format::count(count),
        }),
        Err(Error::Invalid(_)) => {
            let wrong = Wrong { from: Some(view.t.from_empty), ..Wrong::default() };
            shown(&console, &view, &name, &view.fields, wrong).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends it back.
///
/// # Errors
/// As [`confirm_replay`].
pub async fn replay(
    State(console): State<Arc<Console>>,
    Path(name): Path<String>,
    session: Session,
    view: View,
    Form(form): Form,
) -> Answer {
    match place(view.t, &form) {
        Ok(from) => {
            let count = Box::pin(console.by(&session).replay(&name, from)).await?;
            Ok(Notice::SentBack(count).on(&at(&name)))
        }
        Err(wrong) => {
            let wrong = Wrong { from: Some(wrong), ..Wrong::default() };
            shown(&console, &view, &name, &form, wrong).await
        }
    }
}

/// A sequence number is a number, everything else is a time.
fn place(t: &'static Texts, fields: &Fields) -> Result<From, &'static str> {
    let text = fields.get("from").ok_or(t.from_wrong)?;
    match text.parse() {
        Ok(sequence) => Ok(From::Sequence(sequence)),
        Err(_) => time(text).map(From::Time).ok_or(t.from_wrong),
    }
}

fn at(name: &str) -> String {
    format!("{PATH}/consumers/{name}")
}
