//! The content that the product begins with, as `content/seed/seed.toml` holds it.

use serde::Deserialize;

const SEED: &str = include_str!("../../content/seed/seed.toml");

/// Everything that is planted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedContent {
    pub prompt_version: PromptVersion,
    pub tones: Vec<Tone>,
    pub counselors: Vec<Counselor>,
}

/// The version that is active from the beginning.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptVersion {
    pub id: String,
    pub name: String,
    pub description: String,
    pub ai_model: String,
}

/// A tone, with its prompt and its techniques in their order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tone {
    pub id: String,
    pub name: String,
    pub description: String,
    pub prompt_id: String,
    pub prompt: String,
    pub techniques: Vec<Technique>,
}

/// A technique, with the rules that lead away from it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technique {
    pub id: String,
    pub name: String,
    pub context: String,
    pub instruction: String,
    pub message_threshold: i32,
    pub is_start_technique: bool,
    pub temperature: f64,
    pub transitions: Vec<Transition>,
}

/// A rule that leads to another technique.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    pub id: String,
    pub to: String,
    pub priority: i32,
    pub min_current_technique_message_count: Option<i32>,
}

/// A counselor, with its prompt, its bubbles and its episodes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counselor {
    pub id: String,
    pub tone_id: String,
    pub name: String,
    pub description: String,
    pub profile_image: String,
    pub gender: String,
    pub persona_prompt_id: String,
    pub persona_prompt: String,
    pub bubbles: Vec<Bubble>,
    #[serde(default)]
    pub episodes: Vec<Episode>,
}

/// A question with two answers to choose from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bubble {
    pub id: String,
    pub question: String,
    pub response_option1: String,
    pub response_option2: String,
}

/// A story, with its scenes in their order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    pub id: String,
    pub title: String,
    pub required_rapport_threshold: i32,
    pub scenes: Vec<Scene>,
}

/// What is said in an episode.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    pub id: String,
    pub speaker: String,
    pub content: String,
}

/// Reads the content, which is compiled in.
///
/// # Errors
/// When it is not what it should be: a fault of the build.
pub fn load() -> Result<SeedContent, toml::de::Error> {
    toml::from_str(SEED)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use shared::proto::v1::{AiModel, CounselorGender, Speaker};
    use shared::{Violations, id};

    use super::*;
    use crate::episodes::domain::{CONTENT, TITLE};

    #[test]
    fn ids_are_unique_uuids() {
        let content = load().unwrap();
        let mut ids = vec![content.prompt_version.id];
        for tone in content.tones {
            ids.extend([tone.id, tone.prompt_id]);
            for technique in tone.techniques {
                ids.push(technique.id);
                ids.extend(technique.transitions.into_iter().map(|transition| transition.id));
            }
        }
        for counselor in content.counselors {
            ids.extend([counselor.id, counselor.persona_prompt_id]);
            ids.extend(counselor.bubbles.into_iter().map(|bubble| bubble.id));
            for episode in counselor.episodes {
                ids.push(episode.id);
                ids.extend(episode.scenes.into_iter().map(|scene| scene.id));
            }
        }
        let mut violations = Violations::default();
        ids.iter().for_each(|id| id::check_id("id", id, &mut violations));
        assert!(violations.is_empty(), "{violations}");
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn every_counselor_can_talk_in_both_languages_of_the_product() {
        let content = load().unwrap();
        assert!(AiModel::from_str_name(&content.prompt_version.ai_model).is_some());
        for counselor in &content.counselors {
            assert!(content.tones.iter().any(|tone| tone.id == counselor.tone_id), "{}", counselor.name);
            assert!(CounselorGender::from_str_name(&counselor.gender).is_some(), "{}", counselor.gender);
            assert!(counselor.bubbles.len() >= 3, "{}", counselor.name);
        }
        let hangul = |text: &str| text.chars().any(|letter| ('가'..='힣').contains(&letter));
        for korean in [true, false] {
            assert!(content.counselors.iter().any(|counselor| hangul(&counselor.description) == korean));
        }
    }

    #[test]
    fn stories_keep_the_rules_for_stories_and_are_told_in_the_language_of_their_counselor() {
        let content = load().unwrap();
        let hangul = |text: &str| text.chars().any(|letter| ('가'..='힣').contains(&letter));
        let mut violations = Violations::default();
        let mut languages = HashSet::new();
        for counselor in content.counselors.iter().filter(|counselor| !counselor.episodes.is_empty()) {
            let is_korean = hangul(&counselor.description);
            languages.insert(is_korean);
            let thresholds: Vec<_> =
                counselor.episodes.iter().map(|episode| episode.required_rapport_threshold).collect();
            assert_eq!(thresholds, [0, 10], "{}", counselor.name);
            for episode in &counselor.episodes {
                TITLE.read("title", &episode.title, &mut violations);
                assert_eq!(hangul(&episode.title), is_korean, "{}", episode.title);
                for scene in &episode.scenes {
                    CONTENT.read("content", &scene.content, &mut violations);
                    assert!(Speaker::from_str_name(&scene.speaker).is_some(), "{}", scene.speaker);
                    assert_eq!(hangul(&scene.content), is_korean, "{}", scene.content);
                }
            }
        }
        assert!(violations.is_empty(), "{violations}");
        assert_eq!(languages, HashSet::from([true, false]));
    }

    #[test]
    fn every_tone_has_one_start_and_its_transitions_stay_in_it() {
        for tone in load().unwrap().tones {
            let starts = tone.techniques.iter().filter(|technique| technique.is_start_technique).count();
            assert_eq!(starts, 1, "{}", tone.name);
            let ids: HashSet<_> = tone.techniques.iter().map(|technique| &technique.id).collect();
            for technique in &tone.techniques {
                assert!(technique.transitions.iter().all(|transition| ids.contains(&transition.to)));
                assert!((0.0..=2.0).contains(&technique.temperature));
            }
        }
    }
}
