//! An assistant with a large language model behind it, at any provider that speaks the chat completions protocol of
//! OpenAI.
//!
//! A call runs through it in this order: [`prompt`] (or [`analysis`]) writes the conversation, the [`circuit`] lets an
//! attempt through, the [`client`] makes it and follows the stream, [`patience`] says when to try again, [`meter`]
//! counts. Danger is heard by words, not by the model: with danger, the way to immediate help is in the answer whatever
//! the model says, and when no model can be reached, the offline counselor cares.
//!
//! What was said and the key are in no error and no log line.

use futures::future::BoxFuture;
use serde::Deserialize;
use tokio::time::Instant;
use tracing::Instrument;

use self::circuit::Circuit;
use self::client::{CallError, Completion, ModelClient};
use self::meter::Outcome;
use self::settings::ModelName;
use self::wire::{Message, Request};
use super::offline::{Help, OfflineAssistant, RiskScreen, cut};
use super::{
    Analysis, Assistant, AssistantError, Draft, Excerpt, LONGEST_SUMMARY, Protocol, Reply, Risk, Scene,
    Speaker, Summary, Turn, Usage,
};

mod analysis;
mod circuit;
mod client;
mod meter;
mod patience;
mod prompt;
mod settings;
#[cfg(test)]
mod tests;
mod wire;

pub use circuit::CircuitSettings;
pub use client::ModelSetupError;
pub use settings::{ModelNames, ModelSettings};

/// An assistant that asks models.
#[derive(Debug)]
pub struct ModelAssistant {
    settings: ModelSettings,
    client: ModelClient,
    circuit: Circuit,
    /// Knows the way to help in both languages, and cares when no model can be reached.
    offline: OfflineAssistant,
    screen: RiskScreen,
    fallback: Fallback,
}

/// What is said when no model can be reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fallback {
    korean: InRegisters,
    english: InRegisters,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InRegisters {
    formal: String,
    casual: String,
}

/// What a model is asked.
struct Question<'a> {
    model: ModelName<'a>,
    messages: &'a [Message],
    temperature: f64,
    format: Option<serde_json::Value>,
    until: Instant,
}

/// Why there is no answer.
enum Failure {
    /// Nobody was asked.
    CircuitOpen,
    Asked(AssistantError),
}

impl From<Failure> for AssistantError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::CircuitOpen => Self::Unavailable("the circuit is open".to_owned()),
            Failure::Asked(error) => error,
        }
    }
}

/// How analyses and summaries are worded: as likely as can be.
const SOBER: f64 = 0.0;

impl ModelAssistant {
    /// Prepares to ask; no connection is made yet.
    ///
    /// # Errors
    /// When there can be no connection to the provider from here, or the compiled-in texts cannot be read.
    pub fn new(settings: ModelSettings) -> Result<Self, ModelSetupError> {
        let unread = |error: &dyn std::error::Error| ModelSetupError::new(error.to_string());
        let fallback = toml::from_str(include_str!("../../../content/model/fallback.toml"));
        Ok(Self {
            client: ModelClient::new(&settings)?,
            circuit: Circuit::new(settings.circuit),
            offline: OfflineAssistant::new().map_err(|error| unread(&error))?,
            screen: RiskScreen::new().map_err(|error| unread(&error))?,
            fallback: fallback.map_err(|error| unread(&error))?,
            settings,
        })
    }

    async fn answer(&self, turn: &Turn, draft: &Draft) -> Result<Reply, AssistantError> {
        let heard = self.screen.screen(&turn.message);
        let danger = match turn.protocol {
            Protocol::Safety(risk) => Some(risk),
            Protocol::Technique => heard,
        };
        let care = danger.and_then(|risk| Some((risk, self.offline.help(turn, risk.kind)?)));
        let messages = prompt::reply(turn, care.as_ref().map(|(risk, help)| (*risk, help)));
        let question = self.question(&turn.scene, &messages);
        let Completion { text, usage } = match self.ask(question, Some(draft)).await {
            Ok(completion) => completion,
            Err(Failure::CircuitOpen) => return self.stand_in(turn, danger, draft).await,
            Err(failure) => return Err(failure.into()),
        };
        let text = with_help(text.trim(), care.map(|(_, help)| help), draft);
        Ok(Reply { text, risk: heard, usage, is_fallback: false })
    }

