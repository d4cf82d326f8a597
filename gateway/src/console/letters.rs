//! One dead letter or several: looked at, replayed and discarded.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use shared::error::Error;
use shared::operations::Done;

use super::dead_letters::Row;
use super::event::{Chain, Details, chain_of};
use super::fields::{Fields, Form};
use super::notice::{Counts, Notice};
use super::view::{Answer, Shell, View, page, page_with};
use super::{Console, PATH};
use crate::envelope::ApiError;
use crate::session::Session;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

#[derive(Template)]
#[template(path = "console/letter.html")]
struct Page {
    shell: Shell,
    letter: Row,
    origin: String,
    event: Details,
    chain: Chain,
}

/// Asks before something is done.
#[derive(Template)]
#[template(path = "console/letters_confirm.html")]
struct Confirmation {
    shell: Shell,
    is_discard: bool,
    letters: Vec<Row>,
    /// How many were chosen that are gone.
    gone: usize,
    reason: String,
    reason_wrong: Option<&'static str>,
    longest_reason: usize,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Replay,
    Discard,
}

/// Shows one.
///
/// # Errors
/// 404 when there is none with this number, 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, Path(sequence): Path<String>, view: View) -> Answer {
    let sequence = sequence.parse().map_err(|_| Error::NotFound("dead letter"))?;
    let letter = Box::pin(console.operations.dead_letter(sequence)).await?;
    let chain = chain_of(&console, &letter.event).await?;
    page(&Page {
        shell: view.shell("d"),
        origin: letter.origin.clone(),
        event: Details::of(&letter.event),
        letter: Row::of(letter),
        chain,
    })
}

/// Says what would be done to those that are chosen.
///
/// # Errors
/// 400 when none is chosen or nothing asked for, 503 when the broker does not answer.
pub async fn confirm(State(console): State<Arc<Console>>, view: View) -> Answer {
    confirmation(&console, &view, &view.fields, None).await
}

async fn confirmation(
    console: &Console,
    view: &View,
    fields: &Fields,
    reason_wrong: Option<&'static str>,
) -> Answer {
    let (action, chosen) = asked(fields)?;
    let mut letters = Vec::new();
    for sequence in &chosen {
        match Box::pin(console.operations.dead_letter(*sequence)).await {
            Ok(letter) => letters.push(Row::of(letter)),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if letters.is_empty() {
        return Err(Error::NotFound("dead letter").into());
    }
    let shown = Confirmation {
        shell: view.shell("d"),
        is_discard: action == Action::Discard,
        gone: chosen.len() - letters.len(),
        letters,
        reason: fields.text("reason"),
        reason_wrong,
        longest_reason: LONGEST_REASON,
    };
    page_with(if reason_wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &shown)
}

/// Does it, one letter after the other.
///
/// # Errors
/// As [`confirm`]; 400 when something is to be discarded without a reason.
pub async fn act(
    State(console): State<Arc<Console>>,
    session: Session,
    view: View,
    Form(form): Form,
) -> Answer {
    let (action, chosen) = asked(&form)?;
    let reason = form.get("reason").unwrap_or_default();
    let is_reason = (1..=LONGEST_REASON).contains(&reason.chars().count());
    if action == Action::Discard && !is_reason {
        return confirmation(&console, &view, &form, Some(view.t.reason_wrong)).await;
    }
    let operations = console.by(&session);
    let mut counts = Counts::default();
    for sequence in chosen {
        let done = match action {
            Action::Replay => Box::pin(operations.replay_dead_letter(sequence)).await,
            Action::Discard => Box::pin(operations.discard_dead_letter(sequence, reason)).await,
        };
        match done {
            Done::Done => counts.done += 1,
            Done::Missing => counts.missing += 1,
            Done::Failed(error) => {
                tracing::warn!(sequence, error, "nothing was done to a dead letter");
                counts.failed += 1;
            }
        }
    }
    let notice = match action {
        Action::Replay => Notice::Replayed(counts),
        Action::Discard => Notice::Discarded(counts),
    };
    Ok(notice.on(&format!("{PATH}/dead-letters")))
}

/// What is to be done, and to which letters.
fn asked(fields: &Fields) -> Result<(Action, Vec<u64>), ApiError> {
    let action = match fields.get("action") {
        Some("replay") => Some(Action::Replay),
        Some("discard") => Some(Action::Discard),
        _ => None,
    };
    let action =
        action.ok_or_else(|| ApiError::invalid(vec!["action: must be replay or discard".to_owned()]))?;
    let chosen: Option<Vec<_>> = fields.all("letter").map(|text| text.parse().ok()).collect();
    let mut chosen = chosen.filter(|chosen| !chosen.is_empty()).ok_or_else(|| {
        ApiError::invalid(vec!["letter: must be one or more numbers of dead letters".to_owned()])
    })?;
    chosen.sort_unstable();
    chosen.dedup();
    Ok((action, chosen))
}
