//! `CounselPromptService`: translation only. Admins only.

use shared::Error;
use shared::auth::Caller;
use shared::database::Database;
use shared::labels::stored;
use shared::proto::v1::counsel_prompt_service_server::CounselPromptService;
use shared::proto::v1::{
    self, AiModel, GetActivePromptVersionRequest, GetActivePromptVersionResponse,
    ListCounselTechniquesRequest, ListCounselTechniquesResponse,
};
use tonic::{Request, Response, Status};

use super::entity::{technique, version};
use super::queries::PromptQueries;

/// Answers `CounselPromptService`.
pub struct PromptGrpc {
    queries: PromptQueries,
}

impl PromptGrpc {
    pub fn new(database: &Database) -> Self {
        Self { queries: PromptQueries::new(database.clone()) }
    }
}

#[tonic::async_trait]
impl CounselPromptService for PromptGrpc {
    async fn get_active_prompt_version(
        &self,
        request: Request<GetActivePromptVersionRequest>,
    ) -> Result<Response<GetActivePromptVersionResponse>, Status> {
        Caller::of(&request)?.require_admin()?;
        let version = self.queries.active_version().await?;
        Ok(Response::new(GetActivePromptVersionResponse { prompt_version: Some(version.try_into()?) }))
    }

    async fn list_counsel_techniques(
        &self,
        request: Request<ListCounselTechniquesRequest>,
    ) -> Result<Response<ListCounselTechniquesResponse>, Status> {
        Caller::of(&request)?.require_admin()?;
        let request = request.into_inner();
        let techniques =
            self.queries.techniques(&request.prompt_version_id, request.tone_id.as_deref()).await?;
        let counsel_techniques = techniques.into_iter().map(Into::into).collect();
        Ok(Response::new(ListCounselTechniquesResponse { counsel_techniques }))
    }
}

impl TryFrom<version::Model> for v1::PromptVersion {
    type Error = Error;

    fn try_from(row: version::Model) -> Result<Self, Error> {
        Ok(Self {
            ai_model: stored(&row.ai_model, AiModel::from_str_name)?.into(),
            id: row.id,
            name: row.name,
            description: row.description,
            is_active: row.is_active,
            is_temporary: row.is_temporary,
            is_bookmarked: row.is_bookmarked,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        })
    }
}

impl From<technique::Model> for v1::CounselTechnique {
    fn from(row: technique::Model) -> Self {
        Self {
            id: row.id,
            prompt_version_id: row.prompt_version_id,
            name: row.name,
            tone_id: row.tone_id,
            context: row.context,
            instruction: row.instruction,
            message_threshold: row.message_threshold,
            is_start_technique: row.is_start_technique,
            temperature: row.temperature,
            created_at: Some(row.created_at.into()),
            updated_at: Some(row.updated_at.into()),
            deleted_at: row.deleted_at.map(Into::into),
        }
    }
}
