//! The routes of counsels that differ by who looks.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{AnyCounselorId, Counsels, CreateCounsel, NewCounsel, create, list};
use crate::App;
use crate::envelope::{Answer, Envelope, Errors};
use crate::input::{Body, IdempotencyKey, Ids, PageQuery, Params, check_ids};
use crate::resources::counselors::CounselorId;
use crate::resources::messages::{CounselMessage, CounselMessageForAdmin};
use crate::session::Session;

// rustfmt would move the attributes inside further to the right each time.
#[rustfmt::skip]
macro_rules! create_counsel {
    ($message:ty) => {
        /// Opens a counsel.
        ///
        /// With a bubble it begins with the question, the chosen answer and what the counselor says to it; without one,
        /// with the counselor's greeting. A repeat with the same `Idempotency-Key` returns the same counsel.
        #[utoipa::path(
            post,
            path = "/counselors/{counselor-id}/counsels",
            tag = "counsels",
            params(CounselorId, IdempotencyKey),
            request_body = CreateCounsel,
            responses((status = 201, body = Envelope<NewCounsel<$message>>), Errors)
        )]
        pub async fn create_counsel(
            State(app): State<Arc<App>>,
            session: Session,
            Ids(CounselorId { counselor_id }): Ids<CounselorId>,
            key: IdempotencyKey,
            Body(body): Body<CreateCounsel>,
        ) -> Answer<NewCounsel<$message>> {
            create(&app, &session, counselor_id, &key, body).await
        }
    };
}

/// What callers see of their own.
pub mod own {
    use super::*;

    create_counsel!(CounselMessage);

    /// The caller's counsels, newest first.
    #[utoipa::path(
        get,
        path = "/counselors/{counselor-id}/counsels",
        tag = "counsels",
        params(AnyCounselorId, PageQuery),
        responses((status = 200, body = Envelope<Counsels>), Errors)
    )]
    pub async fn list_counsels(
        State(app): State<Arc<App>>,
        session: Session,
        Ids(AnyCounselorId { counselor_id }): Ids<AnyCounselorId>,
        page: PageQuery,
    ) -> Answer<Counsels> {
        list(&app, &session, counselor_id, None, page).await
    }
}

/// What admins see.
pub mod admin {
    use super::*;

    create_counsel!(CounselMessageForAdmin);

    /// Whose counsels.
    #[derive(Debug, Deserialize, IntoParams)]
    #[into_params(parameter_in = Query)]
    pub struct CounselsQuery {
        /// Left out, the caller's own.
        #[serde(rename = "user-id")]
        #[param(format = Uuid)]
        user_id: Option<String>,
    }

    /// The counsels of a user, newest first.
    #[utoipa::path(
        get,
        path = "/counselors/{counselor-id}/counsels",
        tag = "counsels",
        params(AnyCounselorId, CounselsQuery, PageQuery),
        responses((status = 200, body = Envelope<Counsels>), Errors)
    )]
    pub async fn list_counsels(
        State(app): State<Arc<App>>,
        session: Session,
        Ids(AnyCounselorId { counselor_id }): Ids<AnyCounselorId>,
        Params(CounselsQuery { user_id }): Params<CounselsQuery>,
        page: PageQuery,
    ) -> Answer<Counsels> {
        check_ids([("user-id", user_id.as_ref())])?;
        list(&app, &session, counselor_id, user_id, page).await
    }
}
