//! `CounselService`.

use shared::auth::Caller;
use shared::database::Database;
use shared::id::check_ids;
use shared::page::{Listed, Page};
use shared::proto::v1::counsel_service_server::CounselService;
use shared::proto::v1::{
    BatchGetMessagesRequest, BatchGetMessagesResponse, CreateCounselRequest, CreateCounselResponse,
    CreateMessageRequest, CreateMessageResponse, GetCounselRequest, GetCounselResponse,
    GetRelationshipRequest, GetRelationshipResponse, ListCounselsRequest, ListCounselsResponse,
    ListMessagesRequest, ListMessagesResponse, ListRelationshipsRequest, ListRelationshipsResponse,
    ReactToMessageRequest, ReactToMessageResponse, StreamMessageRequest,
};
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::CounselCommands;
use super::queries::{CounselQueries, Direction};
use super::stream::{self, ReplyStream};
use super::translation::{new_counsel, new_message, new_reaction};
use crate::relationships;

/// How many messages may be asked for by their ids at once.
const MOST_MESSAGES: usize = 100;

/// Answers `CounselService`.
pub struct CounselGrpc {
    commands: CounselCommands,
    queries: CounselQueries,
    database: Database,
}

impl CounselGrpc {
    pub fn new(commands: CounselCommands, database: &Database) -> Self {
        Self { commands, queries: CounselQueries::new(database.clone()), database: database.clone() }
    }
}

#[tonic::async_trait]
impl CounselService for CounselGrpc {
    async fn create_counsel(
        &self,
        request: Request<CreateCounselRequest>,
    ) -> Result<Response<CreateCounselResponse>, Status> {
        let caller = Caller::of(&request)?;
        let new = new_counsel(request.into_inner())?;
        let (counsel, messages) = Box::pin(self.commands.create_counsel(&caller, new)).await?;
        Ok(Response::new(CreateCounselResponse {
            counsel: Some(counsel.into()),
            counsel_messages: messages.into_iter().map(Into::into).collect(),
        }))
    }

    async fn list_counsels(
        &self,
        request: Request<ListCounselsRequest>,
    ) -> Result<Response<ListCounselsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let user_id = whose(&caller, request.user_id)?;
        let page = Page::of(request.page)?;
        let Listed { items, next_cursor } =
            self.queries.of_user(&user_id, request.counselor_id.as_deref(), page).await?;
        let counsels = items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListCounselsResponse { counsels, next_cursor }))
    }

    async fn get_counsel(
        &self,
        request: Request<GetCounselRequest>,
    ) -> Result<Response<GetCounselResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let counsel = self.queries.get(&caller, &request.counselor_id, &request.counsel_id).await?;
        Ok(Response::new(GetCounselResponse { counsel: Some(counsel.into()) }))
    }

    async fn create_message(
        &self,
        request: Request<CreateMessageRequest>,
    ) -> Result<Response<CreateMessageResponse>, Status> {
        let caller = Caller::of(&request)?;
        let new = new_message(request.into_inner())?;
        Ok(Response::new(self.commands.create_message(caller, new).await?.into()))
    }

    type StreamMessageStream = ReplyStream;

    async fn stream_message(
        &self,
        request: Request<StreamMessageRequest>,
    ) -> Result<Response<ReplyStream>, Status> {
        let caller = Caller::of(&request)?;
        let Some(message) = request.into_inner().message else {
            return Err(Error::invalid("message", "is required").into());
        };
        let spoken = self.commands.begin_message(caller, new_message(message)?).await?;
        Ok(Response::new(stream::of(spoken)))
    }

    async fn batch_get_messages(
        &self,
        request: Request<BatchGetMessagesRequest>,
    ) -> Result<Response<BatchGetMessagesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let BatchGetMessagesRequest { counsel_id, message_ids } = request.into_inner();
        let mut violations = Violations::default();
        violations.check(message_ids.len() <= MOST_MESSAGES, "message_ids", "must be at most 100");
        violations.into_result()?;
        let counsel = self.queries.own(&caller, &counsel_id).await?;
        let messages = self.queries.messages_by_id(&counsel.id, message_ids).await?;
        let counsel_messages = messages.into_iter().map(Into::into).collect();
        Ok(Response::new(BatchGetMessagesResponse { counsel_messages }))
    }

    async fn list_messages(
        &self,
        request: Request<ListMessagesRequest>,
    ) -> Result<Response<ListMessagesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let counsel = self.queries.get(&caller, &request.counselor_id, &request.counsel_id).await?;
        let direction = if request.newest_first { Direction::NewestFirst } else { Direction::OldestFirst };
        let page = Page::of(request.page)?;
        let Listed { items, next_cursor } = self.queries.messages(&counsel.id, direction, page).await?;
        let counsel_messages = items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListMessagesResponse { counsel_messages, next_cursor }))
    }

    async fn react_to_message(
        &self,
        request: Request<ReactToMessageRequest>,
    ) -> Result<Response<ReactToMessageResponse>, Status> {
        let caller = Caller::of(&request)?;
        let message = self.commands.react(&caller, new_reaction(request.into_inner())?).await?;
        Ok(Response::new(ReactToMessageResponse { counsel_message: Some(message.into()) }))
    }

    async fn get_relationship(
        &self,
        request: Request<GetRelationshipRequest>,
    ) -> Result<Response<GetRelationshipResponse>, Status> {
        let caller = Caller::of(&request)?;
        let id = request.into_inner().counselor_user_relationship_id;
        check_ids(&[("counselor_user_relationship_id", &id)])?;
        let found = relationships::queries::get(&self.database, &caller, &id).await?;
        Ok(Response::new(GetRelationshipResponse { counselor_user_relationship: Some(found.into()) }))
    }

    async fn list_relationships(
        &self,
        request: Request<ListRelationshipsRequest>,
    ) -> Result<Response<ListRelationshipsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let user_id = whose(&caller, request.user_id)?;
        let page = Page::of(request.page)?;
        let counselor_id = request.counselor_id.as_deref();
        let Listed { items, next_cursor } =
            relationships::queries::of_user(&self.database, &user_id, counselor_id, page).await?;
        let counselor_user_relationships = items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListRelationshipsResponse { counselor_user_relationships, next_cursor }))
    }
}

/// Whose things are asked for: the caller's own, or for admins anybody's.
fn whose(caller: &Caller, user_id: Option<String>) -> Result<String, Error> {
    match user_id {
        None => Ok(caller.user_id()?.to_owned()),
        Some(user_id) => {
            caller.require_admin()?;
            check_ids(&[("user_id", &user_id)])?;
            Ok(user_id)
        }
    }
}
