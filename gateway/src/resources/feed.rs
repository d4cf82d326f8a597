//! What happens in the caller's counsels and to the caller's tokens, on whichever device, while it happens.

mod told;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::Event;
use futures::{Stream, stream};
use serde::Deserialize;
use shared::shutdown::Shutdown;
use tokio::time::{Instant, sleep, sleep_until};
use utoipa::IntoParams;

use self::told::{FeedEvent, tell};
use super::messages::Nothing;
use crate::App;
use crate::envelope::{ApiError, Errors};
use crate::events;
use crate::feed::{Entry, Feed, FeedRefusal, LastEventId};
use crate::input::Params;
use crate::measure;
use crate::session::Session;

/// When a client comes back after its feed ended.
const COME_BACK: Duration = Duration::from_secs(2);
/// When somebody who was refused may try again.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// How often a fact is tried to be told while the service is away, before the feed ends.
const ATTEMPTS: u32 = 4;
/// Before the second attempt; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(250);

/// Where a client resumes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResumeQuery {
    /// As the header, for clients that cannot set it; the header counts if both are there.
    #[serde(rename = "last-event-id")]
    last_event_id: Option<String>,
}

/// Where a client resumes, as browsers tell it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "read by the derive macro only")]
pub struct ResumeHeader {
    /// The `id` of the last event that was seen: the feed goes on after it.
    #[param(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

/// What the client has seen.
pub struct Resume(Option<LastEventId>);

impl<S: Sync> FromRequestParts<S> for Resume {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Params(query) = Params::<ResumeQuery>::from_request_parts(parts, state).await?;
        let header = parts.headers.get(events::LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
        let given = header.or(query.last_event_id.as_deref());
        Ok(Self(given.map(LastEventId::read)))
    }
}

/// Tells what happens in the caller's counsels and to the caller's message tokens, on whichever device, while it happens.
///
/// Tokens are told when they were bought or given back, and when the allowance becomes another one; not with each message.
///
/// Each event has an id. A client that lost the connection sends the last one as `Last-Event-ID` (browsers do so
/// themselves) and is told what it missed. Who was away for too long is told `reset` first: it reads its lists and
/// tokens again and goes on from there. The feed ends when the access token expires or its session is closed. A user may have eight feeds at once.
#[utoipa::path(
    get,
    path = "/counsels/events",
    tag = "counsels",
    params(ResumeHeader, ResumeQuery),
    responses((status = 200, body = FeedEvent, content_type = "text/event-stream"), Errors)
)]
pub async fn follow_counsels(
    State(app): State<Arc<App>>,
    session: Session,
    Resume(seen): Resume,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !events::are_taken(&headers) {
        return Err(ApiError::invalid(vec!["Accept: must allow text/event-stream".to_owned()]));
    }
    let feed = app.feeds.open(&session.user_id, seen).await.map_err(refused)?;
    let ends = Instant::now() + session.time_left();
    let (shutdown, keep_alive) = (app.shutdown.clone(), app.keep_alive);
    let device = Device { app, session, feed, keep_alive, is_greeted: false };
    Ok(events::answer(until(ends, shutdown, device)))
}

fn refused(refusal: FeedRefusal) -> ApiError {
    let (status, code, message) = match refusal {
        FeedRefusal::TooManyOfUser => {
            (StatusCode::TOO_MANY_REQUESTS, "E42901", "this user has as many feeds as one may have")
        }
        FeedRefusal::TooMany => {
            measure::shed("feeds").increment(1);
            (StatusCode::SERVICE_UNAVAILABLE, "E50301", "there are as many feeds as can be served")
        }
        FeedRefusal::NotReady => {
            (StatusCode::SERVICE_UNAVAILABLE, "E50301", "what has happened cannot be read at the moment")
        }
    };
    ApiError::new(status, code, message).retry_after(Some(TRY_AGAIN))
}

/// What a device is told, until the session or the gateway ends.
fn until(ends: Instant, shutdown: Shutdown, device: Device) -> impl Stream<Item = Event> {
    let (app, session_id) = (device.app.clone(), device.session.session_id.clone());
    let kept = (shutdown, app, session_id, device);
    stream::unfold(kept, move |(shutdown, app, session_id, mut device)| async move {
        tokio::select! {
            biased;
            () = shutdown.begun() => None,
            () = sleep_until(ends) => None,
            () = app.revoked.closed(session_id.as_deref()) => None,
            event = device.next() => event.map(|event| (event, (shutdown, app, session_id, device))),
        }
    })
}

/// A device that follows its user.
struct Device {
    app: Arc<App>,
    session: Session,
    feed: Feed,
    keep_alive: Duration,
    is_greeted: bool,
}

impl Device {
    /// What it is told next; nothing when it has to come back.
    async fn next(&mut self) -> Option<Event> {
        if !self.is_greeted {
            self.is_greeted = true;
            let greeting = if self.feed.is_reset() {
                FeedEvent::Reset(Nothing {}).into()
            } else {
                Event::default().comment("welcome")
            };
            return Some(greeting.retry(COME_BACK).id(self.feed.seen().to_string()));
        }
        loop {
            tokio::select! {
                biased;
                entry = self.feed.next() => {
                    let entry = entry?;
                    let event = match self.tell(&entry).await {
                        Ok(Some(event)) => event,
                        // What it is about is gone.
                        Ok(None) => continue,
                        // Its client resumes with this.
                        Err(error) if error.is_transient() => return None,
                        // Nor would it be told then: the lists have it.
                        Err(_) => FeedEvent::Reset(Nothing {}),
                    };
                    return Some(Event::from(event).id(self.feed.seen().to_string()));
                }
                // Tells the id as well, so that who resumes need not go back to what concerned it last.
                () = sleep(self.keep_alive) => {
                    return Some(Event::default().comment("").id(self.feed.seen().to_string()));
                }
            }
        }
    }

    async fn tell(&self, entry: &Entry) -> Result<Option<FeedEvent>, ApiError> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match tell(&self.app, &self.session, &entry.fact).await {
                Err(error) if error.is_transient() => sleep(pause).await,
                told => return told,
            }
            pause *= 2;
        }
        tell(&self.app, &self.session, &entry.fact).await
    }
}
