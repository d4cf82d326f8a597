//! `CounselPromptService`: translation only. Admins only.

mod answers;
mod requests;

use shared::database::Database;
use shared::proto::v1::counsel_prompt_service_server::CounselPromptService;
use shared::proto::v1::*;
use shared::time::Clock;
use tonic::{Request, Response, Status};

use super::commands::PromptCommands;
use super::domain;
use super::queries::PromptQueries;
use answers::all;

/// Answers `CounselPromptService`.
pub struct PromptGrpc {
    commands: PromptCommands,
    queries: PromptQueries,
}

impl PromptGrpc {
    pub fn new(database: &Database, clock: &Clock) -> Self {
        Self {
            commands: PromptCommands::new(database.clone(), clock.clone()),
            queries: PromptQueries::new(database.clone()),
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(message: T) -> Answer<T> {
    Ok(Response::new(message))
}

#[tonic::async_trait]
impl CounselPromptService for PromptGrpc {
    async fn list_prompt_versions(
        &self,
        request: Request<ListPromptVersionsRequest>,
    ) -> Answer<ListPromptVersionsResponse> {
        let (which, page) = requests::versions(request.into_inner())?;
        let listed = self.queries.versions(which, page).await?;
        answer(ListPromptVersionsResponse {
            prompt_versions: all(listed.items),
            next_cursor: listed.next_cursor,
        })
    }

    async fn get_prompt_version(
        &self,
        request: Request<GetPromptVersionRequest>,
    ) -> Answer<GetPromptVersionResponse> {
        let id = requests::id("prompt_version_id", request.into_inner().prompt_version_id)?;
        let version = domain::PromptVersion::try_from(self.queries.existing_version(&id).await?)?;
        answer(GetPromptVersionResponse { prompt_version: Some(version.into()) })
    }

    async fn get_active_prompt_version(
        &self,
        request: Request<GetActivePromptVersionRequest>,
    ) -> Answer<GetActivePromptVersionResponse> {
        request.into_inner();
        let version = domain::PromptVersion::try_from(self.queries.active_version().await?)?;
        answer(GetActivePromptVersionResponse { prompt_version: Some(version.into()) })
    }

    async fn get_temporary_prompt_version(
        &self,
        request: Request<GetTemporaryPromptVersionRequest>,
    ) -> Answer<GetTemporaryPromptVersionResponse> {
        request.into_inner();
        let draft = match self.queries.draft().await? {
            Some(draft) => draft,
            None => self.commands.draft().await?,
        };
        answer(GetTemporaryPromptVersionResponse { prompt_version: Some(draft.into()) })
    }

    async fn update_prompt_version(
        &self,
        request: Request<UpdatePromptVersionRequest>,
    ) -> Answer<UpdatePromptVersionResponse> {
        let (id, change) = requests::version_change(request.into_inner())?;
        let version = self.commands.update_version(&id, change).await?;
        answer(UpdatePromptVersionResponse { prompt_version: Some(version.into()) })
    }

    async fn delete_prompt_version(
        &self,
        request: Request<DeletePromptVersionRequest>,
    ) -> Answer<DeletePromptVersionResponse> {
        let id = requests::id("prompt_version_id", request.into_inner().prompt_version_id)?;
        self.commands.delete_version(&id).await?;
        answer(DeletePromptVersionResponse {})
    }

    async fn clone_to_temporary_prompt_version(
        &self,
        request: Request<CloneToTemporaryPromptVersionRequest>,
    ) -> Answer<CloneToTemporaryPromptVersionResponse> {
        let id = requests::id("prompt_version_id", request.into_inner().prompt_version_id)?;
        let draft = self.commands.clone_to_draft(&id).await?;
        answer(CloneToTemporaryPromptVersionResponse { prompt_version: Some(draft.into()) })
    }

    async fn save_temporary_prompt_version(
        &self,
        request: Request<SaveTemporaryPromptVersionRequest>,
    ) -> Answer<SaveTemporaryPromptVersionResponse> {
        let change = requests::saved_version(request.into_inner())?;
        let version = self.commands.save_draft(change).await?;
        answer(SaveTemporaryPromptVersionResponse { prompt_version: Some(version.into()) })
    }

    async fn activate_prompt_version(
        &self,
        request: Request<ActivatePromptVersionRequest>,
    ) -> Answer<ActivatePromptVersionResponse> {
        let id = requests::id("prompt_version_id", request.into_inner().prompt_version_id)?;
        let version = self.commands.activate(&id).await.map_err(answers::not_activated)?;
        answer(ActivatePromptVersionResponse { prompt_version: Some(version.into()) })
    }

    async fn list_prompt_activate_histories(
        &self,
        request: Request<ListPromptActivateHistoriesRequest>,
    ) -> Answer<ListPromptActivateHistoriesResponse> {
        let (version_id, page) = requests::histories(request.into_inner())?;
        let listed = self.queries.activate_histories(version_id, page).await?;
        answer(ListPromptActivateHistoriesResponse {
            prompt_activate_histories: all(listed.items),
            next_cursor: listed.next_cursor,
        })
    }

    async fn list_persona_prompts(
        &self,
        request: Request<ListPersonaPromptsRequest>,
    ) -> Answer<ListPersonaPromptsResponse> {
        let request = request.into_inner();
        let (version_id, counselor_id, page) = requests::of_version(
            request.prompt_version_id,
            ("counselor_id", request.counselor_id),
            request.page,
        )?;
        let listed = self.queries.persona_prompts(&version_id, counselor_id, page).await?;
        answer(ListPersonaPromptsResponse {
            persona_prompts: all(listed.items),
            next_cursor: listed.next_cursor,
        })
    }

    async fn get_persona_prompt(
        &self,
        request: Request<GetPersonaPromptRequest>,
    ) -> Answer<GetPersonaPromptResponse> {
        let id = requests::id("persona_prompt_id", request.into_inner().persona_prompt_id)?;
        let prompt = self.queries.one_persona_prompt(&id).await?;
        answer(GetPersonaPromptResponse { persona_prompt: Some(prompt.into()) })
    }

    async fn upsert_persona_prompt(
        &self,
        request: Request<UpsertPersonaPromptRequest>,
    ) -> Answer<UpsertPersonaPromptResponse> {
        let request = request.into_inner();
        let (counselor_id, body) = requests::prompt("counselor_id", request.counselor_id, &request.body)?;
        let prompt = self.commands.upsert_persona_prompt(counselor_id, body).await?;
        answer(UpsertPersonaPromptResponse { persona_prompt: Some(prompt.into()) })
    }

    async fn list_tone_prompts(
        &self,
        request: Request<ListTonePromptsRequest>,
    ) -> Answer<ListTonePromptsResponse> {
        let request = request.into_inner();
        let (version_id, tone_id, page) =
            requests::of_version(request.prompt_version_id, ("tone_id", request.tone_id), request.page)?;
        let listed = self.queries.tone_prompts(&version_id, tone_id, page).await?;
        answer(ListTonePromptsResponse { tone_prompts: all(listed.items), next_cursor: listed.next_cursor })
    }

    async fn get_tone_prompt(&self, request: Request<GetTonePromptRequest>) -> Answer<GetTonePromptResponse> {
        let id = requests::id("tone_prompt_id", request.into_inner().tone_prompt_id)?;
        let prompt = self.queries.one_tone_prompt(&id).await?;
        answer(GetTonePromptResponse { tone_prompt: Some(prompt.into()) })
    }

    async fn upsert_tone_prompt(
        &self,
        request: Request<UpsertTonePromptRequest>,
    ) -> Answer<UpsertTonePromptResponse> {
        let request = request.into_inner();
        let (tone_id, body) = requests::prompt("tone_id", request.tone_id, &request.body)?;
        let prompt = self.commands.upsert_tone_prompt(tone_id, body).await?;
        answer(UpsertTonePromptResponse { tone_prompt: Some(prompt.into()) })
    }

    async fn list_counsel_techniques(
        &self,
        request: Request<ListCounselTechniquesRequest>,
    ) -> Answer<ListCounselTechniquesResponse> {
        let request = request.into_inner();
        let (version_id, tone_id, page) =
            requests::of_version(request.prompt_version_id, ("tone_id", request.tone_id), request.page)?;
        let listed = self.queries.techniques(&version_id, tone_id, page).await?;
        answer(ListCounselTechniquesResponse {
            counsel_techniques: all(listed.items),
            next_cursor: listed.next_cursor,
        })
    }

    async fn get_counsel_technique(
        &self,
        request: Request<GetCounselTechniqueRequest>,
    ) -> Answer<GetCounselTechniqueResponse> {
        let id = requests::id("counsel_technique_id", request.into_inner().counsel_technique_id)?;
        let technique = self.queries.existing_technique(&id).await?;
        answer(GetCounselTechniqueResponse { counsel_technique: Some(technique.into()) })
    }

    async fn create_counsel_technique(
        &self,
        request: Request<CreateCounselTechniqueRequest>,
    ) -> Answer<CreateCounselTechniqueResponse> {
        let new = requests::new_technique(request.into_inner())?;
        let technique = self.commands.create_technique(new).await?;
        answer(CreateCounselTechniqueResponse { counsel_technique: Some(technique.into()) })
    }

    async fn update_counsel_technique(
        &self,
        request: Request<UpdateCounselTechniqueRequest>,
    ) -> Answer<UpdateCounselTechniqueResponse> {
        let (id, change) = requests::technique_change(request.into_inner())?;
        let technique = self.commands.update_technique(&id, change).await?;
        answer(UpdateCounselTechniqueResponse { counsel_technique: Some(technique.into()) })
    }

    async fn list_counsel_technique_transition_rules(
        &self,
        request: Request<ListCounselTechniqueTransitionRulesRequest>,
    ) -> Answer<ListCounselTechniqueTransitionRulesResponse> {
        let (which, page) = requests::rules(request.into_inner())?;
        let listed = self.queries.rules(which, page).await?;
        answer(ListCounselTechniqueTransitionRulesResponse {
            counsel_technique_transition_rules: all(listed.items),
            next_cursor: listed.next_cursor,
        })
    }

    async fn get_counsel_technique_transition_rule(
        &self,
        request: Request<GetCounselTechniqueTransitionRuleRequest>,
    ) -> Answer<GetCounselTechniqueTransitionRuleResponse> {
        let id = request.into_inner().counsel_technique_transition_rule_id;
        let id = requests::id("counsel_technique_transition_rule_id", id)?;
        let rule = self.queries.rule(&id).await?;
        answer(GetCounselTechniqueTransitionRuleResponse {
            counsel_technique_transition_rule: Some(rule.into()),
        })
    }

    async fn create_counsel_technique_transition_rule(
        &self,
        request: Request<CreateCounselTechniqueTransitionRuleRequest>,
    ) -> Answer<CreateCounselTechniqueTransitionRuleResponse> {
        let new = requests::new_rule(request.into_inner())?;
        let rule = self.commands.create_rule(new).await?;
        answer(CreateCounselTechniqueTransitionRuleResponse {
            counsel_technique_transition_rule: Some(rule.into()),
        })
    }

    async fn update_counsel_technique_transition_rule(
        &self,
        request: Request<UpdateCounselTechniqueTransitionRuleRequest>,
    ) -> Answer<UpdateCounselTechniqueTransitionRuleResponse> {
        let (id, change) = requests::rule_change(request.into_inner())?;
        let rule = self.commands.update_rule(&id, change).await?;
        answer(UpdateCounselTechniqueTransitionRuleResponse {
            counsel_technique_transition_rule: Some(rule.into()),
        })
    }

    async fn delete_counsel_technique_transition_rule(
        &self,
        request: Request<DeleteCounselTechniqueTransitionRuleRequest>,
    ) -> Answer<DeleteCounselTechniqueTransitionRuleResponse> {
        let id = request.into_inner().counsel_technique_transition_rule_id;
        let id = requests::id("counsel_technique_transition_rule_id", id)?;
        self.commands.delete_rule(&id).await?;
        answer(DeleteCounselTechniqueTransitionRuleResponse {})
    }
}
