//! Where an admin writes prompts.

use shared::id::new_id;
use shared::proto::v1::counsel_prompt_service_client::CounselPromptServiceClient;
use shared::proto::v1::*;
use tonic::Status;
use tonic::transport::Channel;

use crate::world::{Calls, World, admin};

/// The calls of an admin, with what is always the same filled in.
#[derive(Clone)]
pub struct Desk(pub CounselPromptServiceClient<Channel>);

/// Everything that a version consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    pub persona_prompts: Vec<PersonaPrompt>,
    pub tone_prompts: Vec<TonePrompt>,
    pub techniques: Vec<CounselTechnique>,
    pub rules: Vec<CounselTechniqueTransitionRule>,
}

impl Desk {
    pub fn of(world: &World) -> Self {
        Self::at(world.calls())
    }

    pub fn at(calls: &Calls) -> Self {
        Self(calls.prompts())
    }

    pub async fn draft(&self) -> PromptVersion {
        let request = admin(GetTemporaryPromptVersionRequest {});
        let response = self.0.clone().get_temporary_prompt_version(request).await.unwrap();
        response.into_inner().prompt_version.unwrap()
    }

    pub async fn get(&self, id: &str) -> Result<PromptVersion, Status> {
        let request = GetPromptVersionRequest { prompt_version_id: id.to_owned() };
        let response = self.0.clone().get_prompt_version(admin(request)).await?;
        Ok(response.into_inner().prompt_version.unwrap())
    }

    /// The names of the saved versions, newest first.
    pub async fn names(&self, request: ListPromptVersionsRequest) -> Vec<String> {
        let response = self.0.clone().list_prompt_versions(admin(request)).await.unwrap();
        response.into_inner().prompt_versions.into_iter().map(|version| version.name).collect()
    }

    pub async fn update(&self, request: UpdatePromptVersionRequest) -> Result<PromptVersion, Status> {
        let response = self.0.clone().update_prompt_version(admin(request)).await?;
        Ok(response.into_inner().prompt_version.unwrap())
    }

    pub async fn delete(&self, id: &str) -> Result<DeletePromptVersionResponse, Status> {
        let request = DeletePromptVersionRequest { prompt_version_id: id.to_owned() };
        Ok(self.0.clone().delete_prompt_version(admin(request)).await?.into_inner())
    }

    pub async fn clone_version(&self, id: &str) -> Result<PromptVersion, Status> {
        let request = CloneToTemporaryPromptVersionRequest { prompt_version_id: id.to_owned() };
        let response = self.0.clone().clone_to_temporary_prompt_version(admin(request)).await?;
        Ok(response.into_inner().prompt_version.unwrap())
    }

    /// The draft becomes a saved version with this name.
    pub async fn save(&self, name: &str) -> Result<PromptVersion, Status> {
        let request = SaveTemporaryPromptVersionRequest {
            name: name.to_owned(),
            description: format!("about {name}"),
            is_bookmarked: false,
            ai_model: AiModel::Gpt5Mini.into(),
        };
        let response = self.0.clone().save_temporary_prompt_version(admin(request)).await?;
        Ok(response.into_inner().prompt_version.unwrap())
    }

    pub async fn activate(&self, id: &str) -> Result<PromptVersion, Status> {
        let request = ActivatePromptVersionRequest { prompt_version_id: id.to_owned() };
        let response = self.0.clone().activate_prompt_version(admin(request)).await?;
        Ok(response.into_inner().prompt_version.unwrap())
    }

    /// When versions were activated, newest first.
    pub async fn histories(&self, version_id: Option<&str>) -> Vec<PromptActivateHistory> {
        let request = ListPromptActivateHistoriesRequest {
            prompt_version_id: version_id.map(ToOwned::to_owned),
            page: None,
        };
        let response = self.0.clone().list_prompt_activate_histories(admin(request)).await.unwrap();
        response.into_inner().prompt_activate_histories
    }

    pub async fn persona(&self, counselor_id: &str, body: &str) -> Result<PersonaPrompt, Status> {
        let request =
            UpsertPersonaPromptRequest { counselor_id: counselor_id.to_owned(), body: body.to_owned() };
        let response = self.0.clone().upsert_persona_prompt(admin(request)).await?;
        Ok(response.into_inner().persona_prompt.unwrap())
    }

    pub async fn tone(&self, tone_id: &str, body: &str) -> Result<TonePrompt, Status> {
        let request = UpsertTonePromptRequest { tone_id: tone_id.to_owned(), body: body.to_owned() };
        let response = self.0.clone().upsert_tone_prompt(admin(request)).await?;
        Ok(response.into_inner().tone_prompt.unwrap())
    }

    pub async fn add_technique(
        &self,
        request: CreateCounselTechniqueRequest,
    ) -> Result<CounselTechnique, Status> {
        let response = self.0.clone().create_counsel_technique(admin(request)).await?;
        Ok(response.into_inner().counsel_technique.unwrap())
    }

