//! `CounselService`: translation only.

use shared::auth::Caller;
use shared::database::Database;
use shared::id::check_id;
use shared::labels::known;
use shared::proto::v1::counsel_service_server::CounselService;
use shared::proto::v1::{
    self, BubbleResponse, CreateCounselRequest, CreateCounselResponse, CreateMessageRequest,
    CreateMessageResponse, GetCounselRequest, GetCounselResponse, ListCounselsRequest, ListCounselsResponse,
    ListMessagesRequest, ListMessagesResponse, ListRelationshipsRequest, ListRelationshipsResponse,
    ReactToMessageRequest, ReactToMessageResponse,
};
use shared::{Error, Violations};
use tonic::{Request, Response, Status};

use super::commands::{BubbleAnswer, CounselCommands, NewCounsel, NewMessage, NewReaction, ResponseOption};
use super::domain::{Author, Counsel, Message, check_text};
use super::queries::CounselQueries;
use crate::relationships;

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
        let counselor_id = request.into_inner().counselor_id;
        let counsels = self.queries.of_user(caller.user_id()?, counselor_id.as_deref()).await?;
        Ok(Response::new(ListCounselsResponse { counsels: counsels.into_iter().map(Into::into).collect() }))
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
        let pair = self.commands.create_message(caller, new).await?;
        Ok(Response::new(CreateMessageResponse {
            created_counsel_message: Some(pair.message.into()),
            counselor_response_message: Some(pair.reply.into()),
        }))
    }

    async fn list_messages(
        &self,
        request: Request<ListMessagesRequest>,
    ) -> Result<Response<ListMessagesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let counsel = self.queries.get(&caller, &request.counselor_id, &request.counsel_id).await?;
        let messages = self.queries.messages(&counsel.id).await?;
        let counsel_messages = messages.into_iter().map(Into::into).collect();
        Ok(Response::new(ListMessagesResponse { counsel_messages }))
    }

    async fn react_to_message(
        &self,
        request: Request<ReactToMessageRequest>,
    ) -> Result<Response<ReactToMessageResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let kind = known(request.reaction, "reaction", &mut violations);
        violations.into_result()?;
        let kind = kind.ok_or_else(|| Error::internal("a label without a violation is known"))?;
        let ReactToMessageRequest { counselor_id, counsel_id, message_id, .. } = request;
        let new = NewReaction { counselor_id, counsel_id, message_id, kind };
        let message = self.commands.react(&caller, new).await?;
        Ok(Response::new(ReactToMessageResponse { counsel_message: Some(message.into()) }))
    }

    async fn list_relationships(
        &self,
        request: Request<ListRelationshipsRequest>,
    ) -> Result<Response<ListRelationshipsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let counselor_id = request.into_inner().counselor_id;
        let found =
            relationships::queries::of_user(&self.database, caller.user_id()?, counselor_id.as_deref())
                .await?;
        let counselor_user_relationships = found.into_iter().map(Into::into).collect();
        Ok(Response::new(ListRelationshipsResponse { counselor_user_relationships }))
    }
}

fn new_counsel(request: CreateCounselRequest) -> Result<NewCounsel, Error> {
    let mut violations = Violations::default();
    check_id("counsel_id", &request.counsel_id, &mut violations);
    check_id("counselor_id", &request.counselor_id, &mut violations);
    let bubble_answer = request.bubble_response.and_then(|response| bubble_answer(response, &mut violations));
    if let Some(version_id) = &request.prompt_version_id {
        check_id("prompt_version_id", version_id, &mut violations);
    }
    violations.into_result()?;
    Ok(NewCounsel {
        counsel_id: request.counsel_id,
        counselor_id: request.counselor_id,
        bubble_answer,
        prompt_version_id: request.prompt_version_id,
    })
}

fn bubble_answer(response: BubbleResponse, violations: &mut Violations) -> Option<BubbleAnswer> {
    let BubbleResponse { bubble_id, response_option_no } = response;
    check_id("bubble_id", &bubble_id, violations);
    let option = match response_option_no {
        1 => ResponseOption::First,
        2 => ResponseOption::Second,
        _ => {
            violations.add("response_option_no", "must be 1 or 2");
            return None;
        }
    };
    Some(BubbleAnswer { bubble_id, option })
}

fn new_message(request: CreateMessageRequest) -> Result<NewMessage, Error> {
    let mut violations = Violations::default();
    check_id("reservation_id", &request.reservation_id, &mut violations);
    let text = check_text(&request.message, &mut violations);
    violations.into_result()?;
    Ok(NewMessage {
        counselor_id: request.counselor_id,
        counsel_id: request.counsel_id,
        text,
        reservation_id: request.reservation_id,
    })
}

impl From<Counsel> for v1::Counsel {
    fn from(counsel: Counsel) -> Self {
        Self {
            id: counsel.id,
            counselor_id: counsel.counselor_id,
            user_id: counsel.user_id,
            last_message: counsel.last_message,
            last_chatted_at: counsel.last_chatted_at.map(Into::into),
            prompt_version_id: counsel.prompt_version_id,
            counsel_technique_id: counsel.technique_id,
            counselor_user_relationship_id: counsel.relationship_id,
            created_at: Some(counsel.created_at.into()),
            updated_at: Some(counsel.updated_at.into()),
            deleted_at: None,
        }
    }
}

impl From<Message> for v1::CounselMessage {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            counsel_id: message.counsel_id,
            message: message.text,
            is_user_message: matches!(message.author, Author::User { .. }),
            reacted_at: message.reaction.map(|reaction| reaction.at.into()),
            reaction: message.reaction.map(|reaction| reaction.kind.into()),
            counsel_technique_id: message.technique_id,
            created_at: Some(message.created_at.into()),
            updated_at: Some(message.updated_at.into()),
            deleted_at: None,
        }
    }
}

impl From<relationships::entity::Model> for v1::CounselorUserRelationship {
    fn from(row: relationships::entity::Model) -> Self {
        Self {
            id: row.id,
            counselor_id: row.counselor_id,
            user_id: row.user_id,
            rapport: row.rapport,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        }
    }
}