    /// No model can be reached. Somebody in danger gets care nevertheless, everybody else an honest word.
    async fn stand_in(
        &self,
        turn: &Turn,
        danger: Option<Risk>,
        draft: &Draft,
    ) -> Result<Reply, AssistantError> {
        let Some(risk) = danger else {
            let words = if self.offline.answers_in_korean(turn) {
                &self.fallback.korean
            } else {
                &self.fallback.english
            };
            let text = if OfflineAssistant::answers_casually(turn) { &words.casual } else { &words.formal };
            draft.push(text);
            return Ok(Reply { is_fallback: true, ..Reply::plain(text.as_str()) });
        };
        let led = Turn { protocol: Protocol::Safety(risk), ..turn.clone() };
        let reply = self.offline.reply(&led, draft).await?;
        Ok(Reply { is_fallback: true, ..reply })
    }

    async fn understand(&self, excerpt: &Excerpt) -> Result<Analysis, AssistantError> {
        let model = self.settings.names.of(excerpt.model);
        let until = Instant::now() + self.settings.deadline;
        let mut messages = analysis::ask(excerpt);
        let mut usage = Usage::default();
        let mut broken = Vec::new();
        // The second round is for mending what the first one got wrong.
        for _ in 0..2 {
            let format = model.takes_schema().then(analysis::response_format);
            let question = Question { model, messages: &messages, temperature: SOBER, format, until };
            let completion = self.ask(question, None).await?;
            usage = added(usage, completion.usage);
            match analysis::read(&completion.text) {
                Ok(context) => {
                    let latest = excerpt.utterances.iter().rev().find(|said| said.speaker == Speaker::User);
                    let heard = latest.and_then(|said| self.screen.screen(&said.text));
                    return Ok(Analysis { context: analysis::with_risk(context, heard), usage });
                }
                Err(problems) => {
                    messages.extend(analysis::ask_again(&completion.text, &problems));
                    broken = problems;
                }
            }
        }
        let fields: Vec<&str> = broken.iter().map(|problem| problem.field).collect();
        Err(AssistantError::Unusable(format!("rules are broken in: {}", fields.join(", "))))
    }