    pub async fn change_technique(
        &self,
        request: UpdateCounselTechniqueRequest,
    ) -> Result<CounselTechnique, Status> {
        let response = self.0.clone().update_counsel_technique(admin(request)).await?;
        Ok(response.into_inner().counsel_technique.unwrap())
    }

    pub async fn add_rule(
        &self,
        request: CreateCounselTechniqueTransitionRuleRequest,
    ) -> Result<CounselTechniqueTransitionRule, Status> {
        let response = self.0.clone().create_counsel_technique_transition_rule(admin(request)).await?;
        Ok(response.into_inner().counsel_technique_transition_rule.unwrap())
    }

    pub async fn change_rule(
        &self,
        request: UpdateCounselTechniqueTransitionRuleRequest,
    ) -> Result<CounselTechniqueTransitionRule, Status> {
        let response = self.0.clone().update_counsel_technique_transition_rule(admin(request)).await?;
        Ok(response.into_inner().counsel_technique_transition_rule.unwrap())
    }

    pub async fn rule(&self, id: &str) -> Result<CounselTechniqueTransitionRule, Status> {
        let request =
            GetCounselTechniqueTransitionRuleRequest { counsel_technique_transition_rule_id: id.to_owned() };
        let response = self.0.clone().get_counsel_technique_transition_rule(admin(request)).await?;
        Ok(response.into_inner().counsel_technique_transition_rule.unwrap())
    }

    pub async fn delete_rule(
        &self,
        id: &str,
    ) -> Result<DeleteCounselTechniqueTransitionRuleResponse, Status> {
        let request = DeleteCounselTechniqueTransitionRuleRequest {
            counsel_technique_transition_rule_id: id.to_owned(),
        };
        Ok(self.0.clone().delete_counsel_technique_transition_rule(admin(request)).await?.into_inner())
    }

    pub async fn techniques(&self, version_id: &str, tone_id: Option<&str>) -> Vec<CounselTechnique> {
        let request = ListCounselTechniquesRequest {
            prompt_version_id: version_id.to_owned(),
            tone_id: tone_id.map(ToOwned::to_owned),
            page: None,
        };
        let response = self.0.clone().list_counsel_techniques(admin(request)).await.unwrap();
        response.into_inner().counsel_techniques
    }

    pub async fn rules(
        &self,
        version_id: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Vec<CounselTechniqueTransitionRule> {
        let request = ListCounselTechniqueTransitionRulesRequest {
            prompt_version_id: version_id.to_owned(),
            from_counsel_technique_id: from.map(ToOwned::to_owned),
            to_counsel_technique_id: to.map(ToOwned::to_owned),
            page: None,
        };
        let response = self.0.clone().list_counsel_technique_transition_rules(admin(request)).await.unwrap();
        response.into_inner().counsel_technique_transition_rules
    }

    /// Everything that a version consists of.
    pub async fn graph(&self, version_id: &str) -> Graph {
        let persona_prompts =
            ListPersonaPromptsRequest { prompt_version_id: version_id.to_owned(), ..Default::default() };
        let persona_prompts = self.0.clone().list_persona_prompts(admin(persona_prompts)).await.unwrap();
        let tone_prompts =
            ListTonePromptsRequest { prompt_version_id: version_id.to_owned(), ..Default::default() };
        let tone_prompts = self.0.clone().list_tone_prompts(admin(tone_prompts)).await.unwrap();
        Graph {
            persona_prompts: persona_prompts.into_inner().persona_prompts,
            tone_prompts: tone_prompts.into_inner().tone_prompts,
            techniques: self.techniques(version_id, None).await,
            rules: self.rules(version_id, None, None).await,
        }
    }
}

/// A new technique of a tone.
pub fn technique(tone_id: &str, name: &str) -> CreateCounselTechniqueRequest {
    CreateCounselTechniqueRequest {
        counsel_technique_id: new_id(),
        name: name.to_owned(),
        tone_id: tone_id.to_owned(),
        context: "when it fits".to_owned(),
        instruction: "listen".to_owned(),
        message_threshold: 2,
        temperature: 0.5,
        is_start_technique: None,
    }
}

/// A new rule between two techniques.
pub fn new_rule(
    from: &CounselTechnique,
    to: &CounselTechnique,
    conditions: TransitionConditions,
) -> CreateCounselTechniqueTransitionRuleRequest {
    CreateCounselTechniqueTransitionRuleRequest {
        counsel_technique_transition_rule_id: new_id(),
        prompt_version_id: from.prompt_version_id.clone(),
        from_counsel_technique_id: from.id.clone(),
        to_counsel_technique_id: to.id.clone(),
        priority: 3,
        conditions: Some(conditions),
    }
}

/// A change that changes nothing yet.
pub fn technique_change(id: &str) -> UpdateCounselTechniqueRequest {
    UpdateCounselTechniqueRequest { counsel_technique_id: id.to_owned(), ..Default::default() }
}

/// A change that changes nothing yet.
pub fn rule_change(id: &str) -> UpdateCounselTechniqueTransitionRuleRequest {
    UpdateCounselTechniqueTransitionRuleRequest {
        counsel_technique_transition_rule_id: id.to_owned(),
        ..Default::default()
    }
}
