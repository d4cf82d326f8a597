//! `CounselorService`: translation only.

use shared::database::Database;
use shared::id::check_ids;
use shared::page::{Listed, Page};
use shared::proto::v1::counselor_service_server::CounselorService;
use shared::proto::v1::{
    self, CreateBubbleRequest, CreateBubbleResponse, CreateCounselorRequest, CreateCounselorResponse,
    CreateToneRequest, CreateToneResponse, DeleteBubbleRequest, DeleteBubbleResponse, GetBubbleRequest,
    GetBubbleResponse, GetCounselorRequest, GetCounselorResponse, GetRandomBubbleRequest,
    GetRandomBubbleResponse, GetToneRequest, GetToneResponse, ListBubblesRequest, ListBubblesResponse,
    ListCounselorsRequest, ListCounselorsResponse, ListTonesRequest, ListTonesResponse, UpdateBubbleRequest,
    UpdateBubbleResponse, UpdateCounselorRequest, UpdateCounselorResponse, UpdateToneRequest,
    UpdateToneResponse,
};
use shared::time::Clock;
use tonic::{Request, Response, Status};

use super::commands::CounselorCommands;
use super::queries::CounselorQueries;
use super::translation::{bubble_change, counselor_change, new_bubble, new_counselor, new_tone, tone_change};

/// Answers `CounselorService`. Everybody whom the gateway speaks for may read; admins may change.
pub struct CounselorGrpc {
    commands: CounselorCommands,
    queries: CounselorQueries,
}

impl CounselorGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: CounselorCommands::new(database.clone(), clock.clone()),
            queries: CounselorQueries::new(database.clone()),
        }
    }
}

#[tonic::async_trait]
impl CounselorService for CounselorGrpc {
    async fn list_counselors(
        &self,
        request: Request<ListCounselorsRequest>,
    ) -> Result<Response<ListCounselorsResponse>, Status> {
        let page = Page::of(request.into_inner().page)?;
        let Listed { items, next_cursor } = self.queries.counselors(page).await?;
        let counselors = items.into_iter().map(v1::Counselor::try_from).collect::<Result<_, _>>()?;
        Ok(Response::new(ListCounselorsResponse { counselors, next_cursor }))
    }

    async fn get_counselor(
        &self,
        request: Request<GetCounselorRequest>,
    ) -> Result<Response<GetCounselorResponse>, Status> {
        let counselor = self.queries.counselor(&request.into_inner().counselor_id).await?;
        Ok(Response::new(GetCounselorResponse { counselor: Some(counselor.try_into()?) }))
    }

    async fn list_tones(
        &self,
        request: Request<ListTonesRequest>,
    ) -> Result<Response<ListTonesResponse>, Status> {
        let page = Page::of(request.into_inner().page)?;
        let Listed { items, next_cursor } = self.queries.tones(page).await?;
        let tones = items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListTonesResponse { tones, next_cursor }))
    }

    async fn get_tone(&self, request: Request<GetToneRequest>) -> Result<Response<GetToneResponse>, Status> {
        let tone = self.queries.tone(&request.into_inner().tone_id).await?;
        Ok(Response::new(GetToneResponse { tone: Some(tone.into()) }))
    }

    async fn list_bubbles(
        &self,
        request: Request<ListBubblesRequest>,
    ) -> Result<Response<ListBubblesResponse>, Status> {
        let request = request.into_inner();
        let page = Page::of(request.page)?;
        let Listed { items, next_cursor } = self.queries.bubbles(&request.counselor_id, page).await?;
        let bubbles = items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListBubblesResponse { bubbles, next_cursor }))
    }

    async fn get_bubble(
        &self,
        request: Request<GetBubbleRequest>,
    ) -> Result<Response<GetBubbleResponse>, Status> {
        let request = request.into_inner();
        let bubble = self.queries.bubble(&request.counselor_id, &request.bubble_id).await?;
        Ok(Response::new(GetBubbleResponse { bubble: Some(bubble.into()) }))
    }

    async fn get_random_bubble(
        &self,
        request: Request<GetRandomBubbleRequest>,
    ) -> Result<Response<GetRandomBubbleResponse>, Status> {
        let bubble = self.queries.random_bubble(&request.into_inner().counselor_id).await?;
        Ok(Response::new(GetRandomBubbleResponse { bubble: Some(bubble.into()) }))
    }

    async fn create_counselor(
        &self,
        request: Request<CreateCounselorRequest>,
    ) -> Result<Response<CreateCounselorResponse>, Status> {
        let counselor = self.commands.create_counselor(new_counselor(request.into_inner())?).await?;
        Ok(Response::new(CreateCounselorResponse { counselor: Some(counselor.try_into()?) }))
    }

    async fn update_counselor(
        &self,
        request: Request<UpdateCounselorRequest>,
    ) -> Result<Response<UpdateCounselorResponse>, Status> {
        let (id, change) = counselor_change(request.into_inner())?;
        let counselor = self.commands.update_counselor(&id, change).await?;
        Ok(Response::new(UpdateCounselorResponse { counselor: Some(counselor.try_into()?) }))
    }

    async fn create_tone(
        &self,
        request: Request<CreateToneRequest>,
    ) -> Result<Response<CreateToneResponse>, Status> {
        let tone = self.commands.create_tone(new_tone(&request.into_inner())?).await?;
        Ok(Response::new(CreateToneResponse { tone: Some(tone.into()) }))
    }

    async fn update_tone(
        &self,
        request: Request<UpdateToneRequest>,
    ) -> Result<Response<UpdateToneResponse>, Status> {
        let (id, change) = tone_change(request.into_inner())?;
        let tone = self.commands.update_tone(&id, change).await?;
        Ok(Response::new(UpdateToneResponse { tone: Some(tone.into()) }))
    }

    async fn create_bubble(
        &self,
        request: Request<CreateBubbleRequest>,
    ) -> Result<Response<CreateBubbleResponse>, Status> {
        let request = request.into_inner();
        let new = new_bubble(&request)?;
        let bubble = self.commands.create_bubble(&request.counselor_id, new).await?;
        Ok(Response::new(CreateBubbleResponse { bubble: Some(bubble.into()) }))
    }

    async fn update_bubble(
        &self,
        request: Request<UpdateBubbleRequest>,
    ) -> Result<Response<UpdateBubbleResponse>, Status> {
        let request = request.into_inner();
        let change = bubble_change(&request)?;
        let bubble = self.commands.update_bubble(&request.counselor_id, &request.bubble_id, change).await?;
        Ok(Response::new(UpdateBubbleResponse { bubble: Some(bubble.into()) }))
    }

    async fn delete_bubble(
        &self,
        request: Request<DeleteBubbleRequest>,
    ) -> Result<Response<DeleteBubbleResponse>, Status> {
        let DeleteBubbleRequest { counselor_id, bubble_id } = request.into_inner();
        check_ids(&[("counselor_id", &counselor_id), ("bubble_id", &bubble_id)])?;
        self.commands.delete_bubble(&counselor_id, &bubble_id).await?;
        Ok(Response::new(DeleteBubbleResponse {}))
    }
}