    fn question<'a>(&'a self, scene: &'a Scene, messages: &'a [Message]) -> Question<'a> {
        Question {
            model: self.settings.names.of(scene.model),
            messages,
            temperature: scene.technique.temperature,
            format: None,
            until: Instant::now() + self.settings.deadline,
        }
    }

    /// Asks a model until there is a whole answer, or no more time.
    async fn ask(&self, question: Question<'_>, draft: Option<&Draft>) -> Result<Completion, Failure> {
        let (model, began) = (question.model.0, Instant::now());
        let span = meter::span(model);
        let result = self.attempts(question, draft).instrument(span.clone()).await;
        let (outcome, usage) = match &result {
            Ok(completion) => (Outcome::Ok, completion.usage),
            Err(Failure::CircuitOpen) => (Outcome::CircuitOpen, Usage::default()),
            Err(Failure::Asked(error)) => (outcome(error), Usage::default()),
        };
        meter::called(model, outcome, began.elapsed(), usage);
        span.in_scope(|| meter::trace(outcome, usage));
        result
    }

    async fn attempts(&self, question: Question<'_>, draft: Option<&Draft>) -> Result<Completion, Failure> {
        let Question { model, messages, temperature, format, until } = question;
        let temperature = model.takes_temperature().then_some(temperature);
        let request = Request::new(model.0, messages, temperature, format.as_ref());
        let mut failed = 0;
        loop {
            let pass = self.circuit.admit(Instant::now()).ok_or(Failure::CircuitOpen)?;
            let mut has_spoken = false;
            let said = |delta: &str| {
                has_spoken = true;
                if let Some(draft) = draft {
                    draft.push(delta);
                }
            };
            let result = Box::pin(tokio::time::timeout_at(until, self.client.complete(&request, said))).await;
            if let (true, Some(draft), false) = (has_spoken, draft, matches!(result, Ok(Ok(_)))) {
                draft.clear();
            }
            let now = Instant::now();
            let (what, wait) = match result {
                Ok(Ok(completion)) => {
                    pass.succeeded();
                    return Ok(completion);
                }
                Ok(Err(CallError::Passing { what, wait })) => (what, wait),
                Ok(Err(CallError::Lasting(what))) => {
                    pass.failed(now);
                    tracing::error!(what, model = model.0, "the models cannot be used until this is mended");
                    return Err(Failure::Asked(AssistantError::Unavailable(what)));
                }
                Ok(Err(CallError::Refused(what))) => {
                    pass.succeeded();
                    return Err(Failure::Asked(AssistantError::Refused(what)));
                }
                Ok(Err(CallError::Unusable(what))) => {
                    pass.succeeded();
                    return Err(Failure::Asked(AssistantError::Unusable(what)));
                }
                Err(_) => {
                    pass.failed(now);
                    return Err(Failure::Asked(AssistantError::Timeout));
                }
            };
            pass.failed(now);
            failed += 1;
            let pause = patience::pause(self.settings.first_pause, failed, wait);
            // Whatever the provider asks for: the moment after some pauses is none that a clock has.
            if failed >= self.settings.attempts || pause >= until.saturating_duration_since(now) {
                return Err(Failure::Asked(AssistantError::Unavailable(what)));
            }
            tracing::debug!(what, model = model.0, failed, ?pause, "a model is asked again");
            tokio::time::sleep(pause).await;
        }
    }
}

/// The answer with the way to help, which the model may have left out. It is said in the draft as well.
fn with_help(text: &str, help: Option<Help>, draft: &Draft) -> String {
    let Some(help) = help.filter(|help| !help.is_in(text)) else { return text.to_owned() };
    let lines = format!("\n\n{}", help.lines);
    draft.push(&lines);
    format!("{text}{lines}")
}

fn added(one: Usage, other: Usage) -> Usage {
    Usage {
        input_tokens: one.input_tokens.saturating_add(other.input_tokens),
        output_tokens: one.output_tokens.saturating_add(other.output_tokens),
    }
}

fn outcome(error: &AssistantError) -> Outcome {
    match error {
        AssistantError::Unavailable(_) => Outcome::Unavailable,
        AssistantError::Timeout => Outcome::Timeout,
        AssistantError::Refused(_) => Outcome::Refused,
        AssistantError::Unusable(_) => Outcome::Unusable,
    }
}

impl Assistant for ModelAssistant {
    fn reply<'a>(&'a self, turn: &'a Turn, draft: &'a Draft) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        Box::pin(self.answer(turn, draft))
    }

    fn greet<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, Result<Reply, AssistantError>> {
        Box::pin(async move {
            let messages = prompt::greet(scene, OfflineAssistant::greets_in_korean(scene));
            let Completion { text, usage } = self.ask(self.question(scene, &messages), None).await?;
            Ok(Reply { usage, ..Reply::plain(text.trim()) })
        })
    }

    fn analyze<'a>(&'a self, excerpt: &'a Excerpt) -> BoxFuture<'a, Result<Analysis, AssistantError>> {
        Box::pin(self.understand(excerpt))
    }

    fn summarize<'a>(&'a self, excerpt: &'a Excerpt) -> BoxFuture<'a, Result<Summary, AssistantError>> {
        Box::pin(async move {
            let messages = prompt::summarize(excerpt);
            let question = Question {
                model: self.settings.names.of(excerpt.model),
                messages: &messages,
                temperature: SOBER,
                format: None,
                until: Instant::now() + self.settings.deadline,
            };
            let Completion { text, usage } = self.ask(question, None).await?;
            Ok(Summary { text: cut(text.trim(), LONGEST_SUMMARY), usage })
        })
    }
}
