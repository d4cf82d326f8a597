//! The model assistant, through its real client, against a provider on this machine.

mod answers;
mod circuit;
mod danger;
mod failures;
mod secrets;
mod service;
mod understanding;

use std::time::Duration;

use counseling_svc::assistant::model::CircuitSettings;
use counseling_svc::assistant::{
    ModelAssistant, ModelSettings, Persona, Protocol, Scene, Speaker, Technique, Tone, Turn, Utterance,
};
use shared::config::Secret;
use shared::proto::v1::AiModel;
use shared::testkit::{ModelAct as Act, ModelProvider as Provider};

/// The key that the provider is asked with.
const KEY: &str = "sk-a-key-that-nobody-may-see";

fn settings(provider: &Provider) -> ModelSettings {
    ModelSettings {
        api_key: Some(Secret::new(KEY)),
        deadline: Duration::from_secs(10),
        first_pause: Duration::from_millis(5),
        circuit: CircuitSettings { failures: 100, cool_down: Duration::from_millis(50) },
        ..ModelSettings::at(provider.base_url.clone())
    }
}

fn assistant(provider: &Provider) -> ModelAssistant {
    ModelAssistant::new(settings(provider)).unwrap()
}

fn scene() -> Scene {
    Scene {
        persona: Persona {
            counselor_name: "Maya".to_owned(),
            description: "A quiet listener.".to_owned(),
            prompt: "You like rain.".to_owned(),
        },
        tone: Tone { name: "calm".to_owned(), prompt: "[style: english formal calm]".to_owned() },
        technique: Technique {
            name: "Reframing".to_owned(),
            context: String::new(),
            instruction: "Ask for another view.".to_owned(),
            temperature: 0.7,
        },
        model: AiModel::Gpt4o,
        seed: 1,
    }
}

fn turn(message: &str) -> Turn {
    Turn {
        scene: scene(),
        summary: None,
        history: vec![user("Hello")],
        message: message.to_owned(),
        protocol: Protocol::Technique,
    }
}

fn owned(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

fn user(text: &str) -> Utterance {
    Utterance { speaker: Speaker::User, text: text.to_owned() }
}
