//! Who may call what. What is not listed is refused to everybody; whose a thing is, its handler asks.

use shared::grpc::Rule;
use shared::grpc::Who::{Admin, Anybody};

/// Every method of this service.
pub const RULES: &[Rule] = &[
    ("/hearlers.v1.CounselorService/ListCounselors", Anybody),
    ("/hearlers.v1.CounselorService/GetCounselor", Anybody),
    ("/hearlers.v1.CounselorService/ListTones", Anybody),
    ("/hearlers.v1.CounselorService/GetTone", Anybody),
    ("/hearlers.v1.CounselorService/ListBubbles", Anybody),
    ("/hearlers.v1.CounselorService/GetBubble", Anybody),
    ("/hearlers.v1.CounselorService/GetRandomBubble", Anybody),
    ("/hearlers.v1.CounselorService/CreateCounselor", Admin),
    ("/hearlers.v1.CounselorService/UpdateCounselor", Admin),
    ("/hearlers.v1.CounselorService/CreateTone", Admin),
    ("/hearlers.v1.CounselorService/UpdateTone", Admin),
    ("/hearlers.v1.CounselorService/CreateBubble", Admin),
    ("/hearlers.v1.CounselorService/UpdateBubble", Admin),
    ("/hearlers.v1.CounselorService/DeleteBubble", Admin),
    ("/hearlers.v1.EpisodeService/ListEpisodes", Anybody),
    ("/hearlers.v1.EpisodeService/GetEpisode", Anybody),
    ("/hearlers.v1.EpisodeService/CreateEpisode", Admin),
    ("/hearlers.v1.EpisodeService/UpdateEpisode", Admin),
    ("/hearlers.v1.CounselService/CreateCounsel", Anybody),
    ("/hearlers.v1.CounselService/ListCounsels", Anybody),
    ("/hearlers.v1.CounselService/GetCounsel", Anybody),
    ("/hearlers.v1.CounselService/CreateMessage", Anybody),
    ("/hearlers.v1.CounselService/StreamMessage", Anybody),
    ("/hearlers.v1.CounselService/BatchGetMessages", Anybody),
    ("/hearlers.v1.CounselService/ListMessages", Anybody),
    ("/hearlers.v1.CounselService/ReactToMessage", Anybody),
    ("/hearlers.v1.CounselService/GetRelationship", Anybody),
    ("/hearlers.v1.CounselService/ListRelationships", Anybody),
    ("/hearlers.v1.CounselPromptService/ListPromptVersions", Admin),
    ("/hearlers.v1.CounselPromptService/GetPromptVersion", Admin),
    ("/hearlers.v1.CounselPromptService/GetActivePromptVersion", Admin),
    ("/hearlers.v1.CounselPromptService/GetTemporaryPromptVersion", Admin),
    ("/hearlers.v1.CounselPromptService/UpdatePromptVersion", Admin),
    ("/hearlers.v1.CounselPromptService/DeletePromptVersion", Admin),
    ("/hearlers.v1.CounselPromptService/CloneToTemporaryPromptVersion", Admin),
    ("/hearlers.v1.CounselPromptService/SaveTemporaryPromptVersion", Admin),
    ("/hearlers.v1.CounselPromptService/ActivatePromptVersion", Admin),
    ("/hearlers.v1.CounselPromptService/ListPromptActivateHistories", Admin),
    ("/hearlers.v1.CounselPromptService/ListPersonaPrompts", Admin),
    ("/hearlers.v1.CounselPromptService/GetPersonaPrompt", Admin),
    ("/hearlers.v1.CounselPromptService/UpsertPersonaPrompt", Admin),
    ("/hearlers.v1.CounselPromptService/ListTonePrompts", Admin),
    ("/hearlers.v1.CounselPromptService/GetTonePrompt", Admin),
    ("/hearlers.v1.CounselPromptService/UpsertTonePrompt", Admin),
    ("/hearlers.v1.CounselPromptService/ListCounselTechniques", Admin),
    ("/hearlers.v1.CounselPromptService/GetCounselTechnique", Admin),
    ("/hearlers.v1.CounselPromptService/CreateCounselTechnique", Admin),
    ("/hearlers.v1.CounselPromptService/UpdateCounselTechnique", Admin),
    ("/hearlers.v1.CounselPromptService/ListCounselTechniqueTransitionRules", Admin),
    ("/hearlers.v1.CounselPromptService/GetCounselTechniqueTransitionRule", Admin),
    ("/hearlers.v1.CounselPromptService/CreateCounselTechniqueTransitionRule", Admin),
    ("/hearlers.v1.CounselPromptService/UpdateCounselTechniqueTransitionRule", Admin),
    ("/hearlers.v1.CounselPromptService/DeleteCounselTechniqueTransitionRule", Admin),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_rule() {
        shared::grpc::check_rules(
            RULES,
            &["CounselorService", "EpisodeService", "CounselService", "CounselPromptService"],
        );
    }
}
