//! `EpisodeService`.

use shared::auth::Caller;
use shared::database::Database;
use shared::page::{Listed, Page};
use shared::proto::v1::episode_service_server::EpisodeService;
use shared::proto::v1::{
    CreateEpisodeRequest, CreateEpisodeResponse, GetEpisodeRequest, GetEpisodeResponse, ListEpisodesRequest,
    ListEpisodesResponse, UpdateEpisodeRequest, UpdateEpisodeResponse,
};
use shared::time::Clock;
use tonic::{Request, Response, Status};

use super::commands::EpisodeCommands;
use super::queries::EpisodeQueries;
use super::translation::{episode_change, new_episode};

/// Answers `EpisodeService`.
pub struct EpisodeGrpc {
    commands: EpisodeCommands,
    queries: EpisodeQueries,
}

impl EpisodeGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: EpisodeCommands::new(database.clone(), clock.clone()),
            queries: EpisodeQueries::new(database.clone()),
        }
    }
}

#[tonic::async_trait]
impl EpisodeService for EpisodeGrpc {
    async fn list_episodes(
        &self,
        request: Request<ListEpisodesRequest>,
    ) -> Result<Response<ListEpisodesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = Page::of(request.page)?;
        let Listed { items, next_cursor } =
            self.queries.of_counselor(&caller, &request.counselor_id, page).await?;
        let episodes = items.into_iter().map(Into::into).collect();
        Ok(Response::new(ListEpisodesResponse { episodes, next_cursor }))
    }

    async fn get_episode(
        &self,
        request: Request<GetEpisodeRequest>,
    ) -> Result<Response<GetEpisodeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let seen = self.queries.get(&caller, &request.counselor_id, &request.episode_id).await?;
        Ok(Response::new(GetEpisodeResponse { episode: Some(seen.into()) }))
    }

    async fn create_episode(
        &self,
        request: Request<CreateEpisodeRequest>,
    ) -> Result<Response<CreateEpisodeResponse>, Status> {
        let request = request.into_inner();
        let counselor_id = request.counselor_id.clone();
        let episode = self.commands.create(&counselor_id, new_episode(request)?).await?;
        Ok(Response::new(CreateEpisodeResponse { episode: Some(episode.into()) }))
    }

    async fn update_episode(
        &self,
        request: Request<UpdateEpisodeRequest>,
    ) -> Result<Response<UpdateEpisodeResponse>, Status> {
        let request = request.into_inner();
        let (counselor_id, id) = (request.counselor_id.clone(), request.episode_id.clone());
        let episode = self.commands.update(&counselor_id, &id, episode_change(request)?).await?;
        Ok(Response::new(UpdateEpisodeResponse { episode: Some(episode.into()) }))
    }
}
