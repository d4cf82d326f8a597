//! Who answers in a counsel: the port [`Assistant`], and behind it the offline counselor, which is the default, or a
//! model.
//!
//! The port knows words, not records: a caller gathers what is to be said and by whom into a [`Scene`], a [`Turn`] or
//! an [`Excerpt`] and stores what comes back. No transaction is open meanwhile.

use futures::future::BoxFuture;
use shared::proto::v1::AiModel;
use tokio::sync::watch;

use crate::contexts::domain::Context;

pub mod model;
pub mod offline;

pub use model::{ModelAssistant, ModelNames, ModelSettings};
pub use offline::{OfflineAssistant, RiskScreen};

/// A counselor's mind: it greets, and it answers what a user says.
///
/// An implementation holds no state of a conversation; whatever it needs is in the argument. It answers as the
/// persona, in the tone's voice, with the technique's way of helping, and never leaves a message that speaks of harm
/// without care and the way to immediate help.
pub trait Assistant: Send + Sync + 'static {
    /// Answers the last message of a turn. What is said so far is told to `draft` as it comes.
    fn reply<'a>(&'a self, turn: &'a Turn, draft: &'a Draft) -> BoxFuture<'a, Result<Reply, AssistantError>>;

    /// The first words of a counsel that was opened without a bubble.
    fn greet<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, Result<Reply, AssistantError>>;

    /// What a counsel is about and how its user is doing, by its latest words. What they do not tell is absent.
    fn analyze<'a>(&'a self, excerpt: &'a Excerpt) -> BoxFuture<'a, Result<Analysis, AssistantError>>;

    /// Puts what was said, and the summary of what was said before it, into one summary of at most
    /// [`LONGEST_SUMMARY`] characters, for the assistant's own use in later turns.
    fn summarize<'a>(&'a self, excerpt: &'a Excerpt) -> BoxFuture<'a, Result<Summary, AssistantError>>;
}

/// The most characters of a summary.
pub const LONGEST_SUMMARY: usize = 2000;

/// A reply while it is being said: who follows it sees all of its words so far, and may skip states in between. So a
/// slow follower neither holds the assistant up nor piles anything up.
#[derive(Debug, Default)]
pub struct Draft(watch::Sender<String>);

impl Draft {
    /// Adds what was said next.
    pub fn push(&self, delta: &str) {
        self.0.send_modify(|text| text.push_str(delta));
    }

    /// Begins again: what was said so far does not count.
    pub fn clear(&self) {
        self.0.send_modify(String::clear);
    }

    /// Follows it. Ends when the draft is dropped.
    pub fn follow(&self) -> watch::Receiver<String> {
        self.0.subscribe()
    }
}

/// What stays the same while a counsel goes on: who speaks, how, and with which technique.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The counselor who speaks.
    pub persona: Persona,
    /// The counselor's tone of voice.
    pub tone: Tone,
    /// The counsel technique that the counsel is in.
    pub technique: Technique,
    /// The model that the prompts are written for.
    pub model: AiModel,
    /// Where an implementation takes its randomness from: the same turn with the same seed may be answered alike.
    pub seed: u64,
}

/// The counselor who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// The name that users see.
    pub counselor_name: String,
    /// The description that users see.
    pub description: String,
    /// The persona prompt of the prompt version in use.
    pub prompt: String,
}

/// A tone of voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tone {
    /// The name of the tone.
    pub name: String,
    /// The tone prompt of the prompt version in use.
    pub prompt: String,
}

/// A counsel technique: what the counselor does with what is heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Technique {
    /// The name of the technique.
    pub name: String,
    /// When and why it is used.
    pub context: String,
    /// What to do.
    pub instruction: String,
    /// How freely a model words its answer, 0.0 to 2.0.
    pub temperature: f64,
}

/// A message that waits for its answer, and what was said before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who answers, and how.
    pub scene: Scene,
    /// What the earlier parts of the counsel were about, if it is long.
    pub summary: Option<String>,
    /// What was said before and after that, oldest first, without `message`.
    pub history: Vec<Utterance>,
    /// What the user says now.
    pub message: String,
    /// What the answer is led by.
    pub protocol: Protocol,
}

/// What an answer is led by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The technique of the scene.
    Technique,
    /// Care in danger, whatever the technique says: hear the pain, ask about safety, give the way to immediate help.
    Safety(Risk),
}

/// A part of a counsel that is to be understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Excerpt {
    /// The model to understand it with.
    pub model: AiModel,
    /// What was said before it, in short.
    pub summary: Option<String>,
    /// What was said, oldest first.
    pub utterances: Vec<Utterance>,
    /// What is known of the counsel already.
    pub known: Context,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utterance {
    /// Who said it.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
}

/// The two sides of a counsel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The assistant, in its persona.
    Counselor,
    /// The person who looks for someone to talk to.
    User,
}

/// What the counselor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The words.
    pub text: String,
    /// The danger that the answered message speaks of, if it does.
    pub risk: Option<Risk>,
    /// What it took.
    pub usage: Usage,
    /// Whether it only stands in for an answer that could not be had: the user does not pay for it.
    pub is_fallback: bool,
}

impl Reply {
    /// These words, which speak of no danger and took nothing.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), risk: None, usage: Usage::default(), is_fallback: false }
    }
}

/// What a call took of a model, in the model's own tokens; 0 where no model was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens that were read.
    pub input_tokens: u32,
    /// Tokens that were written.
    pub output_tokens: u32,
}

/// What a counsel is about, as understood by its latest words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Analysis {
    /// What they tell.
    pub context: Context,
    /// What it took.
    pub usage: Usage,
}

/// A longer part of a counsel in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The words.
    pub text: String,
    /// What it took.
    pub usage: Usage,
}

/// A danger to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Risk {
    /// What kind of danger.
    pub kind: RiskKind,
    /// From 1, somebody is worried, to 5, it may happen now.
    pub severity: u8,
}

/// The kinds of danger that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskKind {
    /// Suicide, self-injury, or the wish to be gone.
    SelfHarm,
    /// The user may hurt somebody.
    HarmToOthers,
    /// Somebody hurts the user: violence, sexual violence, neglect.
    Abuse,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssistantError {
    /// It cannot be reached, or has no capacity; later it may answer.
    #[error("the assistant is unavailable: {0}")]
    Unavailable(String),
    /// It took too long.
    #[error("the assistant did not answer in time")]
    Timeout,
    /// It will not answer this message, however often it is asked.
    #[error("the assistant refused to answer: {0}")]
    Refused(String),
    /// What it answered is not what was asked for, and asking again did not mend it.
    #[error("the assistant's answer cannot be used: {0}")]
    Unusable(String),
}
