//! Who answers in a counsel: the port [`Assistant`], and the offline counselor that is the default behind it.
//!
//! The port knows words, not records: a caller gathers what is to be said and by whom into a [`Scene`] or a [`Turn`]
//! and stores what comes back. No transaction is open meanwhile.

use futures::future::BoxFuture;

pub mod offline;

pub use offline::OfflineAssistant;

/// A counselor's mind: it greets, and it answers what a user says.
///
/// An implementation holds no state of a conversation; whatever it needs is in the argument. It answers as the
/// persona, in the tone's voice, with the technique's way of helping, and never leaves a message that speaks of harm
/// without care and the way to immediate help.
pub trait Assistant: Send + Sync + 'static {
    /// Answers the last message of a turn.
    fn reply<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<Reply, AssistantError>>;

    /// The first words of a counsel that was opened without a bubble.
    fn greet<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, Result<Reply, AssistantError>>;
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
    /// What was said before, oldest first, without `message`.
    pub history: Vec<Utterance>,
    /// What the user says now.
    pub message: String,
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
}
