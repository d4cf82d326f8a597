//! How close the caller is to counselors.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use shared::proto::v1;
use utoipa::ToSchema;

use super::counsels::AnyCounselorId;
use crate::App;
use crate::dto::{self, Times, next_cursor};
use crate::envelope::{Answer, ApiError, Envelope, Errors, Success};
use crate::input::{CounselorScope, Ids, PageQuery};
use crate::session::Session;

/// How close a user and a counselor are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CounselorUserRelationship {
    id: String,
    counselor_id: String,
    user_id: String,
    /// Grows with the user's messages.
    rapport: i32,
    #[serde(flatten)]
    times: Times,
}

impl TryFrom<v1::CounselorUserRelationship> for CounselorUserRelationship {
    type Error = ApiError;

    fn try_from(relationship: v1::CounselorUserRelationship) -> Result<Self, ApiError> {
        Ok(Self {
            id: relationship.id,
            counselor_id: relationship.counselor_id,
            user_id: relationship.user_id,
            rapport: relationship.rapport,
            times: Times::new(relationship.created_at, relationship.updated_at, relationship.deleted_at)?,
        })
    }
}

/// Relationships.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Relationships {
    counselor_user_relationships: Vec<CounselorUserRelationship>,
    /// The `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The caller's relationships to counselors, oldest acquaintance first.
#[utoipa::path(
    get,
    path = "/counselors/{counselor-id}/relationships",
    tag = "counsels",
    params(AnyCounselorId, PageQuery),
    responses((status = 200, body = Envelope<Relationships>), Errors)
)]
pub async fn list_relationships(
    State(app): State<Arc<App>>,
    session: Session,
    Ids(AnyCounselorId { counselor_id }): Ids<AnyCounselorId>,
    page: PageQuery,
) -> Answer<Relationships> {
    let counselor_id = CounselorScope::of(counselor_id).counselor_id();
    let request = v1::ListRelationshipsRequest { counselor_id, user_id: None, page: page.request() };
    let request = app.upstream.request(session.caller(), request);
    let answer = app.upstream.counsels().list_relationships(request).await?.into_inner();
    Ok(Success::ok(Relationships {
        counselor_user_relationships: dto::all(answer.counselor_user_relationships)?,
        next_cursor: next_cursor(answer.next_cursor),
    }))
}
