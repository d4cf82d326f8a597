//! What the offline counselor does, rule by rule.

mod analysis;
mod content;
mod conversation;
mod safety;
mod understanding;

use std::sync::LazyLock;

use futures::executor::block_on;

use super::OfflineAssistant;
use shared::proto::v1::AiModel;

use crate::assistant::{
    Assistant, Draft, Persona, Protocol, Reply, Scene, Speaker, Technique, Tone, Turn, Utterance,
};

static ASSISTANT: LazyLock<OfflineAssistant> = LazyLock::new(|| OfflineAssistant::new().unwrap());

const STYLES: [&str; 8] = [
    "korean formal warm",
    "korean formal calm",
    "korean formal direct",
    "korean casual playful",
    "korean casual warm",
    "english formal calm",
    "english casual direct",
    "english casual playful",
];
const MOVES: [&str; 8] =
    ["listen", "validate", "explore", "affirm", "reframe", "solution", "activate", "ground"];

fn scene(style: &str, technique: &str, seed: u64) -> Scene {
    let korean = style.contains("korean");
    Scene {
        persona: Persona {
            counselor_name: if korean { "하늘" } else { "Maya" }.into(),
            description: if korean {
                "지친 하루의 끝에서 듣는 상담사"
            } else {
                "A quiet listener"
            }
            .into(),
            prompt: String::new(),
        },
        tone: Tone { name: "tone".into(), prompt: format!("[style: {style}]\nBe kind.") },
        technique: Technique {
            name: "technique".into(),
            context: String::new(),
            instruction: format!("[move: {technique}]\nHelp."),
            temperature: 0.7,
        },
        model: AiModel::Gpt4oMini,
        seed,
    }
}

/// A conversation that is had with the offline counselor.
struct Counsel {
    assistant: &'static OfflineAssistant,
    scene: Scene,
    history: Vec<Utterance>,
}

impl Counsel {
    fn new(style: &str, technique: &str, seed: u64) -> Self {
        Self { assistant: &ASSISTANT, scene: scene(style, technique, seed), history: Vec::new() }
    }

    /// Answers without remembering.
    fn answer(&self, message: &str) -> Reply {
        let turn = Turn {
            scene: self.scene.clone(),
            summary: None,
            history: self.history.clone(),
            message: message.to_owned(),
            protocol: Protocol::Technique,
        };
        block_on(self.assistant.reply(&turn, &Draft::default())).unwrap()
    }

    /// Answers and remembers.
    fn say(&mut self, message: &str) -> Reply {
        let reply = self.answer(message);
        self.history.push(Utterance { speaker: Speaker::User, text: message.to_owned() });
        self.history.push(Utterance { speaker: Speaker::Counselor, text: reply.text.clone() });
        reply
    }
}

/// The answer to the first message of a counsel.
fn answer(style: &str, technique: &str, message: &str) -> Reply {
    Counsel::new(style, technique, 7).answer(message)
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(['.', '?', '!', '\n']).map(str::trim).filter(|sentence| !sentence.is_empty())
}

fn is_korean(text: &str) -> bool {
    text.chars().any(|letter| ('가'..='힣').contains(&letter))
}
