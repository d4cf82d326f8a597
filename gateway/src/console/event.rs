//! One event, and the chain of causes and effects that it belongs to.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use shared::error::Error;
use shared::messaging::DEAD_LETTERS;
use shared::operations::{StoredEvent, Trace};

use super::events::pretty;
use super::view::{Answer, Shell, View, page};
use super::{Console, format};

#[derive(Template)]
#[template(path = "console/event.html")]
struct Page {
    shell: Shell,
    event: Details,
    chain: Chain,
}

/// An event with everything that it holds.
pub struct Details {
    pub key: String,
    pub subject: String,
    pub stored_at: String,
    pub attributes: Vec<(&'static str, String)>,
    pub headers: Vec<(String, String)>,
    pub data: String,
    /// The sequence number of the dead letter that it is, if it is one.
    pub letter: Option<u64>,
}

/// A chain of causes and effects, as it is shown.
#[derive(Default)]
pub struct Chain {
    pub steps: Vec<Step>,
    /// Whether there may be effects that were not found.
    pub gave_up: bool,
}

/// An event of a chain, and what of the list of lists begins and ends around it.
pub struct Step {
    pub begins: bool,
    /// How many lists end before it.
    pub ends: usize,
    pub key: String,
    pub subject: String,
    pub time: String,
    pub is_this: bool,
    pub is_letter: bool,
}

/// Shows it, by its id or its place.
///
/// # Errors
/// 404 when no stream holds it, 503 when the broker does not answer.
pub async fn show(State(console): State<Arc<Console>>, view: View) -> Answer {
    let key = view.fields.get("key").ok_or(Error::NotFound("event"))?;
    let event = match Box::pin(console.operations.event(key)).await {
        // Whatever was typed there, it names no event.
        Err(Error::Invalid(_)) => return Err(Error::NotFound("event").into()),
        event => event?,
    };
    let chain = chain_of(&console, &event).await?;
    page(&Page { shell: view.shell("e"), event: Details::of(&event), chain })
}

/// The chain of an event; none of what is no event.
///
/// # Errors
/// [`Error::Unavailable`] when the broker does not answer.
pub async fn chain_of(console: &Console, event: &StoredEvent) -> Result<Chain, Error> {
    let place = place(event);
    match Box::pin(console.operations.trace(&place, None)).await {
        Ok(trace) => {
            let gave_up = trace.gave_up_after_seconds.is_some();
            Ok(Chain { steps: steps(&trace, &place), gave_up })
        }
        Err(Error::FailedPrecondition(_)) => Ok(Chain::default()),
        Err(error) => Err(error),
    }
}

fn place(event: &StoredEvent) -> String {
    format!("{}:{}", event.stream, event.sequence)
}

impl Details {
    /// Of an event.
    pub fn of(event: &StoredEvent) -> Self {
        let attributes = [
            ("ce-id", &event.id),
            ("ce-type", &event.event_type),
            ("ce-source", &event.source),
            ("ce-subject", &event.aggregate),
            ("ce-time", &event.time),
            ("ce-correlationid", &event.correlation_id),
            ("ce-causationid", &event.causation_id),
        ];
        let attributes = attributes.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        Self {
            key: place(event),
            subject: event.subject.clone(),
            stored_at: format::time(event.stored_at),
            attributes: attributes.collect(),
            headers: event.headers.clone().into_iter().collect(),
            data: pretty(event),
            letter: (event.stream == DEAD_LETTERS).then_some(event.sequence),
        }
    }
}

fn steps(trace: &Trace, this: &str) -> Vec<Step> {
    let mut before = None;
    let step = |link: &shared::operations::Link| {
        let (depth, key) = (link.depth, place(&link.event));
        let step = Step {
            begins: before.is_none_or(|before| depth > before),
            ends: before.map_or(0, |before: usize| before.saturating_sub(depth)),
            is_this: key == this,
            is_letter: link.event.stream == DEAD_LETTERS,
            subject: link.event.subject.clone(),
            time: format::time(link.event.stored_at),
            key,
        };
        before = Some(depth);
        step
    };
    trace.links.iter().map(step).collect()
}

/// How many lists are open at the end.
pub fn open_lists(steps: &[Step]) -> usize {
    steps.iter().fold(0, |open, step| open + usize::from(step.begins) - step.ends)
}
