//! `CounselorService`: translation only.

use shared::Error;
use shared::database::Database;
use shared::labels::stored;
use shared::proto::v1::counselor_service_server::CounselorService;
use shared::proto::v1::{
    self, CounselorGender, GetBubbleRequest, GetBubbleResponse, GetCounselorRequest, GetCounselorResponse,
    GetRandomBubbleRequest, GetRandomBubbleResponse, GetToneRequest, GetToneResponse, ListBubblesRequest,
    ListBubblesResponse, ListCounselorsRequest, ListCounselorsResponse, ListTonesRequest, ListTonesResponse,
};
use tonic::{Request, Response, Status};

use super::entity::{bubble, counselor, tone};
use super::queries::CounselorQueries;

/// Answers `CounselorService`. Everybody whom the gateway speaks for may read.
pub struct CounselorGrpc {
    queries: CounselorQueries,
}

impl CounselorGrpc {
    pub fn new(database: &Database) -> Self {
        Self { queries: CounselorQueries::new(database.clone()) }
    }
}

#[tonic::async_trait]
impl CounselorService for CounselorGrpc {
    async fn list_counselors(
        &self,
        _: Request<ListCounselorsRequest>,
    ) -> Result<Response<ListCounselorsResponse>, Status> {
        let counselors = self.queries.counselors().await?;
        let counselors = counselors.into_iter().map(v1::Counselor::try_from).collect::<Result<_, _>>()?;
        Ok(Response::new(ListCounselorsResponse { counselors }))
    }

    async fn get_counselor(
        &self,
        request: Request<GetCounselorRequest>,
    ) -> Result<Response<GetCounselorResponse>, Status> {
        let counselor = self.queries.counselor(&request.into_inner().counselor_id).await?;
        Ok(Response::new(GetCounselorResponse { counselor: Some(counselor.try_into()?) }))
    }

    async fn list_tones(&self, _: Request<ListTonesRequest>) -> Result<Response<ListTonesResponse>, Status> {
        let tones = self.queries.tones().await?.into_iter().map(Into::into).collect();
        Ok(Response::new(ListTonesResponse { tones }))
    }

    async fn get_tone(&self, request: Request<GetToneRequest>) -> Result<Response<GetToneResponse>, Status> {
        let tone = self.queries.tone(&request.into_inner().tone_id).await?;
        Ok(Response::new(GetToneResponse { tone: Some(tone.into()) }))
    }

    async fn list_bubbles(
        &self,
        request: Request<ListBubblesRequest>,
    ) -> Result<Response<ListBubblesResponse>, Status> {
        let bubbles = self.queries.bubbles(&request.into_inner().counselor_id).await?;
        Ok(Response::new(ListBubblesResponse { bubbles: bubbles.into_iter().map(Into::into).collect() }))
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
}

impl TryFrom<counselor::Model> for v1::Counselor {
    type Error = Error;

    fn try_from(row: counselor::Model) -> Result<Self, Error> {
        Ok(Self {
            gender: stored(&row.gender, CounselorGender::from_str_name)?.into(),
            id: row.id,
            tone_id: row.tone_id,
            name: row.name,
            description: row.description,
            profile_image: row.profile_image,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        })
    }
}

impl From<tone::Model> for v1::Tone {
    fn from(row: tone::Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            description: row.description,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        }
    }
}

impl From<bubble::Model> for v1::Bubble {
    fn from(row: bubble::Model) -> Self {
        Self {
            id: row.id,
            counselor_id: row.counselor_id,
            question: row.question,
            response_option1: row.response_option1,
            response_option2: row.response_option2,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        }
    }
}
