//! Answers that are told while they happen: server-sent events.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use serde::Serialize;
use tracing::Span;

use crate::envelope::REQUEST_ID;

/// Says which event a client has seen last.
pub const LAST_EVENT_ID: &str = "last-event-id";
/// Tells a proxy to pass every event on at once.
const NO_BUFFERING: [(HeaderName, HeaderValue); 1] =
    [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];

/// An event with JSON data.
pub fn event(name: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    match event.clone().json_data(data) {
        Ok(event) => event,
        Err(error) => {
            // Nothing that is told has keys or numbers that JSON does not know.
            tracing::error!(%error, name, "an event could not be written");
            event.data("{}")
        }
    }
}

/// Whether the client asks for events in place of one answer.
pub fn are_wanted(headers: &HeaderMap) -> bool {
    accepted(headers).any(|range| range.eq_ignore_ascii_case("text/event-stream"))
}

/// Whether the client takes events at all: one that does not would wait for the end of a stream that has none.
pub fn are_taken(headers: &HeaderMap) -> bool {
    let taken = |range: &str| {
        ["text/event-stream", "text/*", "*/*"].iter().any(|events| range.eq_ignore_ascii_case(events))
    };
    !headers.contains_key(ACCEPT) || accepted(headers).any(taken)
}

/// The media ranges of the header `Accept` (RFC 9110, section 12.5.1), without their parameters.
fn accepted(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|range| range.split(';').next()).map(str::trim)
}

/// Answers with `events`, and with comments whenever there was none for `keep_alive`, so that nobody on the way takes
/// the connection for dead.
pub fn answer_alive(events: impl Stream<Item = Event> + Send + 'static, keep_alive: Duration) -> Response {
    let keep_alive = KeepAlive::new().interval(keep_alive);
    (NO_BUFFERING, Sse::new(in_request(events)).keep_alive(keep_alive)).into_response()
}

/// Answers with `events`, which never are silent for long.
pub fn answer(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    (NO_BUFFERING, Sse::new(in_request(events))).into_response()
}

fn in_request<S: Stream<Item = Event>>(events: S) -> InRequest<S> {
    let request_id = REQUEST_ID.try_with(String::clone).unwrap_or_default();
    InRequest { events: Box::pin(events), request_id, span: Span::current() }
}

/// Events, with the id and the span of the request that they answer: the server polls them after the request's own
/// future has ended.
struct InRequest<S> {
    events: Pin<Box<S>>,
    request_id: String,
    span: Span,
}

impl<S: Stream<Item = Event>> Stream for InRequest<S> {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let _entered = this.span.enter();
        let poll = || this.events.as_mut().poll_next(context).map(|event| event.map(Ok));
        REQUEST_ID.sync_scope(this.request_id.clone(), poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_for_those_who_name_them_and_are_taken_by_others() {
        for (accept, wanted, taken) in [
            ("text/event-stream", true, true),
            ("application/json, Text/Event-Stream; q=0.9", true, true),
            ("application/json", false, false),
            ("*/*", false, true),
            ("text/*; q=0.1", false, true),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!((are_wanted(&headers), are_taken(&headers)), (wanted, taken), "{accept}");
        }
        assert!(!are_wanted(&HeaderMap::new()) && are_taken(&HeaderMap::new()));
    }
}
