//! The routes of messages, once for each kind of caller: an admin's view of a message tells more.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::create::{CreateMessage, NewMessages, Turn, create};
use super::stream::{ReplyEvent, stream};
use super::{
    CounselMessage, CounselMessageData, CounselMessageForAdmin, CounselMessages, MessageId, MessagesQuery,
    React, list, react,
};
use crate::App;
use crate::envelope::{Answer, ApiError, Envelope, Errors};
use crate::events;
use crate::input::{Body, IdempotencyKey, Ids, PageQuery, Params};
use crate::resources::counsels::CounselId;
use crate::session::Session;

// rustfmt would move the attributes inside further to the right each time.
#[rustfmt::skip]
macro_rules! message_routes {
    ($message:ty) => {
        use super::*;

        /// Says something in a counsel; the answer holds the counselor's reply. Spends one message token.
        ///
        /// While the counselor is answering another message is refused with 429. A repeat with the same
        /// `Idempotency-Key` returns the first one's messages and spends nothing.
        ///
        /// With `Accept: text/event-stream` the reply is told while it is being said: `delta` after `delta`, and after
        /// a `restart` from the beginning again. The last event is `message`, with what is answered otherwise, or
        /// `error`. A client that goes away does not stop the reply.
        #[utoipa::path(
            post,
            path = "/counselors/{counselor-id}/counsels/{counsel-id}/messages",
            tag = "counsels",
            params(CounselId, IdempotencyKey),
            request_body = CreateMessage,
            responses(
                (status = 200, body = ReplyEvent<$message>, content_type = "text/event-stream"),
                (status = 201, body = Envelope<NewMessages<$message>>),
                Errors
            )
        )]
        pub async fn create_message(
            State(app): State<Arc<App>>,
            session: Session,
            Ids(counsel): Ids<CounselId>,
            key: IdempotencyKey,
            headers: HeaderMap,
            Body(body): Body<CreateMessage>,
        ) -> Result<Response, ApiError> {
            let turn = Turn::new(app, session, counsel, &key, body).await?;
            if events::are_wanted(&headers) {
                stream::<$message>(turn).await
            } else {
                Ok(create::<$message>(turn).await?.into_response())
            }
        }

        /// The messages of a counsel, oldest first unless `order` says otherwise.
        #[utoipa::path(
            get,
            path = "/counselors/{counselor-id}/counsels/{counsel-id}/messages",
            tag = "counsels",
            params(CounselId, MessagesQuery, PageQuery),
            responses((status = 200, body = Envelope<CounselMessages<$message>>), Errors)
        )]
        pub async fn list_messages(
            State(app): State<Arc<App>>,
            session: Session,
            Ids(counsel): Ids<CounselId>,
            Params(query): Params<MessagesQuery>,
            page: PageQuery,
        ) -> Answer<CounselMessages<$message>> {
            list(&app, &session, counsel, query, page).await
        }

        /// Reacts to a message of the counselor; a later reaction replaces an earlier one.
        #[utoipa::path(
            post,
            path = "/counselors/{counselor-id}/counsels/{counsel-id}/messages/{message-id}/react",
            tag = "counsels",
            params(MessageId),
            request_body = React,
            responses((status = 200, body = Envelope<CounselMessageData<$message>>), Errors)
        )]
        pub async fn react_to_message(
            State(app): State<Arc<App>>,
            session: Session,
            Ids(message): Ids<MessageId>,
            Body(body): Body<React>,
        ) -> Answer<CounselMessageData<$message>> {
            react(&app, &session, message, body).await
        }
    };
}

/// What callers see of their own.
pub mod own {
    message_routes!(CounselMessage);
}

/// What admins see.
pub mod admin {
    message_routes!(CounselMessageForAdmin);
}
