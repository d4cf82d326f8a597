//! Everything that is held of the caller, in one document.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};
use shared::proto::v1;
use tonic::Status;
use utoipa::ToSchema;

use crate::App;
use crate::envelope::{ApiError, Envelope, Errors, Success};
use crate::session::Session;

/// What the services hold, a list for each kind. What the members of a record mean follows from the other answers of
/// this API. More kinds may come.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "read by the derive macro only")]
struct Held {
    /// The profile.
    users: Vec<Map<String, Value>>,
    /// How the caller signs in.
    accounts: Vec<Map<String, Value>>,
    /// Where the caller is or was signed in.
    sessions: Vec<Map<String, Value>>,
    message_tokens: Vec<Map<String, Value>>,
    token_reservations: Vec<Map<String, Value>>,
    token_credits: Vec<Map<String, Value>>,
    trackings: Vec<Map<String, Value>>,
    activities: Vec<Map<String, Value>>,
    /// How well counselors know the caller.
    relationships: Vec<Map<String, Value>>,
    counsels: Vec<Map<String, Value>>,
    /// What was said, by both.
    counsel_messages: Vec<Map<String, Value>>,
    /// What was understood of it.
    counsel_contexts: Vec<Map<String, Value>>,
    counsel_summaries: Vec<Map<String, Value>>,
    /// Who may pay.
    customers: Vec<Map<String, Value>>,
}

/// Everything that is held of the caller.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the derive macro only")]
pub struct Export {
    export: Held,
}

type Records = BoxStream<'static, Result<v1::ExportUserDataResponse, Status>>;

/// Everything that is held of the caller, to take away: before `DELETE /v1/users/me`, for example.
///
/// The document comes while it is read, however long it is. If a service fails in the middle the connection breaks, so
/// that nobody takes a part for the whole.
#[utoipa::path(
    get,
    path = "/users/me/export",
    tag = "users",
    responses((status = 200, body = Envelope<Export>), Errors)
)]
pub async fn export_me(State(app): State<Arc<App>>, session: Session) -> Result<Response, ApiError> {
    // Of a user who is deleted, traces without a person are left.
    let user = v1::GetUserRequest { user_id: session.user_id.clone() };
    app.upstream.users().get_user(app.upstream.request(session.caller(), user)).await?;
    let mut services = Vec::new();
    // All of them before anything is said: one that is not there is an ordinary error.
    for mut service in app.upstream.user_data() {
        let request = v1::ExportUserDataRequest { user_id: session.user_id.clone() };
        let request = app.upstream.request_within(app.request_timeout, session.caller(), request);
        services.push(service.export_user_data(request).await?.into_inner().boxed());
    }
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_DISPOSITION, "attachment; filename=\"export.json\""),
        (CACHE_CONTROL, "no-store"),
    ];
    let document = Document::new(stream::iter(services).flatten().boxed());
    Ok((headers, Body::from_stream(document.written())).into_response())
}

/// The envelope, with the records in it as they come.
struct Document {
    records: Records,
    /// What is written at the end.
    tail: String,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Beginning,
    BetweenSections,
    InSection { is_empty: bool },
    End,
}

impl Document {
    fn new(records: Records) -> Self {
        let Envelope { timestamp, .. } = Success::ok(()).into_envelope();
        Self { records, tail: format!("}}}},\"timestamp\":{}}}", json!(timestamp)), place: Place::Beginning }
    }

    fn written(self) -> impl Stream<Item = Result<Bytes, Status>> {
        stream::try_unfold(self, |mut document| async move {
            let written = document.next().await?;
            Ok(written.map(|written| (Bytes::from(written), document)))
        })
    }

    async fn next(&mut self) -> Result<Option<String>, Status> {
        match self.place {
            Place::End => return Ok(None),
            Place::Beginning => {
                self.place = Place::BetweenSections;
                return Ok(Some("{\"message\":\"OK\",\"data\":{\"export\":{".to_owned()));
            }
            Place::BetweenSections | Place::InSection { .. } => {}
        }
        let part = self.records.try_next().await.inspect_err(|status| {
            tracing::error!(code = ?status.code(), "an export broke off");
        })?;
        Ok(Some(match part {
            Some(v1::ExportUserDataResponse { section, record: None }) => {
                let before = if self.place == Place::BetweenSections { "" } else { "]," };
                self.place = Place::InSection { is_empty: true };
                format!("{before}{}:[", json!(section))
            }
            Some(v1::ExportUserDataResponse { record: Some(record), .. }) => {
                let before = if self.place == (Place::InSection { is_empty: false }) { "," } else { "" };
                self.place = Place::InSection { is_empty: false };
                format!("{before}{record}")
            }
            None => {
                let before = if self.place == Place::BetweenSections { "" } else { "]" };
                self.place = Place::End;
                format!("{before}{}", self.tail)
            }
        }))
    }
}
