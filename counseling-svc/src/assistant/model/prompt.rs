//! What a model is told: who it is, how it speaks, what it does, and what was said.
//!
//! The fixed parts are texts in `content/model/`; everything else comes from the scene, which admins write.

use serde_json::json;

use super::wire::{Message, Role};
use crate::assistant::offline::Help;
use crate::assistant::{Excerpt, Protocol, Risk, RiskKind, Scene, Speaker, Turn, Utterance};

const RULES: &str = include_str!("../../../content/model/rules.md");
const SAFETY: &str = include_str!("../../../content/model/safety.md");
const DANGER: &str = include_str!("../../../content/model/danger.md");
const GREET: &str = include_str!("../../../content/model/greet.md");
const SUMMARIZE: &str = include_str!("../../../content/model/summarize.md");

/// The conversation of a turn. Where danger was named or leads, `care` holds it and the way to help.
pub(super) fn reply(turn: &Turn, care: Option<(Risk, &Help)>) -> Vec<Message> {
    let mut parts = who(&turn.scene);
    match (turn.protocol, care) {
        (Protocol::Safety(risk), Some((_, help))) => {
            let protocol = format!("{}\n{SAFETY}\nThe way to immediate help:\n{}", danger(risk), help.lines);
            parts.push(part("What you do now: care in danger", &protocol));
        }
        (Protocol::Safety(risk), None) => {
            parts.push(part("What you do now: care in danger", &format!("{}\n{SAFETY}", danger(risk))));
        }
        (Protocol::Technique, care) => {
            parts.push(technique(&turn.scene));
            if let Some((risk, help)) = care {
                let heed = format!("{}\n{DANGER}\nThe way to immediate help:\n{}", danger(risk), help.lines);
                parts.push(part("What comes first now", &heed));
            }
        }
    }
    if let Some(summary) = turn.summary.as_deref().filter(|summary| !summary.trim().is_empty()) {
        parts.push(part("What you remember of the earlier conversation", summary));
    }
    parts.push(part("Rules", RULES));

    let mut messages = vec![Message::new(Role::System, parts.join("\n\n"))];
    messages.extend(turn.history.iter().map(said));
    messages.push(Message::new(Role::User, turn.message.clone()));
    messages
}

/// Asks for first words.
pub(super) fn greet(scene: &Scene, in_korean: bool) -> Vec<Message> {
    let mut parts = who(scene);
    let language = if in_korean { "Korean" } else { "English" };
    parts.push(part("What you do now", &format!("{GREET}\nWrite in {language}.")));
    parts.push(part("Rules", RULES));
    // Some servers answer nothing but a user.
    let opens = Message::new(Role::User, "(The conversation has been opened.)");
    vec![Message::new(Role::System, parts.join("\n\n")), opens]
}

/// Asks for a new summary.
pub(super) fn summarize(excerpt: &Excerpt) -> Vec<Message> {
    let material = json!({ "summary": excerpt.summary, "utterances": transcript(&excerpt.utterances) });
    vec![Message::new(Role::System, SUMMARIZE.trim()), Message::new(Role::User, material.to_string())]
}

/// What was said, as material: in JSON nothing of it can be taken for anything else.
pub(super) fn transcript(utterances: &[Utterance]) -> serde_json::Value {
    let told = |utterance: &Utterance| {
        let speaker = match utterance.speaker {
            Speaker::User => "user",
            Speaker::Counselor => "counselor",
        };
        json!({ "speaker": speaker, "text": utterance.text })
    };
    utterances.iter().map(told).collect()
}

fn said(utterance: &Utterance) -> Message {
    let role = match utterance.speaker {
        Speaker::User => Role::User,
        Speaker::Counselor => Role::Assistant,
    };
    Message::new(role, utterance.text.clone())
}

fn who(scene: &Scene) -> Vec<String> {
    let persona = &scene.persona;
    let who = format!(
        "You are {}, an AI counselor who listens to people. {}\n{}",
        persona.counselor_name, persona.description, persona.prompt
    );
    vec![who.trim().to_owned(), part(&format!("Your voice: {}", scene.tone.name), &scene.tone.prompt)]
}

fn technique(scene: &Scene) -> String {
    let technique = &scene.technique;
    let text = format!("{}\n{}", technique.context, technique.instruction);
    part(&format!("What you do now: {}", technique.name), &text)
}

fn part(title: &str, text: &str) -> String {
    format!("# {title}\n{}", text.trim())
}

fn danger(risk: Risk) -> String {
    let what = match risk.kind {
        RiskKind::SelfHarm => "suicide, self-injury, or the wish to be gone",
        RiskKind::HarmToOthers => "that the user may hurt somebody",
        RiskKind::Abuse => "that somebody hurts the user",
    };
    format!("The danger: {what}. How grave: {} of 5, where 5 may happen now.", risk.severity)
}
